// Attention as XLA sees it.

#include <cstring>

#include "attention.h"
#include "handlers.h"

namespace pellucid {

#define PELLUCID_DECLARE(isa)                                                                     \
  namespace isa {                                                                                 \
  void attention(const Attention&, const AttentionArrays&, float*, const Parallel&);              \
  void attention_gradient(const Attention&, const AttentionArrays&, const float*,                 \
                          const AttentionGradients&, const Parallel&);                            \
  }

PELLUCID_DECLARE(baseline)
#if defined(__x86_64__)
PELLUCID_DECLARE(avx512)
PELLUCID_DECLARE(avx2)
#endif

namespace {

struct Bodies {
  AttentionForward attention;
  AttentionBackward attention_gradient;
};

#define PELLUCID_BODIES(isa) Bodies{isa::attention, isa::attention_gradient}

Bodies choose() {
#if defined(__x86_64__)
  if (std::strcmp(pellucid_instruction_set(), "avx512") == 0) return PELLUCID_BODIES(avx512);
  if (std::strcmp(pellucid_instruction_set(), "avx2") == 0) return PELLUCID_BODIES(avx2);
#endif
  return PELLUCID_BODIES(baseline);
}

const Bodies& bodies() {
  static const Bodies chosen = choose();
  return chosen;
}

using Mask = ffi::Buffer<ffi::PRED>;

// Reads q (..., queries, width), k (..., keys, width), v (..., keys, value width) and the mask
// (..., keys), which is empty where every key may be read; false if they do not fit together.
bool read(Buffer& q, Buffer& k, Buffer& values, Mask& mask, bool causal, float scale,
          Attention* v) {
  const auto qs = q.dimensions(), ks = k.dimensions(), vs = values.dimensions();
  if (qs.size() < 2 || ks.size() < 2 || vs.size() < 2) return false;
  const int64_t queries = qs[qs.size() - 2], width = qs.back();
  const int64_t keys = ks[ks.size() - 2], value_width = vs.back();
  if (queries == 0 || width == 0 || keys == 0 || value_width == 0) return false;
  const int64_t groups = q.element_count() / (queries * width);
  *v = {groups, queries, keys, width, value_width, scale, causal,
        mask.element_count() == 0 ? nullptr : mask.typed_data()};
  return ks.back() == width && vs[vs.size() - 2] == keys && holds(k, groups, keys * width) &&
         holds(values, groups, keys * value_width) &&
         (v->mask == nullptr || static_cast<int64_t>(mask.element_count()) == groups * keys);
}

ffi::Error misfit() { return refuse("pellucid: the arrays of attention do not fit together"); }

ffi::Error attention(ffi::ThreadPool pool, bool causal, float scale, Buffer q, Buffer k,
                     Buffer values, Mask mask, Result y) {
  Attention v;
  if (!read(q, k, values, mask, causal, scale, &v) ||
      !holds(*y, v.groups, v.queries * v.value_width))
    return misfit();
  bodies().attention(v, {q.typed_data(), k.typed_data(), values.typed_data()}, y->typed_data(),
                     crew_of(pool));
  return ffi::Error::Success();
}

ffi::Error attention_gradient(ffi::ThreadPool pool, bool causal, float scale, Buffer q, Buffer k,
                              Buffer values, Buffer dy, Mask mask, Result dq, Result dk,
                              Result dv) {
  Attention v;
  if (!read(q, k, values, mask, causal, scale, &v) ||
      !holds(dy, v.groups, v.queries * v.value_width) ||
      dq->element_count() != q.element_count() || dk->element_count() != k.element_count() ||
      dv->element_count() != values.element_count())
    return misfit();
  bodies().attention_gradient(v, {q.typed_data(), k.typed_data(), values.typed_data()},
                              dy.typed_data(),
                              {dq->typed_data(), dk->typed_data(), dv->typed_data()},
                              crew_of(pool));
  return ffi::Error::Success();
}

}  // namespace
}  // namespace pellucid

// Everything else in the library is hidden.
#pragma GCC visibility push(default)

#define SETTINGS .Attr<bool>("causal").Attr<float>("scale")

PELLUCID_HANDLER(pellucid_attention, pellucid::attention, SETTINGS F F F M R);
PELLUCID_HANDLER(pellucid_attention_gradient, pellucid::attention_gradient,
                 SETTINGS F F F F M R R R);

#pragma GCC visibility pop
