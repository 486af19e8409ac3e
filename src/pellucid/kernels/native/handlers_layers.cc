// Normalizations and pooling as XLA sees them.

#include <cstring>

#include "handlers.h"
#include "layer_norm.h"
#include "local_response.h"
#include "normalization.h"
#include "pooling.h"

namespace pellucid {

#define PELLUCID_DECLARE(isa)                                                                 \
  namespace isa {                                                                             \
  void batch_norm(const Normalization&, const BatchNorm&, const Parallel&);                   \
  void batch_norm_gradient(const Normalization&, const BatchNormGradient&, const Parallel&);  \
  void layer_norm(const LayerNorm&, const float*, const float*, const float*, float*,          \
                  const Parallel&);                                                           \
  void layer_norm_gradient(const LayerNorm&, const float*, const float*, const float*, float*, \
                           float*, float*, const Parallel&);                                  \
  void max_pool(const Pooling&, const float*, float*, const Parallel&);                       \
  void max_pool_gradient(const Pooling&, const float*, const float*, float*, const Parallel&); \
  void average_pool(const Pooling&, const float*, float*, const Parallel&);                   \
  void average_pool_gradient(const Pooling&, const float*, float*, const Parallel&);          \
  void local_response_norm(const LocalResponse&, const float*, float*, const Parallel&);      \
  void local_response_gradient(const LocalResponse&, const float*, const float*, float*,      \
                               const Parallel&);                                              \
  }

PELLUCID_DECLARE(baseline)
#if defined(__x86_64__)
PELLUCID_DECLARE(avx512)
PELLUCID_DECLARE(avx2)
#endif

namespace {

struct Bodies {
  Normalize<BatchNorm> batch_norm;
  Normalize<BatchNormGradient> batch_norm_gradient;
  LayerNormForward layer_norm;
  LayerNormGradient layer_norm_gradient;
  Pool max_pool;
  MaxPoolGradient max_pool_gradient;
  Pool average_pool, average_pool_gradient;
  LocalResponseNorm local_response_norm;
  LocalResponseGradient local_response_gradient;
};

#define PELLUCID_BODIES(isa)                                                                    \
  Bodies {                                                                                      \
    isa::batch_norm, isa::batch_norm_gradient, isa::layer_norm, isa::layer_norm_gradient,       \
        isa::max_pool, isa::max_pool_gradient, isa::average_pool, isa::average_pool_gradient, isa::local_response_norm,                \
        isa::local_response_gradient                                                            \
  }

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

// An array that may be left out is then empty.
const float* given(Buffer& array) {
  return array.element_count() == 0 ? nullptr : array.typed_data();
}

// Reads shape (batch, ..., channels); false if that or the vectors do not fit.
bool read(Buffer& x, Buffer& gamma, Buffer& weights, double epsilon, Normalization* v) {
  const auto d = x.dimensions();
  if (d.size() < 2 || x.element_count() == 0) return false;
  const int64_t size = x.element_count();
  *v = {d[0], size / d[0] / d.back(), d.back(), epsilon, given(weights)};
  return (gamma.element_count() == 0 || holds(gamma, 1, v->channels)) &&
         (v->weights == nullptr || holds(weights, 1, v->samples));
}

ffi::Error misfit() { return refuse("pellucid: the arrays of a normalization do not fit together"); }

ffi::Error batch_norm(ffi::ThreadPool pool, double epsilon, Buffer x, Buffer gamma, Buffer beta,
                      Buffer weights, Result y, Result mean, Result variance) {
  Normalization v;
  if (!read(x, gamma, weights, epsilon, &v) || !holds(*y, 1, x.element_count()) ||
      (beta.element_count() != 0 && !holds(beta, 1, v.channels)) ||
      !holds(*mean, 1, v.channels) || !holds(*variance, 1, v.channels))
    return misfit();
  bodies().batch_norm(v,
                      {x.typed_data(), given(gamma), given(beta), y->typed_data(),
                       mean->typed_data(), variance->typed_data()},
                      crew_of(pool));
  return ffi::Error::Success();
}

ffi::Error batch_norm_gradient(ffi::ThreadPool pool, double epsilon, Buffer x, Buffer gamma,
                               Buffer weights, Buffer mean, Buffer variance, Buffer dy,
                               Buffer dmean, Buffer dvariance, Result dx, Result dgamma,
                               Result dbeta) {
  Normalization v;
  if (!read(x, gamma, weights, epsilon, &v) || !holds(dy, 1, x.element_count()) ||
      !holds(*dx, 1, x.element_count()))
    return misfit();
  for (Buffer* vector : {&mean, &variance, &dmean, &dvariance, &*dgamma, &*dbeta})
    if (!holds(*vector, 1, v.channels)) return misfit();
  bodies().batch_norm_gradient(
      v,
      {x.typed_data(), given(gamma), mean.typed_data(), variance.typed_data(), dy.typed_data(),
       dmean.typed_data(), dvariance.typed_data(), dx->typed_data(), dgamma->typed_data(),
       dbeta->typed_data()},
      crew_of(pool));
  return ffi::Error::Success();
}

// False if a vector has not one entry for each feature.
bool read(Buffer& x, Buffer& gamma, double epsilon, LayerNorm* v) {
  if (x.dimensions().size() < 1 || x.element_count() == 0) return false;
  const int64_t features = x.dimensions().back();
  *v = {static_cast<int64_t>(x.element_count()) / features, features, static_cast<float>(epsilon)};
  return gamma.element_count() == 0 || holds(gamma, 1, features);
}

ffi::Error layer_norm(ffi::ThreadPool pool, double epsilon, Buffer x, Buffer gamma, Buffer beta,
                      Result y) {
  LayerNorm v;
  if (!read(x, gamma, epsilon, &v) || !holds(*y, 1, x.element_count()) ||
      (beta.element_count() != 0 && !holds(beta, 1, v.features)))
    return misfit();
  bodies().layer_norm(v, x.typed_data(), given(gamma), given(beta), y->typed_data(), crew_of(pool));
  return ffi::Error::Success();
}

ffi::Error layer_norm_gradient(ffi::ThreadPool pool, double epsilon, Buffer x, Buffer gamma,
                               Buffer dy, Result dx, Result dgamma, Result dbeta) {
  LayerNorm v;
  if (!read(x, gamma, epsilon, &v) || !holds(dy, 1, x.element_count()) ||
      !holds(*dx, 1, x.element_count()) || !holds(*dgamma, 1, v.features) ||
      !holds(*dbeta, 1, v.features))
    return misfit();
  bodies().layer_norm_gradient(v, x.typed_data(), given(gamma), dy.typed_data(), dx->typed_data(),
                               dgamma->typed_data(), dbeta->typed_data(), crew_of(pool));
  return ffi::Error::Success();
}

// geometry: samples, channels, then size, kernel, stride, low padding and output of rows and of
// columns. False if a window would have no element inside the input.
bool read(Numbers g, Pooling* v) {
  if (g.size() != 12) return false;
  const auto axis = [&](size_t at) {
    return Axis{g[at], g[at + 1], g[at + 2], 1, g[at + 3], g[at + 4]};
  };
  *v = Pooling{g[0], g[1], axis(2), axis(7)};
  for (const Axis& a : {v->rows, v->columns})
    if (a.size < 1 || a.stride < 1 || a.output < 1 || a.low < 0 || a.low >= a.kernel ||
        (a.output - 1) * a.stride - a.low >= a.size)
      return false;
  return true;
}

bool holds_input(Buffer& x, const Pooling& v) {
  return holds(x, v.samples * v.rows.size * v.columns.size, v.channels);
}

bool holds_output(Buffer& y, const Pooling& v) {
  return holds(y, v.samples * v.rows.output * v.columns.output, v.channels);
}

ffi::Error bad_pooling() { return refuse("pellucid: the arrays of a pooling do not fit together"); }

template <Pool Bodies::*body>
ffi::Error pool_forward(ffi::ThreadPool pool, Numbers geometry, Buffer x, Result y) {
  Pooling v;
  if (!read(geometry, &v) || !holds_input(x, v) || !holds_output(*y, v)) return bad_pooling();
  (bodies().*body)(v, x.typed_data(), y->typed_data(), crew_of(pool));
  return ffi::Error::Success();
}

ffi::Error max_pool_gradient(ffi::ThreadPool pool, Numbers geometry, Buffer x, Buffer dy,
                             Result dx) {
  Pooling v;
  if (!read(geometry, &v) || !holds_input(x, v) || !holds_output(dy, v) || !holds_input(*dx, v))
    return bad_pooling();
  bodies().max_pool_gradient(v, x.typed_data(), dy.typed_data(), dx->typed_data(), crew_of(pool));
  return ffi::Error::Success();
}

ffi::Error average_pool_gradient(ffi::ThreadPool pool, Numbers geometry, Buffer dy, Result dx) {
  Pooling v;
  if (!read(geometry, &v) || !holds_output(dy, v) || !holds_input(*dx, v)) return bad_pooling();
  bodies().average_pool_gradient(v, dy.typed_data(), dx->typed_data(), crew_of(pool));
  return ffi::Error::Success();
}

ffi::Error local_response_norm(ffi::ThreadPool pool, int64_t size, double k, double alpha,
                               double beta, Buffer x, Result y) {
  const int64_t count = x.element_count(), channels = x.dimensions().back();
  if (size < 1 || size % 2 == 0 || !holds(*y, 1, count)) return misfit();
  if (count == 0) return ffi::Error::Success();
  bodies().local_response_norm({count / channels, channels, size, static_cast<float>(k),
                                static_cast<float>(alpha), static_cast<float>(beta)},
                               x.typed_data(), y->typed_data(), crew_of(pool));
  return ffi::Error::Success();
}

ffi::Error local_response_gradient(ffi::ThreadPool pool, int64_t size, double k, double alpha,
                                   double beta, Buffer x, Buffer dy, Result dx) {
  const int64_t count = x.element_count(), channels = x.dimensions().back();
  if (size < 1 || size % 2 == 0 || !holds(dy, 1, count) || !holds(*dx, 1, count)) return misfit();
  if (count == 0) return ffi::Error::Success();
  bodies().local_response_gradient({count / channels, channels, size, static_cast<float>(k),
                                    static_cast<float>(alpha), static_cast<float>(beta)},
                                   x.typed_data(), dy.typed_data(), dx->typed_data(),
                                   crew_of(pool));
  return ffi::Error::Success();
}

}  // namespace
}  // namespace pellucid

// Everything else in the library is hidden.
#pragma GCC visibility push(default)

#define EPSILON .Attr<double>("epsilon")
#define LOCAL_RESPONSE                                                                \
  .Attr<int64_t>("size").Attr<double>("k").Attr<double>("alpha").Attr<double>("beta")
#define GEOMETRY .Attr<ffi::Span<const int64_t>>("geometry")

PELLUCID_HANDLER(pellucid_batch_norm, pellucid::batch_norm, EPSILON F F F F R R R);
PELLUCID_HANDLER(pellucid_batch_norm_gradient, pellucid::batch_norm_gradient,
                 EPSILON F F F F F F F F R R R);
PELLUCID_HANDLER(pellucid_layer_norm, pellucid::layer_norm, EPSILON F F F R);
PELLUCID_HANDLER(pellucid_layer_norm_gradient, pellucid::layer_norm_gradient,
                 EPSILON F F F R R R);
PELLUCID_HANDLER(pellucid_max_pool, pellucid::pool_forward<&pellucid::Bodies::max_pool>,
                 GEOMETRY F R);
PELLUCID_HANDLER(pellucid_average_pool, pellucid::pool_forward<&pellucid::Bodies::average_pool>,
                 GEOMETRY F R);
PELLUCID_HANDLER(pellucid_max_pool_gradient, pellucid::max_pool_gradient, GEOMETRY F F R);
PELLUCID_HANDLER(pellucid_average_pool_gradient, pellucid::average_pool_gradient, GEOMETRY F R);
PELLUCID_HANDLER(pellucid_local_response_norm, pellucid::local_response_norm, LOCAL_RESPONSE F R);
PELLUCID_HANDLER(pellucid_local_response_gradient, pellucid::local_response_gradient,
                 LOCAL_RESPONSE F F R);

#pragma GCC visibility pop
