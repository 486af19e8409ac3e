// Convolution of 3x3 or 5x5 with stride 1 by Winograd's minimal filtering, F(4x4, 3x3) and
// F(2x2, 5x5).
//
// A tile of 4x4 (or 2x2) results needs a tile d of 6x6 of the input. With g the kernel of one
// channel and filter, the tile is
//
//   y = A^T [(G g G^T) . (B^T d B)] A
//
// where . multiplies place by place: 36 multiplications instead of 144 (or 100), and summed over
// the channels each place is a matrix product (tiles, channels) x (channels, filters). The map is
// linear in g and d, so that its transpose gives the weight gradient from the same two parts:
//
//   dg = G^T [(A dy A^T) . (B^T d B)] G
//
// The matrices follow from polynomials through the points 0, a, -a, b, -b and infinity (Winograd,
// Arithmetic Complexity of Computations, 1980; Lavin, Gray, Fast algorithms for convolutional
// neural networks, 2016). With a = 3/4 and b = 3/2 the rounding error stays within about twice that
// of the plain sum; with the common 1 and 2 it is several times as large.

#include "winograd.h"

#include <algorithm>

#include "tile.h"

namespace pellucid {
namespace PELLUCID_ISA {
namespace {

constexpr int SIDE = 6, PLACES = SIDE * SIDE;
constexpr float A1 = 0.75f, B1 = 1.5f;
constexpr float A2 = A1 * A1, B2 = B1 * B1;
// The denominators of G: the product of the differences between a point and the others.
constexpr float N0 = A2 * B2, NA = 2 * A2 * (A2 - B2), NB = 2 * B2 * (B2 - A2);

constexpr float power(float base, int exponent) {
  return exponent == 0 ? 1 : base * power(base, exponent - 1);
}

// How many results a tile has along an axis.
constexpr int results(int taps) { return SIDE + 1 - taps; }

// r = B^T d
inline void to_places(const Vector* d, Vector* r) {
  const Vector even_a = d[4] - B2 * d[2], odd_a = A1 * (d[3] - B2 * d[1]);
  const Vector even_b = d[4] - A2 * d[2], odd_b = B1 * (d[3] - A2 * d[1]);
  r[0] = d[4] - (A2 + B2) * d[2] + (A2 * B2) * d[0];
  r[1] = even_a + odd_a;
  r[2] = even_a - odd_a;
  r[3] = even_b + odd_b;
  r[4] = even_b - odd_b;
  r[5] = d[5] - (A2 + B2) * d[3] + (A2 * B2) * d[1];
}

// The values at the six points of the polynomial with N coefficients p: A of N results, and with
// the denominators G of N taps.
template <int N, bool DIVIDED>
inline void at_points(const Vector* p, Vector* r) {
  Vector even_a = p[0], even_b = p[0], odd_a = A1 * p[1], odd_b = B1 * p[1];
  UNROLL for (int i = 2; i < N; ++i) {
    (i % 2 ? odd_a : even_a) += power(A1, i) * p[i];
    (i % 2 ? odd_b : even_b) += power(B1, i) * p[i];
  }
  const float at_0 = DIVIDED ? 1 / N0 : 1, at_a = DIVIDED ? 1 / NA : 1, at_b = DIVIDED ? 1 / NB : 1;
  r[0] = at_0 * p[0];
  r[1] = at_a * (even_a + odd_a);
  r[2] = at_a * (even_a - odd_a);
  r[3] = at_b * (even_b + odd_b);
  r[4] = at_b * (even_b - odd_b);
  r[5] = p[N - 1];
}

// The transpose of that.
template <int N, bool DIVIDED>
inline void from_points(const Vector* r, Vector* p) {
  const float at_0 = DIVIDED ? 1 / N0 : 1, at_a = DIVIDED ? 1 / NA : 1, at_b = DIVIDED ? 1 / NB : 1;
  const Vector sum_a = at_a * (r[1] + r[2]), difference_a = at_a * (r[1] - r[2]);
  const Vector sum_b = at_b * (r[3] + r[4]), difference_b = at_b * (r[3] - r[4]);
  UNROLL for (int i = 0; i < N; ++i)
    p[i] = power(A1, i) * (i % 2 ? difference_a : sum_a) +
           power(B1, i) * (i % 2 ? difference_b : sum_b);
  p[0] += at_0 * r[0];
  p[N - 1] += r[5];
}

// Applies ``line`` (FROM numbers to TO) along both axes of a square: ``read(i, j)`` gives its
// numbers, ``write(i, j, value)`` takes the result.
template <int FROM, int TO, typename Line, typename Read, typename Write>
inline void both_axes(const Line& line, const Read& read, const Write& write) {
  Vector half[TO][FROM];
  for (int i = 0; i < FROM; ++i) {
    Vector from[FROM], to[TO];
    for (int j = 0; j < FROM; ++j) from[j] = read(i, j);
    line(from, to);
    for (int j = 0; j < TO; ++j) half[j][i] = to[j];
  }
  for (int j = 0; j < TO; ++j) {
    Vector to[TO];
    line(half[j], to);
    for (int i = 0; i < TO; ++i) write(i, j, to[i]);
  }
}

inline Vector read_some(const float* from, int64_t count) {
  return count == WIDTH ? load(from) : load_first(from, count);
}

inline void write_some(float* to, Vector v, int64_t count) {
  count == WIDTH ? store(to, v) : store_first(to, v, count);
}

// A picture of one sample: (rows, columns, depth), and its tiles.
struct Picture {
  int64_t rows, columns, depth;
};

struct Tiles {
  int64_t down, across, total;
};

Tiles tiles_of(const Convolution& v) {
  const int out = results(v.rows.kernel);
  const int64_t down = ceil_div(v.rows.output, out), across = ceil_div(v.columns.output, out);
  return {down, across, v.samples * down * across};
}

// Calls ``each(sample, tile row, tile column, number in the block)`` for a block of tiles.
template <typename Each>
void over_tiles(const Tiles& tiles, int64_t first, int64_t count, const Each& each) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t tile = first + i, row = tile / tiles.across;
    each(row / tiles.down, row % tiles.down, tile % tiles.across, i);
  }
}

// Reads the square of FROM x FROM pixels at (top, left), with zeros outside the picture, and writes
// it to its places, ``step`` floats apart.
template <int FROM, typename Line>
void spread(const Picture& p, const float* picture, int64_t top, int64_t left, const Line& line,
            float* to, int64_t step) {
  const bool inside = top >= 0 && left >= 0 && top + FROM <= p.rows && left + FROM <= p.columns;
  for (int64_t c = 0; c < p.depth; c += WIDTH) {
    const int64_t count = std::min<int64_t>(WIDTH, p.depth - c);
    const float* from = picture + (top * p.columns + left) * p.depth + c;
    const auto write = [&](int i, int j, Vector value) {
      write_some(to + (i * SIDE + j) * step + c, value, count);
    };
    const auto at = [&](int i, int j) { return from + (i * p.columns + j) * p.depth; };
    if (inside) {
      both_axes<FROM, SIDE>(line, [&](int i, int j) { return read_some(at(i, j), count); }, write);
    } else {
      both_axes<FROM, SIDE>(
          line,
          [&](int i, int j) {
            const bool real = top + i >= 0 && top + i < p.rows && left + j >= 0 &&
                              left + j < p.columns;
            return real ? read_some(at(i, j), count) : Vector{};
          },
          write);
    }
  }
}

// The kernel's places as panels of filters for the tiles of the product: (place, panel, channel,
// filter in the panel).
template <int TAPS>
void spread_kernel(const Convolution& v, const float* w, float* to, const Parallel& pool) {
  const int64_t panels = ceil_div(v.filters, PANEL);
  parallel(pool, panels, [&](int64_t panel) {
    const int64_t f0 = panel * PANEL, width = panel_width(v.filters - f0);
    const int64_t step = v.channels * v.filters;
    for (int64_t c = 0; c < v.channels; ++c)
      for (int64_t n = 0; n < width; n += WIDTH) {
        const int64_t count = std::clamp<int64_t>(v.filters - f0 - n, 0, WIDTH);
        const float* from = w + c * v.filters + f0 + n;
        both_axes<TAPS, SIDE>(
            at_points<TAPS, true>,
            [&](int i, int j) { return load_first(from + (i * TAPS + j) * step, count); },
            [&](int i, int j, Vector value) {
              store(to + ((i * SIDE + j) * panels * PANEL + f0) * v.channels + c * width + n,
                    value);
            });
      }
  });
}

// Tiles at once: what is computed between the steps stays in the second cache, but they are enough
// for a large kernel not to be fetched again and again. Every thread gets equally many blocks.
int64_t block_of(const Convolution& v, const Tiles& tiles, int64_t threads) {
  constexpr int64_t CACHE = 1 << 17;  // floats
  const int64_t fit = std::min<int64_t>(CACHE / (PLACES * (v.channels + v.filters)), 8 * MOST_ROWS);
  const int64_t large = v.channels * v.filters / (2 * (v.channels + v.filters));
  const int64_t wanted = ceil_div(std::max(fit, large), MOST_ROWS) * MOST_ROWS;
  return ceil_div(tiles.total, threads * ceil_div(tiles.total, threads * wanted));
}

// Floats between places: ``numbers`` of them and a gap, since places that lie a multiple of many
// cache lines apart would compete for the same lines of the first cache.
int64_t place_step(int64_t numbers) { return (ceil_div(numbers, 16) | 1) * 16; }

template <int TAPS>
void forward(const Convolution& v, const float* x, const float* w, float* y, const Parallel& pool) {
  constexpr int OUT = results(TAPS);
  const Picture in{v.rows.size, v.columns.size, v.channels};
  const Tiles tiles = tiles_of(v);
  const int64_t panels = ceil_div(v.filters, PANEL), block = block_of(v, tiles, pool.threads);
  float* kernel = scratch(2, PLACES * panels * PANEL * v.channels);
  spread_kernel<TAPS>(v, w, kernel, pool);
  parallel(pool, ceil_div(tiles.total, block), [&](int64_t number) {
    const int64_t first = number * block, count = std::min(block, tiles.total - first);
    const int64_t read_step = place_step(count * v.channels);
    const int64_t made_step = place_step(count * v.filters);
    float* places = scratch(0, PLACES * read_step);
    float* made = scratch(1, PLACES * made_step);
    over_tiles(tiles, first, count, [&](int64_t n, int64_t down, int64_t across, int64_t i) {
      spread<SIDE>(in, x + n * in.rows * in.columns * in.depth, down * OUT - v.rows.low,
                   across * OUT - v.columns.low, to_places, places + i * v.channels, read_step);
    });
    for (int64_t place = 0; place < PLACES; ++place)
      multiply_tiles(count, v.channels, v.filters, places + place * read_step, v.channels, 1,
                     kernel + place * panels * PANEL * v.channels, 0, made + place * made_step,
                     v.filters, false);
    over_tiles(tiles, first, count, [&](int64_t n, int64_t down, int64_t across, int64_t i) {
      const int64_t rows = std::min<int64_t>(OUT, v.rows.output - down * OUT);
      const int64_t columns = std::min<int64_t>(OUT, v.columns.output - across * OUT);
      float* out = y + ((n * v.rows.output + down * OUT) * v.columns.output + across * OUT) *
                           v.filters;
      for (int64_t f = 0; f < v.filters; f += WIDTH) {
        const int64_t filters = std::min<int64_t>(WIDTH, v.filters - f);
        const float* from = made + i * v.filters + f;
        both_axes<SIDE, OUT>(
            from_points<OUT, false>,
            [&](int a, int b) { return read_some(from + (a * SIDE + b) * made_step, filters); },
            [&](int a, int b, Vector value) {
              if (a < rows && b < columns)
                write_some(out + (a * v.columns.output + b) * v.filters + f, value, filters);
            });
      }
    });
  });
}

template <int TAPS>
void weight_gradient(const Convolution& v, const float* x, const float* dy, float* dw,
                     const Parallel& pool) {
  constexpr int OUT = results(TAPS);
  const Picture in{v.rows.size, v.columns.size, v.channels};
  const Picture out{v.rows.output, v.columns.output, v.filters};
  const Tiles tiles = tiles_of(v);
  const int64_t block = block_of(v, tiles, pool.threads), blocks = ceil_div(tiles.total, block);
  const int64_t size = v.channels * v.filters;
  // Every thread sums a fixed share of the blocks; the shares are then added in order.
  const int64_t shares = std::min(pool.threads, blocks);
  float* sums = scratch(2, shares * PLACES * size);
  parallel(pool, shares, [&](int64_t share) {
    float* own = sums + share * PLACES * size;
    const int64_t begin = share * blocks / shares, end = (share + 1) * blocks / shares;
    for (int64_t number = begin; number < end; ++number) {
      const int64_t first = number * block, count = std::min(block, tiles.total - first);
      const int64_t x_step = place_step(count * v.channels);
      const int64_t dy_step = place_step(count * v.filters);
      float* x_places = scratch(0, PLACES * x_step);
      float* dy_places = scratch(1, PLACES * dy_step);
      over_tiles(tiles, first, count, [&](int64_t n, int64_t down, int64_t across, int64_t i) {
        spread<SIDE>(in, x + n * in.rows * in.columns * in.depth, down * OUT - v.rows.low,
                     across * OUT - v.columns.low, to_places, x_places + i * v.channels, x_step);
        spread<OUT>(out, dy + n * out.rows * out.columns * out.depth, down * OUT, across * OUT,
                    at_points<OUT, false>, dy_places + i * v.filters, dy_step);
      });
      for (int64_t place = 0; place < PLACES; ++place)
        multiply_tiles(v.channels, count, v.filters, x_places + place * x_step, 1, v.channels,
                       dy_places + place * dy_step, v.filters, own + place * size, v.filters,
                       number > begin);
    }
  });
  parallel(pool, v.channels, [&](int64_t c) {
    for (int64_t f = 0; f < v.filters; f += WIDTH) {
      const int64_t count = std::min<int64_t>(WIDTH, v.filters - f);
      both_axes<SIDE, TAPS>(
          from_points<TAPS, true>,
          [&](int i, int j) {
            const float* from = sums + (i * SIDE + j) * size + c * v.filters + f;
            Vector sum = read_some(from, count);
            for (int64_t share = 1; share < shares; ++share)
              sum += read_some(from + share * PLACES * size, count);
            return sum;
          },
          [&](int i, int j, Vector value) {
            write_some(dw + (i * TAPS + j) * size + c * v.filters + f, value, count);
          });
    }
  });
}

}  // namespace

bool winograd_suits(const Convolution& v) {
  const auto plain = [](const Axis& a) {
    return (a.kernel == 3 || a.kernel == 5) && a.stride == 1 && a.dilation == 1;
  };
  if (v.groups != 1 || !plain(v.rows) || !plain(v.columns) || v.rows.kernel != v.columns.kernel)
    return false;
  // In multiply-adds of vectors: the sum over all taps against the places, and the way there and
  // back, for a tile.
  const Tiles tiles = tiles_of(v);
  const double channels = ceil_div(v.channels, WIDTH), filters = ceil_div(v.filters, WIDTH);
  // The plain sum puts several pixels into a vector that a few filters leave empty.
  const double lanes = std::min(filters, std::max(filters - 1, 1.6 * v.filters / WIDTH));
  const double taps = v.rows.kernel * v.columns.kernel * v.channels * lanes;
  const double places = PLACES * v.channels * filters + 250 * (channels + filters);
  const double pixels = static_cast<double>(v.samples) * v.rows.output * v.columns.output;
  return tiles.total * places < 0.85 * pixels * taps;
}

void winograd_forward(const Convolution& v, const float* x, const float* w, float* y,
                      const Parallel& pool) {
  v.rows.kernel == 3 ? forward<3>(v, x, w, y, pool) : forward<5>(v, x, w, y, pool);
}

void winograd_weight_gradient(const Convolution& v, const float* x, const float* dy, float* dw,
                              const Parallel& pool) {
  v.rows.kernel == 3 ? weight_gradient<3>(v, x, dy, dw, pool)
                     : weight_gradient<5>(v, x, dy, dw, pool);
}

}  // namespace PELLUCID_ISA
}  // namespace pellucid
