// Layer normalization, a row at a time: what is read again of a row is then in the first cache.
//
// A thread sums dgamma and dbeta over blocks of its rows in single precision, and over its blocks
// and those of the other threads in double.

#include "layer_norm.h"

#include <cmath>

#include "vector.h"

namespace pellucid {
namespace PELLUCID_ISA {
namespace {

// Fewer numbers are not worth a second thread.
constexpr int64_t LEAST_SIZE = 1 << 14;
// Rows whose sums are made in single precision.
constexpr int64_t BLOCK = 64;

int64_t whole_vectors(int64_t features) { return ceil_div(features, WIDTH) * WIDTH; }

int64_t tasks_of(const LayerNorm& v, const Parallel& pool) {
  return v.rows * v.features < LEAST_SIZE ? 1 : std::min(pool.threads, v.rows);
}

// Calls one(number, count) for the vectors of a row.
template <typename One>
void each_vector(int64_t features, const One& one) {
  int64_t i = 0;
  for (; i + WIDTH <= features; i += WIDTH) one(i, std::integral_constant<int64_t, WIDTH>());
  if (i < features) one(i, features - i);
}

inline Vector get(const float* from, int64_t count) { return load_first(from, count); }
inline Vector get(const float* from, std::integral_constant<int64_t, WIDTH>) { return load(from); }
inline void put(float* to, Vector v, int64_t count) { store_first(to, v, count); }
inline void put(float* to, Vector v, std::integral_constant<int64_t, WIDTH>) { store(to, v); }

// A vector, or where it is null the same number everywhere.
template <typename Count>
Vector get_or(const float* from, int64_t i, float otherwise, Count count) {
  return from == nullptr ? broadcast(otherwise) : get(from + i, count);
}

// Writes x - m to ``d``, which is as long as whole vectors and 0 behind the features; returns
// 1 / sqrt(v + eps).
float center(const LayerNorm& v, const float* x, float* d) {
  Vector sum{}, square{};
  each_vector(v.features, [&](int64_t i, auto count) { sum += get(x + i, count); });
  const Vector mean = broadcast(total(sum) / v.features);
  each_vector(v.features, [&](int64_t i, auto count) { put(d + i, get(x + i, count) - mean, count); });
  for (int64_t i = 0; i < v.features; i += WIDTH) square += load(d + i) * load(d + i);
  return 1 / std::sqrt(total(square) / v.features + v.epsilon);
}

}  // namespace

void layer_norm(const LayerNorm& v, const float* x, const float* gamma, const float* beta, float* y,
                const Parallel& pool) {
  const int64_t tasks = tasks_of(v, pool);
  parallel(pool, tasks, [&](int64_t task) {
    float* d = scratch(0, whole_vectors(v.features));
    std::fill(d, d + whole_vectors(v.features), 0.0f);
    for (int64_t row = task * v.rows / tasks; row < (task + 1) * v.rows / tasks; ++row) {
      const Vector scale = broadcast(center(v, x + row * v.features, d));
      each_vector(v.features, [&](int64_t i, auto count) {
        const Vector h = load(d + i) * scale;
        put(y + row * v.features + i,
            h * get_or(gamma, i, 1, count) + get_or(beta, i, 0, count), count);
      });
    }
  });
}

// dx = (g - mean(g) - h mean(g h)) / sqrt(v + eps) with g = gamma dy.
void layer_norm_gradient(const LayerNorm& v, const float* x, const float* gamma, const float* dy,
                         float* dx, float* dgamma, float* dbeta, const Parallel& pool) {
  const int64_t tasks = tasks_of(v, pool), width = whole_vectors(v.features);
  double* sums = reinterpret_cast<double*>(scratch(2, 2 * tasks * 2 * width));
  parallel(pool, tasks, [&](int64_t task) {
    double* own = sums + task * 2 * width;
    std::fill(own, own + 2 * width, 0.0);
    float *d = scratch(0, width), *block = scratch(1, 2 * width);
    std::fill(d, d + width, 0.0f);
    const int64_t last = (task + 1) * v.rows / tasks;
    for (int64_t first = task * v.rows / tasks; first < last; first += BLOCK) {
      std::fill(block, block + 2 * width, 0.0f);
      for (int64_t row = first; row < std::min(first + BLOCK, last); ++row) {
        const float root = center(v, x + row * v.features, d);  // the inverse of it
        const float* from = dy + row * v.features;
        const Vector scale = broadcast(root);
        Vector sum_g{}, sum_gh{};
        each_vector(v.features, [&](int64_t i, auto count) {
          const Vector dy_i = get(from + i, count), h = load(d + i) * scale;
          const Vector g = dy_i * get_or(gamma, i, 1, count);
          store(d + i, h);
          sum_g += g;
          sum_gh += g * h;
          store(block + i, load(block + i) + dy_i * h);
          store(block + width + i, load(block + width + i) + dy_i);
        });
        const Vector mean_g = broadcast(total(sum_g) / v.features);
        const Vector mean_gh = broadcast(total(sum_gh) / v.features);
        each_vector(v.features, [&](int64_t i, auto count) {
          const Vector g = get(from + i, count) * get_or(gamma, i, 1, count);
          put(dx + row * v.features + i, (g - mean_g - load(d + i) * mean_gh) * scale, count);
        });
      }
      for (int64_t i = 0; i < 2 * width; ++i) own[i] += block[i];
    }
  });
  for (int64_t i = 0; i < v.features; ++i) {
    double along = sums[i], all = sums[width + i];
    for (int64_t task = 1; task < tasks; ++task) {
      along += sums[task * 2 * width + i];
      all += sums[task * 2 * width + width + i];
    }
    dgamma[i] = static_cast<float>(along);
    dbeta[i] = static_cast<float>(all);
  }
}

}  // namespace PELLUCID_ISA
}  // namespace pellucid
