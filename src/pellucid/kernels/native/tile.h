// A tile of a matrix product, kept in registers while the whole depth is summed: for every step along
// the depth, vectors of B are loaded once and numbers of A broadcast, one multiply-add for each pair.
#pragma once

#include "vector.h"

namespace pellucid {
namespace PELLUCID_ISA {
namespace {

struct Tile {
  const float* a;
  int64_t a_row, a_step;  // floats between rows, and between steps along the depth
  const float* b;
  int64_t b_step;
  int64_t depth;
  float* c;
  int64_t c_row;
  int64_t columns;  // of B and C, at most NB vectors
  bool add;         // to what c holds
};

// WHOLE: the last vector of a row of B and C is a whole one.
template <int NROWS, int NB, bool WHOLE>
void compute_tile(const Tile& t) {
  Vector sum[NROWS][NB];
  UNROLL for (int i = 0; i < NROWS; ++i)
    UNROLL for (int n = 0; n < NB; ++n) sum[i][n] = Vector{};
  const int64_t last = t.columns - (NB - 1) * WIDTH;
  const auto read = [&](const float* from, int n) {
    return WHOLE || n < NB - 1 ? load(from + n * WIDTH) : load_first(from + n * WIDTH, last);
  };
  const float *a = t.a, *b = t.b;
  for (int64_t k = 0; k < t.depth; ++k, a += t.a_step, b += t.b_step) {
    Vector v[NB];
    UNROLL for (int n = 0; n < NB; ++n) v[n] = read(b, n);
    UNROLL for (int i = 0; i < NROWS; ++i) {
      const Vector value = broadcast(a[i * t.a_row]);
      UNROLL for (int n = 0; n < NB; ++n) sum[i][n] += value * v[n];
    }
  }
  UNROLL for (int i = 0; i < NROWS; ++i) {
    float* c = t.c + i * t.c_row;
    UNROLL for (int n = 0; n < NB; ++n) {
      const Vector total = t.add ? read(c, n) + sum[i][n] : sum[i][n];
      if (WHOLE || n < NB - 1)
        store(c + n * WIDTH, total);
      else
        store_first(c + n * WIDTH, total, last);
    }
  }
}

using TileFunction = void (*)(const Tile&);

template <int NB, bool WHOLE, int... I>
constexpr std::array<TileFunction, sizeof...(I)> tile_table(std::integer_sequence<int, I...>) {
  return {{compute_tile<I + 1, NB, WHOLE>...}};
}

// By vectors in a row, whether the last one is whole, and rows.
constexpr auto EACH = std::make_integer_sequence<int, MOST_ROWS>{};
const std::array<TileFunction, MOST_ROWS> TILES[BLOCKS][2] = {
    {tile_table<1, false>(EACH), tile_table<1, true>(EACH)},
    {tile_table<2, false>(EACH), tile_table<2, true>(EACH)},
};

// c (rows, columns) = or += a b, tile by tile. b lies in rows of ``b_row`` numbers or, with 0, in
// panels of (depth, panel width), one after the other.
inline void multiply_tiles(int64_t rows, int64_t depth, int64_t columns, const float* a,
                           int64_t a_row, int64_t a_step, const float* b, int64_t b_row, float* c,
                           int64_t c_row, bool add) {
  Tile t;
  t.a_row = a_row;
  t.a_step = a_step;
  t.depth = depth;
  t.c_row = c_row;
  t.add = add;
  const int64_t tiles = ceil_div(rows, MOST_ROWS);
  for (int64_t column = 0; column < columns; column += PANEL) {
    const int width = panel_width(columns - column);
    t.columns = std::min<int64_t>(width, columns - column);
    t.b = b + (b_row == 0 ? column * depth : column);
    t.b_step = b_row == 0 ? width : b_row;
    for (int64_t i = 0; i < tiles; ++i) {
      // Tiles of nearly equal size, so that none is left with a single row.
      const int64_t row = i * rows / tiles, count = (i + 1) * rows / tiles - row;
      t.a = a + row * a_row;
      t.c = c + row * c_row + column;
      TILES[width / WIDTH - 1][t.columns == width][count - 1](t);
    }
  }
}

// One stage of the transposition of WIDTH vectors: blocks of S x S numbers change places across
// the diagonal of blocks twice their size.
template <int S, size_t... J>
inline void exchange(Vector* r, std::index_sequence<J...>) {
  for (int i = 0; i < WIDTH; ++i) {
    if (i & S) continue;
    const Vector low = r[i], high = r[i + S];
#if defined(__clang__)
    r[i] = __builtin_shufflevector(low, high, (J & S ? int(J) - S + WIDTH : int(J))...);
    r[i + S] = __builtin_shufflevector(low, high, (J & S ? int(J) + WIDTH : int(J) + S)...);
#else
    typedef int Index __attribute__((vector_size(WIDTH * sizeof(int))));
    r[i] = __builtin_shuffle(low, high, Index{(J & S ? int(J) - S + WIDTH : int(J))...});
    r[i + S] = __builtin_shuffle(low, high, Index{(J & S ? int(J) + WIDTH : int(J) + S)...});
#endif
  }
}

inline void transpose(Vector* r) {
  constexpr auto all = std::make_index_sequence<WIDTH>{};
  exchange<1>(r, all);
  exchange<2>(r, all);
  if constexpr (WIDTH > 4) exchange<4>(r, all);
  if constexpr (WIDTH > 8) exchange<8>(r, all);
}

// Copies ``depth`` steps of a panel of B' into (depth, width), with zeros beyond ``columns``.
// ``b`` points at the panel's first number; ``ld`` is the length of a row of B as it lies.
void pack(const float* b, int64_t ld, bool transposed, int64_t depth, int64_t columns, int width,
          float* to) {
  if (!transposed) {
    for (int64_t k = 0; k < depth; ++k, b += ld, to += width) {
      std::memcpy(to, b, columns * sizeof(float));
      std::memset(to + columns, 0, (width - columns) * sizeof(float));
    }
    return;
  }
  for (int64_t n = 0; n < width; n += WIDTH) {
    const int64_t real = std::clamp<int64_t>(columns - n, 0, WIDTH);
    int64_t k = 0;
    if (real == WIDTH)
      for (; k + WIDTH <= depth; k += WIDTH) {
        Vector r[WIDTH];
        for (int i = 0; i < WIDTH; ++i) r[i] = load(b + (n + i) * ld + k);
        transpose(r);
        for (int i = 0; i < WIDTH; ++i) store(to + (k + i) * width + n, r[i]);
      }
    for (; k < depth; ++k)
      for (int64_t i = 0; i < WIDTH; ++i)
        to[k * width + n + i] = i < real ? b[(n + i) * ld + k] : 0;
  }
}

}  // namespace
}  // namespace PELLUCID_ISA
}  // namespace pellucid
