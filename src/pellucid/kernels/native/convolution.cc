// The three products of a convolution.
//
// The inner loops keep a tile of the output in registers: pixels of one row times vectors of
// filters. For every tap (kernel row, kernel column, channel) one vector of weights is loaded for
// each block, one number of the input is broadcast for each pixel, and a multiply-add for each pair
// follows: enough of them in flight to hide their latency.

#include "convolution.h"

#include <algorithm>
#include <vector>

#include "few_filters.h"
#include "vector.h"
#include "winograd.h"

namespace pellucid {
namespace PELLUCID_ISA {
namespace {

// Correlation of a source with taps, the one loop under forward and input gradient:
//   out[o, p, f] = sum over r, q, c of source[o * stride + r * dilation - low, ..., c] w[r, q, c, f]
struct Correlation {
  Axis rows, columns;    // over the source; ``output`` counts the windows
  int64_t channels;      // summed over, of one group
  int64_t pixel;         // floats between pixels of the source (channels of all groups)
  int64_t filters;       // results of one group
  int64_t out_row;       // floats between rows of windows in the output
  int64_t out_pixel;     // floats between windows in a row of the output
};

// Taps (row, column, channel) of one panel of filters are packed as (tap, PANEL) with zeros beyond
// the last filter; a panel of at most WIDTH filters as (tap, WIDTH).
struct Tile {
  const float* source;   // first pixel, first tap
  int64_t pixel_step;    // floats between pixels of the tile
  int64_t rows, row_step;
  int64_t runs, run_step;  // contiguous runs of taps in a kernel row
  int64_t run;             // taps in a run
  const float* weights;
  float* out;
  int64_t out_step;
  int64_t filters;  // to store, at most PANEL
};

template <int PIXELS, int NB>
void compute_tile(const Tile& t) {
  Vector sum[PIXELS][NB];
  UNROLL for (int p = 0; p < PIXELS; ++p)
    UNROLL for (int b = 0; b < NB; ++b) sum[p][b] = Vector{};
  const float* w = t.weights;
  for (int64_t r = 0; r < t.rows; ++r) {
    for (int64_t q = 0; q < t.runs; ++q) {
      const float* x = t.source + r * t.row_step + q * t.run_step;
      for (int64_t k = 0; k < t.run; ++k) {
        Vector v[NB];
        UNROLL for (int b = 0; b < NB; ++b) v[b] = load(w + b * WIDTH);
        w += NB * WIDTH;
        UNROLL for (int p = 0; p < PIXELS; ++p) {
          const Vector value = broadcast(x[p * t.pixel_step + k]);
          UNROLL for (int b = 0; b < NB; ++b) sum[p][b] += value * v[b];
        }
      }
    }
  }
  const int64_t last = t.filters - (NB - 1) * WIDTH;
  UNROLL for (int p = 0; p < PIXELS; ++p) {
    float* out = t.out + p * t.out_step;
    UNROLL for (int b = 0; b < NB - 1; ++b) store(out + b * WIDTH, sum[p][b]);
    store_first(out + (NB - 1) * WIDTH, sum[p][NB - 1], last);
  }
}

using TileFunction = void (*)(const Tile&);

template <int NB, int... P>
constexpr std::array<TileFunction, sizeof...(P)> tile_table(std::integer_sequence<int, P...>) {
  return {{compute_tile<P + 1, NB>...}};
}

const auto TILES_1 = tile_table<1>(std::make_integer_sequence<int, MOST_ROWS>{});
const auto TILES_2 = tile_table<2>(std::make_integer_sequence<int, MOST_ROWS>{});

// Copies the source rows that the windows first..last (rows) meet, with zeros for the padding, so
// that no inner loop has to ask where it is. Returns the copy; its pixels are dense.
const float* padded_rows(const Correlation& c, const float* source, int64_t first, int64_t last,
                         int64_t* row_floats) {
  const int64_t height = (last - 1 - first) * c.rows.stride + (c.rows.kernel - 1) * c.rows.dilation + 1;
  const int64_t width = (c.columns.output - 1) * c.columns.stride +
                        (c.columns.kernel - 1) * c.columns.dilation + 1;
  const int64_t top = first * c.rows.stride - c.rows.low, left = -c.columns.low;
  *row_floats = width * c.channels;
  const bool dense = c.pixel == c.channels;
  if (dense && c.columns.size == width && left == 0 && top >= 0 && top + height <= c.rows.size)
    return source + top * c.columns.size * c.channels;
  float* copy = scratch(0, height * width * c.channels + PANEL);
  for (int64_t r = 0; r < height; ++r) {
    float* to = copy + r * width * c.channels;
    const int64_t row = top + r;
    const int64_t begin = std::clamp<int64_t>(-left, 0, width);
    const int64_t end = std::clamp<int64_t>(c.columns.size - left, begin, width);
    if (row < 0 || row >= c.rows.size || begin == end) {
      std::memset(to, 0, width * c.channels * sizeof(float));
      continue;
    }
    std::memset(to, 0, begin * c.channels * sizeof(float));
    std::memset(to + end * c.channels, 0, (width - end) * c.channels * sizeof(float));
    const float* from = source + (row * c.columns.size + left + begin) * c.pixel;
    if (dense) {
      std::memcpy(to + begin * c.channels, from, (end - begin) * c.channels * sizeof(float));
    } else {
      for (int64_t q = begin; q < end; ++q, from += c.pixel)
        std::memcpy(to + q * c.channels, from, c.channels * sizeof(float));
    }
  }
  return copy;
}

// Computes the windows first..last (rows) of one sample and one group.
void correlate(const Correlation& c, const float* source, const float* packed, float* out,
               int64_t first, int64_t last) {
  int64_t row_floats;
  const float* x = padded_rows(c, source, first, last, &row_floats);
  const bool merged = c.columns.dilation == 1;
  Tile t;
  t.pixel_step = c.columns.stride * c.channels;
  t.rows = c.rows.kernel;
  t.row_step = c.rows.dilation * row_floats;
  t.runs = merged ? 1 : c.columns.kernel;
  t.run_step = c.columns.dilation * c.channels;
  t.run = merged ? c.columns.kernel * c.channels : c.channels;
  t.out_step = c.out_pixel;
  const int64_t taps = c.rows.kernel * c.columns.kernel * c.channels;
  const int64_t tiles = ceil_div(c.columns.output, MOST_ROWS);
  for (int64_t f = 0; f < c.filters; f += PANEL) {
    const int width = panel_width(c.filters - f);
    const auto& table = width == PANEL ? TILES_2 : TILES_1;
    t.weights = packed + f * taps;
    t.filters = std::min<int64_t>(width, c.filters - f);
    for (int64_t o = first; o < last; ++o) {
      const float* row = x + (o - first) * c.rows.stride * row_floats;
      for (int64_t i = 0; i < tiles; ++i) {
        // Tiles of nearly equal size, so that none is left with a single pixel.
        const int64_t p = i * c.columns.output / tiles;
        const int64_t pixels = (i + 1) * c.columns.output / tiles - p;
        t.source = row + p * t.pixel_step;
        t.out = out + o * c.out_row + p * c.out_pixel + f;
        table[pixels - 1](t);
      }
    }
  }
}

size_t packed_floats(int64_t taps, int64_t filters) { return taps * ceil_div(filters, PANEL) * PANEL; }

// How the work of all samples and groups is cut into tasks: blocks of rows of windows.
int64_t row_block(int64_t samples, int64_t rows, int64_t threads) {
  const int64_t wanted = threads == 1 ? 1 : 4 * threads;
  const int64_t blocks = std::clamp<int64_t>(ceil_div(wanted, samples), 1, rows);
  return ceil_div(rows, blocks);
}

void forward(const Convolution& v, const float* x, const float* w, float* y, const Parallel& pool) {
  const int64_t channels = v.channels / v.groups, filters = v.filters / v.groups;
  const int64_t taps = v.rows.kernel * v.columns.kernel * channels;
  Correlation c{v.rows, v.columns, channels, v.channels, filters, v.columns.output * v.filters,
                v.filters};
  const size_t size = packed_floats(taps, filters);
  std::unique_ptr<float[]> packed(new float[size * v.groups]);
  const int64_t panels = ceil_div(filters, PANEL);
  parallel(pool, v.groups * panels, [&](int64_t number) {
    const int64_t g = number / panels, f = number % panels * PANEL;
    const int width = panel_width(filters - f);
    const int64_t real = std::min<int64_t>(width, filters - f);
    float* to = packed.get() + g * size + f * taps;
    for (int64_t k = 0; k < taps; ++k, to += width) {
      std::memcpy(to, w + k * v.filters + g * filters + f, real * sizeof(float));
      std::memset(to + real, 0, (width - real) * sizeof(float));
    }
  });
  const int64_t block = row_block(v.samples * v.groups, v.rows.output, pool.threads);
  const int64_t blocks = ceil_div(v.rows.output, block);
  parallel(pool, v.samples * v.groups * blocks, [&](int64_t number) {
    const int64_t n = number / (v.groups * blocks), g = number / blocks % v.groups;
    const int64_t first = number % blocks * block;
    const int64_t last = std::min(first + block, v.rows.output);
    correlate(c, x + n * v.rows.size * v.columns.size * v.channels + g * channels,
              packed.get() + g * size,
              y + n * v.rows.output * v.columns.output * v.filters + g * filters, first, last);
  });
}

// The input positions of one residue modulo the stride, along one axis. They meet every
// (stride / gcd)-th element of the window, at windows that lie dilation / gcd apart: a correlation
// of dy with stride 1.
struct Phase {
  int64_t first;         // first input position of this phase
  int64_t count;         // number of positions, ``stride`` apart
  int64_t tap, tap_step, taps;  // elements of the window that reach it
  Axis axis;             // the correlation over dy
};

std::vector<Phase> phases(const Axis& a) {
  std::vector<Phase> all;
  for (int64_t residue = 0; residue < a.stride && residue < a.size; ++residue) {
    Phase p{};
    p.first = residue;
    p.count = ceil_div(a.size - residue, a.stride);
    // Elements k with k * dilation = residue + low (modulo stride).
    std::vector<int64_t> reach;
    for (int64_t k = 0; k < a.kernel; ++k)
      if ((residue + a.low - k * a.dilation) % a.stride == 0) reach.push_back(k);
    p.taps = reach.size();
    if (p.taps > 0) {
      p.tap = reach[0];
      p.tap_step = p.taps > 1 ? reach[1] - reach[0] : 1;
      // Position i = residue + stride * j meets element k at window (i + low - k * dilation) / stride
      // = j + (residue + low - k * dilation) / stride, which falls as k grows: taps are reversed.
      const int64_t step = p.taps > 1 ? p.tap_step * a.dilation / a.stride : 1;
      const int64_t last = reach.back();
      const int64_t start = (residue + a.low - last * a.dilation) / a.stride;
      p.axis = Axis{a.output, p.taps, 1, step, -start, p.count};
    }
    all.push_back(p);
  }
  return all;
}

void input_gradient(const Convolution& v, const float* dy, const float* w, float* dx,
                    const Parallel& pool) {
  const int64_t channels = v.channels / v.groups, filters = v.filters / v.groups;
  const auto row_phases = phases(v.rows), column_phases = phases(v.columns);
  struct Part {
    Correlation c;
    size_t packed, size;
    int64_t offset;
  };
  std::vector<Part> parts;
  size_t total = 0;
  bool gaps = false;
  for (const Phase& r : row_phases)
    for (const Phase& q : column_phases) {
      if (r.taps == 0 || q.taps == 0) {
        gaps = true;
        continue;
      }
      Part part;
      part.c = Correlation{r.axis, q.axis, filters, v.filters, channels,
                           v.rows.stride * v.columns.size * v.channels,
                           v.columns.stride * v.channels};
      part.offset = (r.first * v.columns.size + q.first) * v.channels;
      part.packed = total;
      part.size = packed_floats(r.taps * q.taps * filters, channels);
      total += part.size * v.groups;
      parts.push_back(part);
    }
  if (gaps || parts.empty())
    std::memset(dx, 0, v.samples * v.rows.size * v.columns.size * v.channels * sizeof(float));
  std::unique_ptr<float[]> packed(new float[std::max<size_t>(total, 1)]);
  size_t at = 0;
  for (const Phase& r : row_phases)
    for (const Phase& q : column_phases) {
      if (r.taps == 0 || q.taps == 0) continue;
      const Part& part = parts[at++];
      const int64_t taps = r.taps * q.taps * filters, panels = ceil_div(channels, PANEL);
      parallel(pool, v.groups * panels, [&](int64_t number) {
        const int64_t g = number / panels, c0 = number % panels * PANEL;
        const int width = panel_width(channels - c0);
        const int64_t real = std::min<int64_t>(width, channels - c0);
        float* to = packed.get() + part.packed + g * part.size + c0 * taps;
        for (int64_t a = 0; a < r.taps; ++a)
          for (int64_t b = 0; b < q.taps; ++b) {
            const int64_t kr = r.tap + (r.taps - 1 - a) * r.tap_step;
            const int64_t kq = q.tap + (q.taps - 1 - b) * q.tap_step;
            const float* from =
                w + ((kr * v.columns.kernel + kq) * channels + c0) * v.filters + g * filters;
            for (int64_t f = 0; f < filters; ++f, to += width) {
              for (int64_t i = 0; i < real; ++i) to[i] = from[i * v.filters + f];
              for (int64_t i = real; i < width; ++i) to[i] = 0;
            }
          }
      });
    }
  for (const Part& part : parts) {
    const int64_t rows = part.c.rows.output;
    const int64_t block = row_block(v.samples * v.groups, rows, pool.threads);
    const int64_t blocks = ceil_div(rows, block);
    parallel(pool, v.samples * v.groups * blocks, [&](int64_t number) {
      const int64_t n = number / (v.groups * blocks), g = number / blocks % v.groups;
      const int64_t first = number % blocks * block, last = std::min(first + block, rows);
      correlate(part.c, dy + n * v.rows.output * v.columns.output * v.filters + g * filters,
                packed.get() + part.packed + g * part.size,
                dx + n * v.rows.size * v.columns.size * v.channels + part.offset + g * channels,
                first, last);
    });
  }
}

// A tile of the weight gradient: TAPS taps times NB vectors of filters, summed over all windows.
struct WeightTile {
  const float* x;
  int64_t x_row, x_pixel;
  const float* dy;
  int64_t dy_row, dy_pixel;
  int64_t rows, columns;
  float* dw;
  int64_t dw_tap;
  int64_t filters;
};

// WHOLE: the last vector of filters is a whole one.
template <int TAPS, int NB, bool WHOLE>
void compute_weight_tile(const WeightTile& t) {
  Vector sum[TAPS][NB];
  UNROLL for (int k = 0; k < TAPS; ++k)
    UNROLL for (int b = 0; b < NB; ++b) sum[k][b] = Vector{};
  const int64_t last = t.filters - (NB - 1) * WIDTH;
  const auto read = [&](const float* from, int b) {
    return WHOLE || b < NB - 1 ? load(from + b * WIDTH) : load_first(from + b * WIDTH, last);
  };
  for (int64_t r = 0; r < t.rows; ++r) {
    const float* x = t.x + r * t.x_row;
    const float* dy = t.dy + r * t.dy_row;
    for (int64_t q = 0; q < t.columns; ++q, x += t.x_pixel, dy += t.dy_pixel) {
      Vector v[NB];
      UNROLL for (int b = 0; b < NB; ++b) v[b] = read(dy, b);
      UNROLL for (int k = 0; k < TAPS; ++k) {
        const Vector value = broadcast(x[k]);
        UNROLL for (int b = 0; b < NB; ++b) sum[k][b] += value * v[b];
      }
    }
  }
  UNROLL for (int k = 0; k < TAPS; ++k) {
    float* to = t.dw + k * t.dw_tap;
    UNROLL for (int b = 0; b < NB - 1; ++b) store(to + b * WIDTH, load(to + b * WIDTH) + sum[k][b]);
    float* end = to + (NB - 1) * WIDTH;
    store_first(end, load_first(end, last) + sum[k][NB - 1], last);
  }
}

using WeightTileFunction = void (*)(const WeightTile&);

template <int NB, bool WHOLE, int... T>
constexpr std::array<WeightTileFunction, sizeof...(T)> weight_table(
    std::integer_sequence<int, T...>) {
  return {{compute_weight_tile<T + 1, NB, WHOLE>...}};
}

// By vectors of filters, whether the last one is whole, and taps.
constexpr auto EACH = std::make_integer_sequence<int, MOST_ROWS>{};
const std::array<WeightTileFunction, MOST_ROWS> WEIGHT_TILES[BLOCKS][2] = {
    {weight_table<1, false>(EACH), weight_table<1, true>(EACH)},
    {weight_table<2, false>(EACH), weight_table<2, true>(EACH)},
};

// Adds the part of the weight gradient that windows first..last (rows) of a sample contribute.
void add_weight_gradient(const Convolution& v, const Correlation& c, const float* source,
                         const float* dy, float* dw, int64_t group, int64_t first, int64_t last) {
  const int64_t filters = c.filters;
  int64_t row_floats;
  const float* x = padded_rows(c, source, first, last, &row_floats);
  WeightTile t;
  t.x_row = c.rows.stride * row_floats;
  t.x_pixel = c.columns.stride * c.channels;
  t.rows = last - first;
  t.columns = c.columns.output;
  t.dw_tap = v.filters;
  const float* rows_of_dy = dy + first * t.columns * v.filters;
  t.dy_pixel = v.filters;
  t.dy_row = t.columns * t.dy_pixel;
  const bool merged = c.columns.dilation == 1;
  const int64_t runs = merged ? 1 : c.columns.kernel;
  const int64_t run = merged ? c.columns.kernel * c.channels : c.channels;
  const int64_t tiles = ceil_div(run, MOST_ROWS);
  for (int64_t f = 0; f < filters; f += PANEL) {
    const int width = panel_width(filters - f);
    t.filters = std::min<int64_t>(width, filters - f);
    const auto& table = WEIGHT_TILES[width / WIDTH - 1][t.filters == width];
    t.dy = rows_of_dy + f;
    for (int64_t r = 0; r < c.rows.kernel; ++r)
      for (int64_t q = 0; q < runs; ++q) {
        const float* from = x + r * c.rows.dilation * row_floats + q * c.columns.dilation * c.channels;
        float* to = dw + (r * c.columns.kernel + q) * c.channels * v.filters + group * filters + f;
        for (int64_t i = 0; i < tiles; ++i) {
          const int64_t k = i * run / tiles;
          t.x = from + k;
          t.dw = to + k * v.filters;
          table[(i + 1) * run / tiles - k - 1](t);
        }
      }
  }
}

void weight_gradient(const Convolution& v, const float* x, const float* dy, float* dw,
                     const Parallel& pool) {
  const int64_t channels = v.channels / v.groups, filters = v.filters / v.groups;
  const Correlation c{v.rows, v.columns, channels, v.channels, filters, 0, 0};
  const int64_t size = v.rows.kernel * v.columns.kernel * channels * v.filters;
  // Every thread sums a fixed share of the samples (or of their rows) into a copy of its own; the
  // copies are then added in order.
  const int64_t block = row_block(v.samples, v.rows.output, v.samples < pool.threads ? pool.threads : 1);
  const int64_t blocks = ceil_div(v.rows.output, block);
  const int64_t units = v.samples * blocks;
  const int64_t shares = std::max<int64_t>(1, std::min(pool.threads, units));
  std::unique_ptr<float[]> copies(new float[shares * size]());
  parallel(pool, shares, [&](int64_t share) {
    float* own = copies.get() + share * size;
    for (int64_t unit = share * units / shares; unit < (share + 1) * units / shares; ++unit) {
      const int64_t n = unit / blocks, first = unit % blocks * block;
      const int64_t last = std::min(first + block, v.rows.output);
      for (int64_t g = 0; g < v.groups; ++g)
        add_weight_gradient(v, c, x + n * v.rows.size * v.columns.size * v.channels + g * channels,
                            dy + n * v.rows.output * v.columns.output * v.filters + g * filters,
                            own, g, first, last);
    }
  });
  for (int64_t i = 0; i < size; ++i) {
    float sum = copies[i];
    for (int64_t share = 1; share < shares; ++share) sum += copies[share * size + i];
    dw[i] = sum;
  }
}

// What a window costs in multiply-adds of vectors if so many windows are taken at once.
double window_cost(const Convolution& v, int64_t windows) {
  const int64_t kernel = v.columns.kernel + (windows - 1) * v.columns.stride;
  const int64_t vectors = ceil_div(windows * v.filters / v.groups, WIDTH);
  return static_cast<double>(v.rows.kernel * kernel * (v.channels / v.groups) * vectors) / windows;
}

// With few filters most of a vector would stay empty. Then ``pixels`` neighbors of a row are taken
// as one, whose filters are those of each in turn: a convolution with a wider kernel and stride, of
// which the parts that a pixel does not meet are 0. Its output lies in memory as the other's does.
int64_t pixels_at_once(const Convolution& v) {
  if (v.groups != 1 || v.columns.dilation != 1) return 1;
  int64_t best = 1;
  for (int64_t pixels = 2; pixels * v.filters <= PANEL; ++pixels)
    if (v.columns.output % pixels == 0 && window_cost(v, pixels) < 0.9 * window_cost(v, best))
      best = pixels;
  return best;
}

Convolution widened(Convolution v, int64_t pixels) {
  v.columns.kernel += (pixels - 1) * v.columns.stride;
  v.columns.stride *= pixels;
  v.columns.output /= pixels;
  v.filters *= pixels;
  return v;
}

// Calls ``each(wide, narrow)`` with the places in the wide and the narrow kernel of all filters of
// one tap that a pixel meets.
template <typename Each>
void over_taps(const Convolution& v, int64_t pixels, const Each& each) {
  const Convolution wide = widened(v, pixels);
  for (int64_t r = 0; r < v.rows.kernel; ++r)
    for (int64_t q = 0; q < v.columns.kernel; ++q)
      for (int64_t c = 0; c < v.channels; ++c)
        for (int64_t pixel = 0; pixel < pixels; ++pixel) {
          const int64_t column = r * wide.columns.kernel + q + pixel * v.columns.stride;
          each((column * v.channels + c) * wide.filters + pixel * v.filters,
               ((r * v.columns.kernel + q) * v.channels + c) * v.filters);
        }
}

// With stride 1 the way from windows to pixels is itself a convolution, with the kernel turned
// around.
Convolution turned(const Convolution& v) {
  const auto axis = [](const Axis& a) {
    return Axis{a.output, a.kernel, 1, a.dilation, (a.kernel - 1) * a.dilation - a.low, a.size};
  };
  return {v.samples, axis(v.rows), axis(v.columns), v.filters, v.channels, 1};
}

size_t kernel_floats(const Convolution& v) {
  return v.rows.kernel * v.columns.kernel * v.channels / v.groups * v.filters;
}

// Writes the kernel of the turned convolution.
void turn_kernel(const Convolution& v, const float* w, float* to) {
  const int64_t taps = v.rows.kernel * v.columns.kernel;
  for (int64_t tap = 0; tap < taps; ++tap)
    for (int64_t f = 0; f < v.filters; ++f)
      for (int64_t c = 0; c < v.channels; ++c)
        to[(tap * v.filters + f) * v.channels + c] =
            w[((taps - 1 - tap) * v.channels + c) * v.filters + f];
}

}  // namespace

void conv_forward(const Convolution& v, const float* x, const float* w, float* y,
                  const Parallel& pool) {
  if (winograd_suits(v)) return winograd_forward(v, x, w, y, pool);
  const int64_t pixels = pixels_at_once(v);
  if (few_filters_suit(v, window_cost(v, pixels))) return few_filters_forward(v, x, w, y, pool);
  if (pixels == 1) return forward(v, x, w, y, pool);
  const Convolution wide = widened(v, pixels);
  std::unique_ptr<float[]> kernel(new float[kernel_floats(wide)]());
  over_taps(v, pixels, [&](int64_t to, int64_t from) {
    std::memcpy(kernel.get() + to, w + from, v.filters * sizeof(float));
  });
  forward(wide, x, kernel.get(), y, pool);
}

void conv_input_gradient(const Convolution& v, const float* dy, const float* w, float* dx,
                         const Parallel& pool) {
  if (v.groups != 1 || v.rows.stride != 1 || v.columns.stride != 1)
    return input_gradient(v, dy, w, dx, pool);
  const Convolution back = turned(v);
  const int64_t pixels = pixels_at_once(back);
  if (!few_filters_suit(back, window_cost(back, pixels)) && !winograd_suits(back) && pixels == 1)
    return input_gradient(v, dy, w, dx, pool);
  float* kernel = scratch(3, kernel_floats(back));
  turn_kernel(v, w, kernel);
  conv_forward(back, dy, kernel, dx, pool);
}

void conv_weight_gradient(const Convolution& v, const float* x, const float* dy, float* dw,
                          const Parallel& pool) {
  if (winograd_suits(v)) return winograd_weight_gradient(v, x, dy, dw, pool);
  const int64_t pixels = pixels_at_once(v);
  if (v.groups == 1 && v.rows.stride == 1 && v.columns.stride == 1) {
    // That of dy and x in each other's place has its vectors full of channels.
    const Convolution back = turned(v);
    if (2 * window_cost(back, 1) < window_cost(v, pixels)) {
      std::unique_ptr<float[]> kernel(new float[kernel_floats(back)]);
      weight_gradient(back, dy, x, kernel.get(), pool);
      return turn_kernel(back, kernel.get(), dw);
    }
  }
  if (pixels == 1) return weight_gradient(v, x, dy, dw, pool);
  const Convolution wide = widened(v, pixels);
  std::unique_ptr<float[]> kernel(new float[kernel_floats(wide)]);
  weight_gradient(wide, x, dy, kernel.get(), pool);
  std::memset(dw, 0, kernel_floats(v) * sizeof(float));
  over_taps(v, pixels, [&](int64_t from, int64_t to) {
    for (int64_t f = 0; f < v.filters; ++f) dw[to + f] += kernel[from + f];
  });
}

}  // namespace PELLUCID_ISA
}  // namespace pellucid
