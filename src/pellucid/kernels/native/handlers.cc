// The kernels as XLA sees them: foreign functions that take buffers and run on XLA's own threads.

#include <cstdlib>
#include <cstring>

#include "adam.h"
#include "convolution.h"
#include "handlers.h"
#include "matrix.h"
#include "pages.h"
#include "recurrence.h"
#include "rows.h"

namespace pellucid {

// Every body is compiled once for each instruction set, in a namespace of its name.
#define PELLUCID_RECURRENCES(name, Arrays)                              \
  void name(const Sequences&, const Arrays&, const Parallel&);          \
  void name##_gradient(const Sequences&, const Arrays##Gradient&, const Parallel&);

#define PELLUCID_DECLARE(isa)                                                                     \
  namespace isa {                                                                                 \
  void conv_forward(const Convolution&, const float*, const float*, float*, const Parallel&);     \
  void conv_input_gradient(const Convolution&, const float*, const float*, float*,                \
                           const Parallel&);                                                      \
  void conv_weight_gradient(const Convolution&, const float*, const float*, float*,               \
                            const Parallel&);                                                     \
  void multiply(const MatrixProduct&, const float*, const float*, float*, const Parallel&);       \
  void adam(const AdamStep&, const float*, const float*, const float*, const float*, float*,      \
            float*, float*, const Parallel&);                                                     \
  PELLUCID_RECURRENCES(simple_rnn, SimpleRNN)                                                     \
  PELLUCID_RECURRENCES(lstm, LSTM)                                                                \
  PELLUCID_RECURRENCES(gru, GRU)                                                                  \
  }

template <typename Arrays, typename Gradient>
struct BothWays {
  Recurrence<Arrays> forward;
  Recurrence<Gradient> backward;
};

struct Bodies {
  const char* name;
  ConvolutionProduct conv_forward, conv_input_gradient, conv_weight_gradient;
  Multiply multiply;
  Adam adam;
  BothWays<SimpleRNN, SimpleRNNGradient> simple_rnn;
  BothWays<LSTM, LSTMGradient> lstm;
  BothWays<GRU, GRUGradient> gru;
};

#define PELLUCID_BODIES(isa)                                                                    \
  Bodies {                                                                                      \
    #isa, isa::conv_forward, isa::conv_input_gradient, isa::conv_weight_gradient, isa::multiply, \
        isa::adam, {isa::simple_rnn, isa::simple_rnn_gradient},                                 \
        {isa::lstm, isa::lstm_gradient}, {isa::gru, isa::gru_gradient}                          \
  }

PELLUCID_DECLARE(baseline)
#if defined(__x86_64__)
PELLUCID_DECLARE(avx512)
PELLUCID_DECLARE(avx2)
#endif

namespace {

// The bodies for the best instruction set that this processor has. PELLUCID_KERNELS names a lesser
// one to use instead, for tests.
Bodies choose() {
#if defined(__x86_64__)
  const char* wanted = std::getenv("PELLUCID_KERNELS");
  const auto allowed = [&](const char* name) {
    return wanted == nullptr || *wanted == '\0' || std::strcmp(wanted, "on") == 0 ||
           std::strcmp(wanted, name) == 0;
  };
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("fma") && allowed("avx512"))
    return PELLUCID_BODIES(avx512);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && allowed("avx2"))
    return PELLUCID_BODIES(avx2);
#endif
  return PELLUCID_BODIES(baseline);
}

const Bodies& bodies() {
  static const Bodies chosen = choose();
  return chosen;
}

Axis axis(Numbers g, size_t at) {
  return Axis{g[at], g[at + 1], g[at + 2], g[at + 3], g[at + 4], g[at + 5]};
}

// geometry: samples, channels, filters, groups, then six numbers for rows and six for columns.
bool read(Numbers g, Convolution* v) {
  if (g.size() != 16 || g[3] < 1) return false;
  *v = Convolution{g[0], axis(g, 4), axis(g, 10), g[1], g[2], g[3]};
  return true;
}

struct Sizes {
  size_t x, w, y;
};

Sizes sizes(const Convolution& v) {
  return {static_cast<size_t>(v.samples * v.rows.size * v.columns.size * v.channels),
          static_cast<size_t>(v.rows.kernel * v.columns.kernel * (v.channels / v.groups) * v.filters),
          static_cast<size_t>(v.samples * v.rows.output * v.columns.output * v.filters)};
}

// Checks that each buffer has the size of its part of the convolution, and computes the product.
ffi::Error convolve(ConvolutionProduct product, ffi::ThreadPool& pool, Numbers geometry, Buffer a,
                    size_t Sizes::*a_size, Buffer b, size_t Sizes::*b_size, Result& out,
                    size_t Sizes::*out_size) {
  Convolution v;
  if (!read(geometry, &v)) return refuse("pellucid: bad geometry");
  const Sizes expected = sizes(v);
  if (a.element_count() != expected.*a_size || b.element_count() != expected.*b_size ||
      out->element_count() != expected.*out_size)
    return refuse("pellucid: a buffer does not have the convolution's size");
  if (out->element_count() == 0) return ffi::Error::Success();
  if (a.element_count() == 0 || b.element_count() == 0) {
    std::memset(out->typed_data(), 0, out->element_count() * sizeof(float));
    return ffi::Error::Success();
  }
  product(v, a.typed_data(), b.typed_data(), out->typed_data(), crew_of(pool));
  return ffi::Error::Success();
}

ffi::Error conv_forward(ffi::ThreadPool pool, ffi::RunId run, Numbers geometry, Buffer x, Buffer w,
                        Result y) {
  want_large_pages(run.run_id, y->untyped_data(), y->size_bytes());
  return convolve(bodies().conv_forward, pool, geometry, x, &Sizes::x, w, &Sizes::w, y, &Sizes::y);
}

ffi::Error conv_input_gradient(ffi::ThreadPool pool, Numbers geometry, Buffer dy, Buffer w,
                               Result dx) {
  return convolve(bodies().conv_input_gradient, pool, geometry, dy, &Sizes::y, w, &Sizes::w, dx,
                  &Sizes::x);
}

ffi::Error conv_weight_gradient(ffi::ThreadPool pool, Numbers geometry, Buffer x, Buffer dy,
                                Result dw) {
  return convolve(bodies().conv_weight_gradient, pool, geometry, x, &Sizes::x, dy, &Sizes::y, dw,
                  &Sizes::w);
}

ffi::Error multiply(ffi::ThreadPool pool, bool transpose_a, bool transpose_b, Buffer a, Buffer b,
                    Result c) {
  const auto as = a.dimensions(), bs = b.dimensions(), cs = c->dimensions();
  if (as.size() != 2 || bs.size() != 2 || cs.size() != 2)
    return refuse("pellucid: a product of matrices takes matrices");
  const MatrixProduct v{as[transpose_a], as[!transpose_a], bs[!transpose_b], transpose_a,
                        transpose_b};
  if (bs[transpose_b] != v.depth || cs[0] != v.rows || cs[1] != v.columns)
    return refuse("pellucid: the matrices do not fit together");
  if (v.rows == 0 || v.columns == 0) return ffi::Error::Success();
  if (v.depth == 0)
    std::memset(c->typed_data(), 0, c->element_count() * sizeof(float));
  else
    bodies().multiply(v, a.typed_data(), b.typed_data(), c->typed_data(), crew_of(pool));
  return ffi::Error::Success();
}

// rates: lr, 1 / (1 - beta_1^t), 1 / (1 - beta_2^t).
ffi::Error adam(ffi::ThreadPool pool, double beta_1, double beta_2, double epsilon,
                double weight_decay, Buffer rates, Buffer g, Buffer w, Buffer m, Buffer v,
                Result new_w, Result new_m, Result new_v) {
  const size_t size = w.element_count();
  if (rates.element_count() != 3) return refuse("pellucid: Adam takes three rates");
  for (size_t other : {g.element_count(), m.element_count(), v.element_count(),
                       new_w->element_count(), new_m->element_count(), new_v->element_count()})
    if (other != size) return refuse("pellucid: Adam's arrays differ in size");
  const float* r = rates.typed_data();
  const AdamStep step{static_cast<int64_t>(size), beta_1, beta_2, epsilon, weight_decay,
                      r[0], r[1], r[2]};
  bodies().adam(step, g.typed_data(), w.typed_data(), m.typed_data(), v.typed_data(),
                new_w->typed_data(), new_m->typed_data(), new_v->typed_data(), crew_of(pool));
  return ffi::Error::Success();
}

ffi::Error rows(ffi::ThreadPool pool, ffi::RunId run, ffi::AnyBuffer data,
                ffi::Buffer<ffi::S32> rows, ffi::Result<ffi::AnyBuffer> out) {
  const auto from = data.dimensions(), to = out->dimensions();
  const int64_t count = rows.element_count();
  if (from.size() < 1 || from.size() != to.size() || to[0] != count ||
      data.element_type() != out->element_type())
    return refuse("pellucid: the rows do not fit the data");
  if (out->size_bytes() == 0) return ffi::Error::Success();
  want_large_pages(run.run_id, out->untyped_data(), out->size_bytes());
  const TakeRows v{from[0], count, static_cast<int64_t>(out->size_bytes()) / count};
  if (from[0] < 1 || static_cast<int64_t>(data.size_bytes()) != from[0] * v.bytes)
    return refuse("pellucid: the rows do not fit the data");
  take_rows(v, static_cast<const char*>(data.untyped_data()), rows.typed_data(),
            static_cast<char*>(out->untyped_data()), crew_of(pool));
  return ffi::Error::Success();
}

// The same out of ``size`` rows that lie in the host's memory at an address, given as its lower and
// its upper 32 bits.
ffi::Error host_rows(ffi::ThreadPool pool, ffi::RunId run, int64_t size,
                     ffi::Buffer<ffi::U32> address, ffi::Buffer<ffi::S32> rows,
                     ffi::Result<ffi::AnyBuffer> out) {
  const auto to = out->dimensions();
  const int64_t count = rows.element_count();
  if (address.element_count() != 2 || size < 1 || to.size() < 1 || to[0] != count)
    return refuse("pellucid: the rows do not fit the data");
  if (out->size_bytes() == 0) return ffi::Error::Success();
  want_large_pages(run.run_id, out->untyped_data(), out->size_bytes());
  const uint32_t* half = address.typed_data();
  const uint64_t first = half[0] | static_cast<uint64_t>(half[1]) << 32;
  if (first == 0) return refuse("pellucid: the data have no address");
  const TakeRows v{size, count, static_cast<int64_t>(out->size_bytes()) / count};
  take_rows(v, reinterpret_cast<const char*>(first), rows.typed_data(),
            static_cast<char*>(out->untyped_data()), crew_of(pool));
  return ffi::Error::Success();
}

// Sequences of the shape of ``h``, (batch, steps, units); an empty mask says that all steps count.
using Mask = ffi::Buffer<ffi::PRED>;

Sequences sequences(const ffi::Span<const int64_t>& h, bool reverse, Mask& mask) {
  return {h[0], h[1], h[2], reverse, mask.element_count() == 0 ? nullptr : mask.typed_data()};
}

bool fits(const ffi::Span<const int64_t>& h, Mask& mask) {
  const int64_t count = mask.element_count();
  return h.size() == 3 && (count == 0 || count == h[0] * h[1]);
}

ffi::Error misfit() { return refuse("pellucid: the arrays of the sequences do not fit together"); }

ffi::Error simple_rnn(ffi::ThreadPool pool, bool reverse, Buffer p, Buffer u, Buffer h0, Mask mask,
                      Result h) {
  const auto d = h->dimensions();
  if (!fits(d, mask) || !holds(p, d[0] * d[1], d[2]) || !holds(u, d[2], d[2]) ||
      !holds(h0, d[0], d[2]))
    return misfit();
  bodies().simple_rnn.forward(
      sequences(d, reverse, mask),
      {p.typed_data(), u.typed_data(), h0.typed_data(), h->typed_data()}, crew_of(pool));
  return ffi::Error::Success();
}

ffi::Error simple_rnn_gradient(ffi::ThreadPool pool, bool reverse, Buffer dh, Buffer h, Buffer u,
                               Mask mask, Result da, Result dh0) {
  const auto d = h.dimensions();
  if (!fits(d, mask) || !holds(dh, d[0] * d[1], d[2]) || !holds(u, d[2], d[2]) ||
      !holds(*da, d[0] * d[1], d[2]) || !holds(*dh0, d[0], d[2]))
    return misfit();
  bodies().simple_rnn.backward(sequences(d, reverse, mask),
                               {dh.typed_data(), h.typed_data(), u.typed_data(), da->typed_data(),
                                dh0->typed_data()},
                               crew_of(pool));
  return ffi::Error::Success();
}

ffi::Error lstm(ffi::ThreadPool pool, bool reverse, Buffer p, Buffer u, Buffer h0, Buffer c0,
                Mask mask, Result h, Result c, Result gates) {
  const auto d = h->dimensions();
  const int64_t steps = d.size() == 3 ? d[0] * d[1] : 0;
  if (!fits(d, mask) || !holds(p, steps, 4 * d[2]) || !holds(u, d[2], 4 * d[2]) ||
      !holds(h0, d[0], d[2]) || !holds(c0, d[0], d[2]) || !holds(*c, steps, d[2]) ||
      !holds(*gates, steps, 4 * d[2]))
    return misfit();
  bodies().lstm.forward(sequences(d, reverse, mask),
                        {p.typed_data(), u.typed_data(), h0.typed_data(), c0.typed_data(),
                         h->typed_data(), c->typed_data(), gates->typed_data()},
                        crew_of(pool));
  return ffi::Error::Success();
}

// An empty dc says that nothing reads the cells.
ffi::Error lstm_gradient(ffi::ThreadPool pool, bool reverse, Buffer dh, Buffer dc, Buffer c,
                         Buffer gates, Buffer c0, Buffer u, Mask mask, Result da, Result dh0,
                         Result dc0) {
  const auto d = c.dimensions();
  const int64_t steps = d.size() == 3 ? d[0] * d[1] : 0;
  if (!fits(d, mask) || !holds(dh, steps, d[2]) ||
      (dc.element_count() != 0 && !holds(dc, steps, d[2])) || !holds(gates, steps, 4 * d[2]) ||
      !holds(c0, d[0], d[2]) || !holds(u, d[2], 4 * d[2]) || !holds(*da, steps, 4 * d[2]) ||
      !holds(*dh0, d[0], d[2]) || !holds(*dc0, d[0], d[2]))
    return misfit();
  bodies().lstm.backward(
      sequences(d, reverse, mask),
      {dh.typed_data(), dc.element_count() == 0 ? nullptr : dc.typed_data(), c.typed_data(),
       gates.typed_data(), c0.typed_data(), u.typed_data(), da->typed_data(), dh0->typed_data(),
       dc0->typed_data()},
      crew_of(pool));
  return ffi::Error::Success();
}

ffi::Error gru(ffi::ThreadPool pool, bool reverse, Buffer p, Buffer u, Buffer b, Buffer h0,
               Mask mask, Result h, Result gates) {
  const auto d = h->dimensions();
  const int64_t steps = d.size() == 3 ? d[0] * d[1] : 0;
  if (!fits(d, mask) || !holds(p, steps, 3 * d[2]) || !holds(u, d[2], 3 * d[2]) ||
      !holds(b, 3, d[2]) || !holds(h0, d[0], d[2]) || !holds(*gates, steps, 4 * d[2]))
    return misfit();
  bodies().gru.forward(sequences(d, reverse, mask),
                       {p.typed_data(), u.typed_data(), b.typed_data(), h0.typed_data(),
                        h->typed_data(), gates->typed_data()},
                       crew_of(pool));
  return ffi::Error::Success();
}

ffi::Error gru_gradient(ffi::ThreadPool pool, bool reverse, Buffer dh, Buffer h, Buffer gates,
                        Buffer h0, Buffer u, Mask mask, Result dp, Result dq, Result dh0) {
  const auto d = h.dimensions();
  const int64_t steps = d.size() == 3 ? d[0] * d[1] : 0;
  if (!fits(d, mask) || !holds(dh, steps, d[2]) || !holds(gates, steps, 4 * d[2]) ||
      !holds(h0, d[0], d[2]) || !holds(u, d[2], 3 * d[2]) || !holds(*dp, steps, 3 * d[2]) ||
      !holds(*dq, steps, 3 * d[2]) || !holds(*dh0, d[0], d[2]))
    return misfit();
  bodies().gru.backward(sequences(d, reverse, mask),
                        {dh.typed_data(), h.typed_data(), gates.typed_data(), h0.typed_data(),
                         u.typed_data(), dp->typed_data(), dq->typed_data(), dh0->typed_data()},
                        crew_of(pool));
  return ffi::Error::Success();
}

}  // namespace
}  // namespace pellucid

// Everything else in the library is hidden.
#pragma GCC visibility push(default)

#define CONVOLUTION .Attr<ffi::Span<const int64_t>>("geometry") F F R
// For handlers that write the first large result of a run.
#define RUN .Ctx<ffi::RunId>()
#define REVERSE .Attr<bool>("reverse")

PELLUCID_HANDLER(pellucid_conv_forward, pellucid::conv_forward, RUN CONVOLUTION);
PELLUCID_HANDLER(pellucid_conv_input_gradient, pellucid::conv_input_gradient, CONVOLUTION);
PELLUCID_HANDLER(pellucid_conv_weight_gradient, pellucid::conv_weight_gradient, CONVOLUTION);
PELLUCID_HANDLER(pellucid_multiply, pellucid::multiply,
                 .Attr<bool>("transpose_a").Attr<bool>("transpose_b") F F R);
PELLUCID_HANDLER(pellucid_adam, pellucid::adam,
                 .Attr<double>("beta_1").Attr<double>("beta_2").Attr<double>("epsilon")
                 .Attr<double>("weight_decay") F F F F F R R R);
PELLUCID_HANDLER(pellucid_take_rows, pellucid::rows,
                 RUN .Arg<ffi::AnyBuffer>().Arg<ffi::Buffer<ffi::S32>>().Ret<ffi::AnyBuffer>());
PELLUCID_HANDLER(pellucid_take_host_rows, pellucid::host_rows,
                 RUN .Attr<int64_t>("size").Arg<ffi::Buffer<ffi::U32>>()
                 .Arg<ffi::Buffer<ffi::S32>>().Ret<ffi::AnyBuffer>());
PELLUCID_HANDLER(pellucid_simple_rnn, pellucid::simple_rnn, REVERSE F F F M R);
PELLUCID_HANDLER(pellucid_simple_rnn_gradient, pellucid::simple_rnn_gradient,
                 REVERSE F F F M R R);
PELLUCID_HANDLER(pellucid_lstm, pellucid::lstm, REVERSE F F F F M R R R);
PELLUCID_HANDLER(pellucid_lstm_gradient, pellucid::lstm_gradient,
                 REVERSE F F F F F F M R R R);
PELLUCID_HANDLER(pellucid_gru, pellucid::gru, REVERSE F F F F M R R);
PELLUCID_HANDLER(pellucid_gru_gradient, pellucid::gru_gradient, REVERSE F F F F F M R R R);

const char* pellucid_instruction_set() { return pellucid::bodies().name; }

#pragma GCC visibility pop
