// The matrix product. Tiles of the result are kept in registers while the whole depth (or DEPTH of
// it) is summed: for every step along the depth, vectors of B are loaded once and numbers of A
// broadcast, one multiply-add for each pair.

#include "matrix.h"

#include <algorithm>

#include "tile.h"

namespace pellucid {
namespace PELLUCID_ISA {
namespace {

// So much of the depth is summed at a time: a block of A (ROWS x DEPTH) stays in the second cache
// while the panels of B pass by.
constexpr int64_t DEPTH = 512, ROWS = 9 * MOST_ROWS;
// From so many rows on, a copy of a large B in panels costs less than reading it in strides does.
constexpr int64_t ROWS_WORTH_PACKING = 64, NUMBERS_WORTH_PACKING = 1 << 16;
// So many numbers stay in the first cache beside what else passes through.
constexpr int64_t SMALL = 6000;
// Rows that lie a multiple of so many floats apart compete for the same few lines of the first
// cache; such a matrix is copied first, with a gap after each row.
constexpr int64_t COMPETING = 1024, GAP = 16;
// Fewer multiply-adds than these are not worth a second thread.
constexpr int64_t LEAST_WORK = 1 << 16;

// A block of the result: these rows, these columns (from a multiple of PANEL on), this part of the
// depth.
struct Block {
  int64_t first_row, last_row, first_column, last_column, first_step, last_step;
};

// Copies steps of the block's part of B' into panels, one after the other.
const float* pack_block(const MatrixProduct& v, const float* b, const Block& r, int64_t step,
                        int64_t depth) {
  const int64_t panels = ceil_div(r.last_column - r.first_column, PANEL);
  float* packed = scratch(1, panels * PANEL * depth);
  const int64_t ld = v.transpose_b ? v.depth : v.columns;
  for (int64_t column = r.first_column; column < r.last_column; column += PANEL) {
    const int width = panel_width(v.columns - column);
    pack(v.transpose_b ? b + column * ld + step : b + step * ld + column, ld, v.transpose_b, depth,
         std::min<int64_t>(width, v.columns - column), width,
         packed + (column - r.first_column) * depth);
  }
  return packed;
}

void multiply_block(const MatrixProduct& v, const float* a, const float* b, bool copy_b,
                    const Block& r, float* c) {
  Tile t;
  const int64_t a_row = v.transpose_a ? 1 : v.depth, a_step = v.transpose_a ? v.rows : 1;
  t.c_row = v.columns;
  for (int64_t step = r.first_step; step < r.last_step; step += DEPTH) {
    t.depth = std::min(DEPTH, r.last_step - step);
    t.add = step > r.first_step;
    const float* packed = copy_b ? pack_block(v, b, r, step, t.depth) : nullptr;
    for (int64_t top = r.first_row; top < r.last_row; top += ROWS) {
      const int64_t rows = std::min(ROWS, r.last_row - top), tiles = ceil_div(rows, MOST_ROWS);
      const float* from = a + top * a_row + step * a_step;
      t.a_row = a_row;
      t.a_step = a_step;
      const auto first_row = [&](int64_t i) { return i * rows / tiles; };
      const bool by_tiles = v.transpose_a && v.columns > PANEL && rows > MOST_ROWS;
      if (by_tiles) {
        // A step of a transposed A is far from the next: the rows of a tile are copied side by side.
        // Whole vectors are stored, and what is too much is overwritten by the next.
        float* copy = scratch(0, rows * t.depth + WIDTH);
        for (int64_t i = 0; i < tiles; ++i) {
          const int64_t row = first_row(i), count = first_row(i + 1) - row;
          float* to = copy + row * t.depth;
          for (int64_t k = 0; k < t.depth; ++k, to += count)
            for (int64_t n = 0; n < count; n += WIDTH)
              store(to + n, load_first(from + k * v.rows + row + n,
                                       std::min<int64_t>(WIDTH, count - n)));
        }
        from = copy;
      } else if (!v.transpose_a && v.depth % COMPETING == 0 && v.columns > PANEL) {
        t.a_row = t.depth + GAP;
        float* copy = scratch(0, rows * t.a_row);
        for (int64_t i = 0; i < rows; ++i)
          std::memcpy(copy + i * t.a_row, from + i * v.depth, t.depth * sizeof(float));
        from = copy;
      }
      const auto compute = [&](int64_t column, int64_t i) {
        const int width = panel_width(v.columns - column);
        t.columns = std::min<int64_t>(width, v.columns - column);
        t.b = copy_b ? packed + (column - r.first_column) * t.depth : b + step * v.columns + column;
        t.b_step = copy_b ? width : v.columns;
        // Tiles of nearly equal size, so that none is left with a single row.
        const int64_t row = first_row(i), count = first_row(i + 1) - row;
        t.a = from + row * (by_tiles ? t.depth : t.a_row);
        if (by_tiles) t.a_step = count;
        t.c = c + (top + row) * t.c_row + column;
        TILES[width / WIDTH - 1][t.columns == width][count - 1](t);
      };
      // What is smaller stays in the first cache: all of B', or one panel of it.
      if (t.depth * (r.last_column - r.first_column) <= SMALL) {
        for (int64_t i = 0; i < tiles; ++i)
          for (int64_t column = r.first_column; column < r.last_column; column += PANEL)
            compute(column, i);
      } else {
        for (int64_t column = r.first_column; column < r.last_column; column += PANEL)
          for (int64_t i = 0; i < tiles; ++i) compute(column, i);
      }
    }
  }
}

}  // namespace

void multiply(const MatrixProduct& v, const float* a, const float* b, float* c,
              const Parallel& pool) {
  const bool few = v.rows < (v.columns % COMPETING == 0 ? 2 * MOST_ROWS : ROWS_WORTH_PACKING);
  const bool copy_b = v.transpose_b || (!few && v.depth * v.columns >= NUMBERS_WORTH_PACKING);
  const int64_t threads = pool.threads;
  if (threads == 1 || v.rows * v.depth * v.columns < LEAST_WORK) {
    multiply_block(v, a, b, copy_b, {0, v.rows, 0, v.columns, 0, v.depth}, c);
    return;
  }
  const auto part = [&](int64_t number, int64_t of) { return number * of / threads; };

  // A few rows against a large B: the threads share the depth, so that each reads its own rows of
  // B, the same as in the weight gradient (below) and in the optimizer. Their sums are then added
  // in order.
  if (!v.transpose_a && v.depth >= 4 * v.rows) {
    const int64_t size = v.rows * v.columns;
    float* sums = scratch(2, threads * size);
    parallel(pool, threads, [&](int64_t thread) {
      const Block block{0, v.rows, 0, v.columns, part(thread, v.depth), part(thread + 1, v.depth)};
      float* own = sums + thread * size;
      if (block.first_step == block.last_step) std::memset(own, 0, size * sizeof(float));
      multiply_block(v, a, b, copy_b, block, own);
    });
    for (int64_t i = 0; i < size; ++i) {
      float sum = sums[i];
      for (int64_t thread = 1; thread < threads; ++thread) sum += sums[thread * size + i];
      c[i] = sum;
    }
    return;
  }
  // Else they share the columns of the result, each copying its own part of B', or its rows. Where
  // A is copied, too, the larger of the two is shared.
  const int64_t panels = ceil_div(v.columns, PANEL);
  const bool by_columns = copy_b ? panels >= 2 * threads && !(v.transpose_a && v.rows > v.columns)
                                 : !v.transpose_a && v.columns > v.rows;
  parallel(pool, threads, [&](int64_t thread) {
    const auto edge = [&](int64_t number) {
      return std::min(part(number, panels) * PANEL, v.columns);
    };
    const Block block =
        by_columns ? Block{0, v.rows, edge(thread), edge(thread + 1), 0, v.depth}
                   : Block{part(thread, v.rows), part(thread + 1, v.rows), 0, v.columns, 0, v.depth};
    multiply_block(v, a, b, copy_b, block, c);
  });
}

}  // namespace PELLUCID_ISA
}  // namespace pellucid
