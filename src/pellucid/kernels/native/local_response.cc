// Local response normalization, a row of channels at a time. Sums over neighbors are sums of
// vectors that begin one number further each, in a copy of the row with zeros on both sides.

#include "local_response.h"

#include "functions.h"

namespace pellucid {
namespace PELLUCID_ISA {
namespace {

// Fewer numbers are not worth a second thread.
constexpr int64_t LEAST_SIZE = 1 << 13;

// A row of zeros with room for ``size`` / 2 more on both sides, and for the rest of a vector.
float* wide_row(int which, const LocalResponse& v) {
  const int64_t floats = v.channels + v.size + WIDTH;
  float* row = scratch(which, floats);
  std::fill(row, row + floats, 0.0f);
  return row;
}

// The sum over the neighbors of WIDTH channels from number ``i`` of a wide row on.
Vector over_neighbors(const float* row, int64_t i, int64_t size) {
  Vector total = load(row + i);
  for (int64_t j = 1; j < size; ++j) total += load(row + i + j);
  return total;
}

// Calls one(number, count) for the vectors of a row.
template <typename One>
void each_vector(int64_t channels, const One& one) {
  for (int64_t i = 0; i < channels; i += WIDTH) one(i, std::min<int64_t>(WIDTH, channels - i));
}

template <typename Row>
void share_rows(const LocalResponse& v, const Parallel& pool, const Row& row) {
  const int64_t tasks = v.rows * v.channels < LEAST_SIZE ? 1 : std::min(pool.threads, v.rows);
  parallel(pool, tasks, [&](int64_t task) {
    const int64_t last = (task + 1) * v.rows / tasks;
    float *squares = wide_row(0, v), *slopes = wide_row(1, v);
    for (int64_t i = task * v.rows / tasks; i < last; ++i)
      row(i * v.channels, squares, slopes);
  });
}

void square(const LocalResponse& v, const float* x, float* squares) {
  each_vector(v.channels, [&](int64_t i, int64_t count) {
    const Vector a = load_first(x + i, count);
    store_first(squares + v.size / 2 + i, a * a, count);
  });
}

Vector s_of(const LocalResponse& v, const float* squares, int64_t i) {
  return v.k + v.alpha * over_neighbors(squares, i, v.size);
}

// s^-beta
Vector power(const LocalResponse& v, Vector s) { return exp(-v.beta * log(s)); }

}  // namespace

void local_response_norm(const LocalResponse& v, const float* x, float* y, const Parallel& pool) {
  share_rows(v, pool, [&](int64_t row, float* squares, float*) {
    square(v, x + row, squares);
    each_vector(v.channels, [&](int64_t i, int64_t count) {
      const Vector a = load_first(x + row + i, count);
      store_first(y + row + i, a * power(v, s_of(v, squares, i)), count);
    });
  });
}

void local_response_gradient(const LocalResponse& v, const float* x, const float* dy, float* dx,
                             const Parallel& pool) {
  share_rows(v, pool, [&](int64_t row, float* squares, float* slopes) {
    square(v, x + row, squares);
    each_vector(v.channels, [&](int64_t i, int64_t count) {
      const Vector a = load_first(x + row + i, count), d = load_first(dy + row + i, count);
      const Vector s = s_of(v, squares, i), direct = d * power(v, s);
      store_first(slopes + v.size / 2 + i, -v.beta * direct * a / s, count);
      store_first(dx + row + i, direct, count);
    });
    each_vector(v.channels, [&](int64_t i, int64_t count) {
      const Vector a = load_first(x + row + i, count), direct = load_first(dx + row + i, count);
      const Vector others = over_neighbors(slopes, i, v.size);
      store_first(dx + row + i, direct + 2 * v.alpha * a * others, count);
    });
  });
}

}  // namespace PELLUCID_ISA
}  // namespace pellucid
