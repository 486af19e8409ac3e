// Batch normalization: one pass over memory for the sums of each channel, one that writes.
//
// Rows of few channels are taken several at a time as one wide row (WideRows), so that vectors are
// full and many sums are in flight whatever the number of channels. Sums are made block by block:
// of a block that stays in the first cache, in single precision, and of the blocks in double. What
// is summed in a block are the distances from its own mean, so that no digits cancel.

#include "normalization.h"

#include <cmath>
#include <numeric>

#include "vector.h"

namespace pellucid {
namespace PELLUCID_ISA {
namespace {

// Floats in a block, which has LEAST_ROWS rows if there are so many.
constexpr int64_t BLOCK = 4096, LEAST_ROWS = 8;
// Floats in a wide row: at least so many if several rows make it, and then at most.
constexpr int64_t LEAST_WIDTH = 8 * WIDTH, MOST_WIDTH = 1024;
// Vectors of sums that are made side by side in registers.
constexpr int SIDE_BY_SIDE = PELLUCID_REGISTERS >= 32 ? 8 : 4;
// Fewer numbers are not worth a second thread.
constexpr int64_t LEAST_SIZE = 1 << 15;

// How many rows make a wide one: whole vectors, unless that takes too many.
int64_t rows_side_by_side(int64_t channels) {
  int64_t repeat = WIDTH / std::gcd(channels, static_cast<int64_t>(WIDTH));
  while (repeat * channels < LEAST_WIDTH) repeat *= 2;
  return repeat * channels > MOST_WIDTH ? 1 : repeat;
}

// Calls each(first row, last row, weight) for the stretches of rows that have one weight.
template <typename Each>
void stretches(const Normalization& v, int64_t first, int64_t last, const Each& each) {
  if (v.weights == nullptr) return each(first, last, 1.0f);
  while (first < last) {
    const float weight = v.weights[first / v.positions];
    int64_t end = (first / v.positions + 1) * v.positions;
    while (end < last && v.weights[end / v.positions] == weight) end += v.positions;
    end = std::min(end, last);
    each(first, end, weight);
    first = end;
  }
}

template <bool WHOLE>
Vector load_some(const float* from, int64_t count) {
  return WHOLE ? load(from) : load_first(from, count);
}

// Two sums for each column of a block.
struct Sums {
  double *first, *second;
};

// Adds weight times the sums of x and x^2 over the rows of a block.
struct SumsOfPowers {
  const float* x;
  double weight;

  template <int N, bool WHOLE>
  void add(int64_t row, int64_t rows, int64_t step, int64_t column, int64_t columns,
           const Sums& sums) const {
    const float* from = x + row + column;
    const int64_t count = std::min<int64_t>(columns - column, N * WIDTH);
    Vector total[N] = {}, mean[N], rest[N] = {}, square[N] = {};
    for (int64_t i = 0; i < rows; ++i)
      for (int n = 0; n < N; ++n) total[n] += load_some<WHOLE>(from + i * step + n * WIDTH, count);
    for (int n = 0; n < N; ++n) mean[n] = total[n] / static_cast<float>(rows);
    for (int64_t i = 0; i < rows; ++i)
      for (int n = 0; n < N; ++n) {
        const Vector d = load_some<WHOLE>(from + i * step + n * WIDTH, count) - mean[n];
        rest[n] += d;
        square[n] += d * d;
      }
    float means[N * WIDTH], rests[N * WIDTH], squares[N * WIDTH];
    std::memcpy(means, mean, sizeof means);
    std::memcpy(rests, rest, sizeof rests);
    std::memcpy(squares, square, sizeof squares);
    for (int64_t j = 0; j < count; ++j) {
      const double m = means[j], r = rests[j];  // r is 0 but for the rounding of m
      sums.first[column + j] += weight * (rows * m + r);
      sums.second[column + j] += weight * (squares[j] + m * (2 * r + rows * m));
    }
  }
};

// Adds the sums of dy and of dy (x - mean) over the rows of a block; ``mean`` is as wide as a row.
struct SumsOfGradients {
  const float *x, *dy, *mean;

  template <int N, bool WHOLE>
  void add(int64_t row, int64_t rows, int64_t step, int64_t column, int64_t columns,
           const Sums& sums) const {
    const float *from_x = x + row + column, *from_dy = dy + row + column;
    const int64_t count = std::min<int64_t>(columns - column, N * WIDTH);
    Vector total[N] = {}, along[N] = {}, m[N];
    for (int n = 0; n < N; ++n) m[n] = load_some<WHOLE>(mean + column + n * WIDTH, count);
    for (int64_t i = 0; i < rows; ++i)
      for (int n = 0; n < N; ++n) {
        const int64_t at = i * step + n * WIDTH;
        const Vector d = load_some<WHOLE>(from_dy + at, count);
        total[n] += d;
        along[n] += d * (load_some<WHOLE>(from_x + at, count) - m[n]);
      }
    float totals[N * WIDTH], alongs[N * WIDTH];
    std::memcpy(totals, total, sizeof totals);
    std::memcpy(alongs, along, sizeof alongs);
    for (int64_t j = 0; j < count; ++j) {
      sums.first[column + j] += totals[j];
      sums.second[column + j] += alongs[j];
    }
  }
};

// Adds the sums over ``rows`` rows of ``width`` numbers that begin at number ``start``.
template <typename What>
void add_blocks(const What& what, int64_t start, int64_t rows, int64_t width, const Sums& sums) {
  const int64_t most = std::max(LEAST_ROWS, BLOCK / width);
  for (int64_t i = 0; i < rows; i += most) {
    const int64_t row = start + i * width, count = std::min(most, rows - i);
    int64_t column = 0;
    const auto add = [&](auto n) {
      constexpr int N = decltype(n)::value;
      for (; width - column >= N * WIDTH; column += N * WIDTH)
        what.template add<N, true>(row, count, width, column, width, sums);
    };
    add(std::integral_constant<int, SIDE_BY_SIDE>());
    add(std::integral_constant<int, SIDE_BY_SIDE / 2>());
    add(std::integral_constant<int, 1>());
    if (column < width) what.template add<1, false>(row, count, width, column, width, sums);
  }
}

// Doubles that a thread keeps; ``which`` as in scratch.
double* doubles(int which, int64_t count) {
  return reinterpret_cast<double*>(scratch(which, 2 * count));
}

// Adds the two sums of each channel over some rows to totals.first and totals.second.
template <typename What>
void add_rows(const What& what, int64_t first, int64_t last, int64_t channels, const Sums& totals) {
  const int64_t repeat = rows_side_by_side(channels), width = repeat * channels;
  const int64_t wide = (last - first) / repeat;
  if (repeat > 1 && wide > 0) {
    double* wide_sums = doubles(0, 2 * width);
    std::fill(wide_sums, wide_sums + 2 * width, 0.0);
    add_blocks(what, first * channels, wide, width, {wide_sums, wide_sums + width});
    for (int64_t j = 0; j < width; ++j) {
      totals.first[j % channels] += wide_sums[j];
      totals.second[j % channels] += wide_sums[width + j];
    }
    first += wide * repeat;
  }
  add_blocks(what, first * channels, last - first, channels, totals);
}

// The rows of the arrays, shared between the threads; a thread gets the same ones in every pass.
struct Shares {
  int64_t rows, tasks;

  Shares(const Normalization& v, const Parallel& pool)
      : rows(v.samples * v.positions),
        tasks(rows * v.channels < LEAST_SIZE ? 1 : std::min(pool.threads, rows)) {}

  int64_t edge(int64_t task) const { return task * rows / tasks; }
};

// Makes the two sums of each channel: every thread's by add(task, sums), then their sum in order.
template <typename Add>
Sums sum_up(const Shares& shares, int64_t channels, const Parallel& pool, const Add& add) {
  double* sums = doubles(1, shares.tasks * 2 * channels);
  std::fill(sums, sums + shares.tasks * 2 * channels, 0.0);
  parallel(pool, shares.tasks, [&](int64_t task) {
    double* own = sums + task * 2 * channels;
    add(task, Sums{own, own + channels});
  });
  for (int64_t task = 1; task < shares.tasks; ++task)
    for (int64_t j = 0; j < 2 * channels; ++j) sums[j] += sums[task * 2 * channels + j];
  return {sums, sums + channels};
}

// Sets number c and its copies, one for each row of a wide row.
void spread(float* wide, int64_t c, int64_t channels, int64_t width, double value) {
  for (int64_t j = c; j < width; j += channels) wide[j] = static_cast<float>(value);
}

// Calls one(number in the arrays, number in the wide row, count) for every vector of some rows.
template <typename One>
void each_vector(int64_t first, int64_t last, int64_t channels, int64_t width, const One& one) {
  const int64_t end = last * channels;
  for (int64_t start = first * channels; start < end; start += width) {
    const int64_t count = std::min(width, end - start);
    int64_t j = 0;
    for (; j + WIDTH <= count; j += WIDTH) one(std::true_type(), start + j, j, WIDTH);
    if (j < count) one(std::false_type(), start + j, j, count - j);
  }
}

template <bool WHOLE>
void store_some(float* to, Vector v, int64_t count) {
  if (WHOLE)
    store(to, v);
  else
    store_first(to, v, count);
}

// Sum of the weights of all rows, and what the sums are divided by.
std::pair<double, double> total_weight(const Normalization& v) {
  if (v.weights == nullptr) return {v.samples * v.positions, v.samples * v.positions};
  double total = 0;
  for (int64_t i = 0; i < v.samples; ++i) total += v.weights[i];
  return {total * v.positions, std::max(total, 1.0) * v.positions};
}

}  // namespace

void batch_norm(const Normalization& v, const BatchNorm& a, const Parallel& pool) {
  const int64_t channels = v.channels, width = rows_side_by_side(channels) * channels;
  const Shares shares(v, pool);
  const Sums sums = sum_up(shares, channels, pool, [&](int64_t task, const Sums& own) {
    stretches(v, shares.edge(task), shares.edge(task + 1),
              [&](int64_t first, int64_t last, float weight) {
                if (weight != 0) add_rows(SumsOfPowers{a.x, weight}, first, last, channels, own);
              });
  });
  float *mean = scratch(2, 3 * width), *scale = mean + width, *offset = scale + width;
  const auto [weight, divisor] = total_weight(v);
  for (int64_t c = 0; c < channels; ++c) {
    const double t = sums.first[c], m = t / divisor;
    double variance = (sums.second[c] - m * (2 * t - weight * m)) / divisor;
    variance = variance < 0 ? 0 : variance;  // NaN stays
    a.mean[c] = static_cast<float>(m);
    a.variance[c] = static_cast<float>(variance);
    spread(mean, c, channels, width, m);
    spread(scale, c, channels, width,
           (a.gamma == nullptr ? 1 : a.gamma[c]) / std::sqrt(variance + v.epsilon));
    spread(offset, c, channels, width, a.beta == nullptr ? 0 : a.beta[c]);
  }
  parallel(pool, shares.tasks, [&](int64_t task) {
    each_vector(shares.edge(task), shares.edge(task + 1), channels, width,
                [&](auto whole, int64_t at, int64_t j, int64_t count) {
                  constexpr bool WHOLE = decltype(whole)::value;
                  const auto get = [&](const float* from) { return load_some<WHOLE>(from, count); };
                  const Vector d = get(a.x + at) - get(mean + j);
                  store_some<WHOLE>(a.y + at, d * get(scale + j) + get(offset + j), count);
                });
  });
}

// With d = x - mean, dx = gamma / sqrt(v + eps) dy + (w / s) (dm + 2 d dv).
void batch_norm_gradient(const Normalization& v, const BatchNormGradient& a, const Parallel& pool) {
  const int64_t channels = v.channels, width = rows_side_by_side(channels) * channels;
  float *mean = scratch(2, 4 * width), *scale = mean + width;
  float *constant = scale + width, *slope = constant + width;
  for (int64_t c = 0; c < channels; ++c) spread(mean, c, channels, width, a.mean[c]);
  const Shares shares(v, pool);
  const Sums sums = sum_up(shares, channels, pool, [&](int64_t task, const Sums& own) {
    add_rows(SumsOfGradients{a.x, a.dy, mean}, shares.edge(task), shares.edge(task + 1), channels,
             own);
  });
  const double divisor = total_weight(v).second;
  for (int64_t c = 0; c < channels; ++c) {
    const double square = a.variance[c] + v.epsilon, root = std::sqrt(square);
    const double gamma = a.gamma == nullptr ? 1 : a.gamma[c];
    const double sum_dy = sums.first[c], sum_dyh = sums.second[c] / root;
    a.dgamma[c] = static_cast<float>(sum_dyh);
    a.dbeta[c] = static_cast<float>(sum_dy);
    spread(scale, c, channels, width, gamma / root);
    spread(constant, c, channels, width, (a.dmean[c] - gamma * sum_dy / root) / divisor);
    spread(slope, c, channels, width,
           (2 * a.dvariance[c] - gamma * sum_dyh / square) / divisor);
  }
  parallel(pool, shares.tasks, [&](int64_t task) {
    stretches(v, shares.edge(task), shares.edge(task + 1),
              [&](int64_t first, int64_t last, float weight) {
                each_vector(first, last, channels, width,
                            [&](auto whole, int64_t at, int64_t j, int64_t count) {
                  constexpr bool WHOLE = decltype(whole)::value;
                  const auto get = [&](const float* from) { return load_some<WHOLE>(from, count); };
                  const Vector d = get(a.x + at) - get(mean + j);
                  const Vector moved = d * get(slope + j) + get(constant + j);
                  store_some<WHOLE>(a.dx + at, get(a.dy + at) * get(scale + j) + weight * moved,
                                    count);
                });
              });
  });
}

}  // namespace PELLUCID_ISA
}  // namespace pellucid
