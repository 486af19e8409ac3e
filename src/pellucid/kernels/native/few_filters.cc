// A convolution of many channels with few filters, such as the last one of a network that draws.
//
// The vectors hold taps and filters instead of filters alone. A matrix product gives what every
// pixel of the input contributes to all the windows that meet it,
//   p[i, j, (r, q, f)] = sum over c of x[i, j, c] w[r, q, c, f]
// and a window sums up what lies on its taps:
//   y[o, p, f] = sum over r, q of p[o + r * dilation - low, ..., (r, q, f)]        (stride 1)

#include "few_filters.h"

#include <algorithm>

#include "tile.h"

namespace pellucid {
namespace PELLUCID_ISA {
namespace {

constexpr int64_t CACHED_FLOATS = 1 << 16;

// The windows 0..output whose element at ``shift`` lies inside the input.
void inside(int64_t output, int64_t size, int64_t shift, int64_t* first, int64_t* last) {
  *first = std::clamp<int64_t>(-shift, 0, output);
  *last = std::clamp<int64_t>(size - shift, *first, output);
}

}  // namespace

bool has_few_filters(const Convolution& v) {
  const int64_t taps = v.rows.kernel * v.columns.kernel;
  return v.groups == 1 && v.rows.stride == 1 && v.columns.stride == 1 && v.filters <= WIDTH / 4 &&
         v.channels >= WIDTH && taps > 1 && taps * v.filters <= 4 * PANEL;
}

void few_filters_forward(const Convolution& v, const float* x, const float* w, float* y,
                         const Parallel& pool) {
  const int64_t taps = v.rows.kernel * v.columns.kernel, real = taps * v.filters;
  const int64_t width = ceil_div(real, WIDTH) * WIDTH;
  // w as a matrix (channels, width), with zeros at the end of its rows.
  std::unique_ptr<float[]> matrix(new float[v.channels * width]());
  for (int64_t tap = 0; tap < taps; ++tap)
    for (int64_t c = 0; c < v.channels; ++c)
      for (int64_t f = 0; f < v.filters; ++f)
        matrix[c * width + tap * v.filters + f] = w[(tap * v.channels + c) * v.filters + f];
  // Blocks of rows of windows: enough of them for all threads, and so small that their products
  // stay in the cache, but not so small that most rows of products belong to two blocks.
  const int64_t reach = (v.rows.kernel - 1) * v.rows.dilation;
  const int64_t cached = CACHED_FLOATS / std::max<int64_t>(1, v.columns.size * width);
  const int64_t shared = ceil_div(v.samples * v.rows.output, 4 * pool.threads);
  const int64_t block = std::max<int64_t>(1, std::min(shared, std::max(cached - reach, reach)));
  const int64_t blocks = ceil_div(v.rows.output, block);
  parallel(pool, v.samples * blocks, [&](int64_t number) {
    const int64_t n = number / blocks, first = number % blocks * block;
    const int64_t last = std::min(first + block, v.rows.output);
    const int64_t top = std::clamp<int64_t>(first - v.rows.low, 0, v.rows.size);
    const int64_t bottom = std::clamp<int64_t>(last + reach - v.rows.low, top, v.rows.size);
    const int64_t pixels = (bottom - top) * v.columns.size;
    float* products = scratch(0, pixels * width);
    if (pixels > 0)
      multiply_tiles(pixels, v.channels, width,
                     x + (n * v.rows.size + top) * v.columns.size * v.channels, v.channels, 1,
                     matrix.get(), width, products, width, false);
    const int64_t out_row = v.columns.output * v.filters;
    for (int64_t o = first; o < last; ++o) {
      float* out = y + (n * v.rows.output + o) * out_row;
      std::memset(out, 0, out_row * sizeof(float));
      for (int64_t r = 0; r < v.rows.kernel; ++r) {
        const int64_t row = o + r * v.rows.dilation - v.rows.low;
        if (row < top || row >= bottom) continue;
        for (int64_t q = 0; q < v.columns.kernel; ++q) {
          const int64_t shift = q * v.columns.dilation - v.columns.low;
          int64_t p, end;
          inside(v.columns.output, v.columns.size, shift, &p, &end);
          const float* from = products + ((row - top) * v.columns.size + p + shift) * width +
                              (r * v.columns.kernel + q) * v.filters;
          for (float* to = out + p * v.filters; p < end; ++p, from += width, to += v.filters)
            for (int64_t f = 0; f < v.filters; ++f) to[f] += from[f];
        }
      }
    }
  });
}

}  // namespace PELLUCID_ISA
}  // namespace pellucid
