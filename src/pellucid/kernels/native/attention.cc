// Attention, one head of one sample at a time: the scores of some queries are made, turned into
// weights and used while they lie in the cache, and never written to memory.

#include "attention.h"

#include <algorithm>
#include <limits>

#include "functions.h"
#include "tile.h"

namespace pellucid {
namespace PELLUCID_ISA {
namespace {

// Queries at once.
constexpr int64_t QUERIES = 4 * MOST_ROWS;

const float* pack_transposed(const float* b, int64_t rows, int64_t columns, float* to) {
  for (int64_t panel = 0; panel < rows; panel += PANEL) {
    const int width = panel_width(rows - panel);
    pack(b + panel * columns, columns, true, columns, std::min<int64_t>(width, rows - panel), width,
         to + panel * columns);
  }
  return to;
}

int64_t packed_size(int64_t rows, int64_t columns) { return ceil_div(rows, PANEL) * PANEL * columns; }

// Numbers between the rows of the scores: whole vectors, and an odd number of them, since rows
// that lie a power of two apart would compete for the same lines of the cache.
int64_t row_of(int64_t keys) { return (ceil_div(keys, WIDTH) | 1) * WIDTH; }

inline float largest(Vector v) {
  float most = v[0];
  for (int i = 1; i < WIDTH; ++i) most = v[i] > most ? v[i] : most;
  return most;
}

// Turns a row of q k^T into weights: e^(scale s) over its sum for the first ``count`` keys that may
// be read, and 0 for all others up to ``end``.
void to_weights(const Attention& v, float* s, int64_t count, int64_t end, const bool* mask) {
  constexpr float LEAST = -std::numeric_limits<float>::infinity();
  Vector lanes;
  for (int i = 0; i < WIDTH; ++i) lanes[i] = static_cast<float>(i);
  const auto over = [&](const auto& each) {
    for (int64_t j = 0; j < count; j += WIDTH)
      each(s + j, lanes < broadcast(static_cast<float>(count - j)));
  };
  if (mask != nullptr)
    for (int64_t j = 0; j < count; ++j)
      if (!mask[j]) s[j] = v.scale < 0 ? -LEAST : LEAST;
  Vector most = broadcast(LEAST);
  over([&](float* at, auto real) {
    const Vector z = real ? load(at) * v.scale : broadcast(LEAST);
    most = z > most ? z : most;
  });
  const float top = largest(most);
  const Vector shift = broadcast(top == LEAST ? 0 : top);
  Vector sum{};
  over([&](float* at, auto real) {
    const Vector z = load(at) * v.scale;
    const Vector e = real & ~(z == broadcast(LEAST)) ? exp(z - shift) : Vector{};
    sum += e;
    store(at, e);
  });
  const float all = total(sum);
  const Vector share = broadcast(all == 0 ? 1 : 1 / all);
  over([&](float* at, auto) { store(at, load(at) * share); });
  const int64_t written = std::min(ceil_div(count, WIDTH) * WIDTH, end);
  if (end > written) std::memset(s + written, 0, (end - written) * sizeof(float));
}

// How many keys the queries before ``last`` may read.
int64_t reach(const Attention& v, int64_t last) { return v.causal ? std::min(last, v.keys) : v.keys; }

// The same in whole panels, as the packed keys and values lie.
int64_t panels_of(const Attention& v, int64_t last) {
  return std::min(ceil_div(reach(v, last), PANEL) * PANEL, v.keys);
}

// The weights of the queries first..last of a group, in rows of ``row`` numbers.
void weigh(const Attention& v, int64_t group, const float* q, const float* keys, int64_t first,
           int64_t last, int64_t row, float* a) {
  const int64_t read = panels_of(v, last);
  multiply_tiles(last - first, v.width, read, q + first * v.width, v.width, 1, keys, 0, a, row,
                 false);
  const bool* mask = v.mask == nullptr ? nullptr : v.mask + group * v.keys;
  for (int64_t i = first; i < last; ++i)
    to_weights(v, a + (i - first) * row, reach(v, i + 1), read, mask);
}

}  // namespace

void attention(const Attention& v, const AttentionArrays& arrays, float* y, const Parallel& pool) {
  const int64_t row = row_of(v.keys), blocks = ceil_div(v.queries, QUERIES);
  parallel(pool, v.groups * blocks, [&](int64_t number) {
    const int64_t g = number / blocks, first = number % blocks * QUERIES;
    const int64_t last = std::min(first + QUERIES, v.queries);
    const float* q = arrays.q + g * v.queries * v.width;
    const float* keys = pack_transposed(arrays.k + g * v.keys * v.width, v.keys, v.width,
                                        scratch(0, packed_size(v.keys, v.width)));
    float* a = scratch(1, QUERIES * row + WIDTH);
    weigh(v, g, q, keys, first, last, row, a);
    multiply_tiles(last - first, reach(v, last), v.value_width, a, row, 1,
                   arrays.v + g * v.keys * v.value_width, v.value_width,
                   y + (g * v.queries + first) * v.value_width, v.value_width, false);
  });
}

void attention_gradient(const Attention& v, const AttentionArrays& arrays, const float* dy,
                        const AttentionGradients& out, const Parallel& pool) {
  const int64_t row = row_of(v.keys);
  parallel(pool, v.groups, [&](int64_t g) {
    const float* q = arrays.q + g * v.queries * v.width;
    const float* k = arrays.k + g * v.keys * v.width;
    const float* values = arrays.v + g * v.keys * v.value_width;
    float* dk = out.dk + g * v.keys * v.width;
    float* dv = out.dv + g * v.keys * v.value_width;
    const int64_t keys_size = packed_size(v.keys, v.width);
    float* packed = scratch(0, keys_size + packed_size(v.keys, v.value_width));
    const float* keys = pack_transposed(k, v.keys, v.width, packed);
    const float* turned = pack_transposed(values, v.keys, v.value_width, packed + keys_size);
    float* a = scratch(1, 2 * QUERIES * row + WIDTH);
    float* ds = a + QUERIES * row;
    std::memset(dk, 0, v.keys * v.width * sizeof(float));
    std::memset(dv, 0, v.keys * v.value_width * sizeof(float));
    for (int64_t first = 0; first < v.queries; first += QUERIES) {
      const int64_t last = std::min(first + QUERIES, v.queries), rows = last - first;
      const int64_t read = reach(v, last);
      const float* own_dy = dy + (g * v.queries + first) * v.value_width;
      weigh(v, g, q, keys, first, last, row, a);
      // da = dy v^T, and ds = scale a (da - sum da a) in its place.
      multiply_tiles(rows, v.value_width, panels_of(v, last), own_dy, v.value_width, 1, turned, 0,
                     ds, row, false);
      for (int64_t i = 0; i < rows; ++i) {
        const float* weights = a + i * row;
        float* scores = ds + i * row;
        const auto over = [&](const auto& each) {
          for (int64_t j = 0; j < read; j += WIDTH) each(j, std::min<int64_t>(WIDTH, read - j));
        };
        Vector sum{};
        over([&](int64_t j, int64_t count) {
          sum += load_first(weights + j, count) * load_first(scores + j, count);
        });
        const Vector mean = broadcast(total(sum));
        over([&](int64_t j, int64_t count) {
          const Vector da = load_first(scores + j, count);
          store_first(scores + j, v.scale * load_first(weights + j, count) * (da - mean), count);
        });
      }
      multiply_tiles(read, rows, v.value_width, a, 1, row, own_dy, v.value_width, dv, v.value_width,
                     true);
      multiply_tiles(rows, read, v.width, ds, row, 1, k, v.width,
                     out.dq + (g * v.queries + first) * v.width, v.width, false);
      multiply_tiles(read, rows, v.width, ds, 1, row, q + first * v.width, v.width, dk, v.width,
                     true);
    }
  });
}

}  // namespace PELLUCID_ISA
}  // namespace pellucid
