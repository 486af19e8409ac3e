// A convolution of many channels with few filters, such as the last one of a network that draws, or
// the way back through an early layer.
//
// The vectors hold taps and filters instead of filters alone. A matrix product gives what every
// pixel of the input contributes to all the windows that meet it,
//   p[i, j, (r, q, f)] = sum over c of x[i, j, c] w[r, q, c, f]
// and a window sums up what lies on its taps:
//   y[o, p, f] = sum over r, q of p[o + r * dilation - low, p + q - low, (r, q, f)]  (stride 1)
// A pixel's windows of one row are neighbors, those of its last tap first. With q turned around what
// it contributes to them lies in memory as they do: whole vectors are added.

#include "few_filters.h"

#include <algorithm>

#include "tile.h"

namespace pellucid {
namespace PELLUCID_ISA {
namespace {

constexpr int64_t CACHED_FLOATS = 1 << 16;

// Guesses, in multiply-adds of vectors: what a pixel costs beside its products, and what each vector
// costs that it adds to the sums.
constexpr double PER_PIXEL = 12, PER_VECTOR = 1.5;

}  // namespace

bool few_filters_suit(const Convolution& v, double otherwise) {
  const int64_t taps = v.rows.kernel * v.columns.kernel;
  if (v.groups != 1 || v.rows.stride != 1 || v.columns.stride != 1 || v.columns.dilation != 1 ||
      taps == 1 || v.filters > WIDTH / 2 || v.channels < WIDTH || taps * v.filters > 8 * PANEL)
    return false;
  const double pixels = static_cast<double>(v.rows.size) * v.columns.size;
  const double windows = static_cast<double>(v.rows.output) * v.columns.output;
  const double products = v.channels * ceil_div(taps * v.filters, WIDTH);
  const double vectors = v.rows.kernel * ceil_div(v.columns.kernel * v.filters, WIDTH);
  return pixels * (products + PER_PIXEL + PER_VECTOR * vectors) < 0.9 * windows * otherwise;
}

void few_filters_forward(const Convolution& v, const float* x, const float* w, float* y,
                         const Parallel& pool) {
  const int64_t taps = v.rows.kernel * v.columns.kernel, real = taps * v.filters;
  const int64_t width = ceil_div(real, WIDTH) * WIDTH;
  const int64_t run = v.columns.kernel * v.filters;  // what a pixel gives to a row of windows
  // w as a matrix (channels, width), the taps of a row turned around, with zeros at the end.
  std::unique_ptr<float[]> matrix(new float[v.channels * width]());
  for (int64_t r = 0; r < v.rows.kernel; ++r)
    for (int64_t q = 0; q < v.columns.kernel; ++q)
      for (int64_t c = 0; c < v.channels; ++c)
        std::memcpy(matrix.get() + c * width + r * run + (v.columns.kernel - 1 - q) * v.filters,
                    w + ((r * v.columns.kernel + q) * v.channels + c) * v.filters,
                    v.filters * sizeof(float));
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
    // The windows of a row and those that would lie before and behind them: pixel j gives to the
    // windows j - behind, ..., j - behind + kernel - 1.
    const int64_t behind = v.columns.kernel - 1 - v.columns.low, ahead = std::max<int64_t>(0, behind);
    const int64_t windows = std::max(v.columns.output, v.columns.size - behind + v.columns.kernel);
    const int64_t row_floats = (ahead + windows) * v.filters + WIDTH;
    float* sums = scratch(1, row_floats);
    for (int64_t o = first; o < last; ++o) {
      std::memset(sums, 0, row_floats * sizeof(float));
      const int64_t begin = std::max<int64_t>(0, ceil_div(top + v.rows.low - o, v.rows.dilation));
      const int64_t end = std::min(v.rows.kernel,
                                   ceil_div(bottom + v.rows.low - o, v.rows.dilation));
      const int64_t row_step = v.rows.dilation * v.columns.size * width + run;
      const float* from = products +
                          (o + begin * v.rows.dilation - v.rows.low - top) * v.columns.size * width +
                          begin * run;
      float* to = sums + (ahead - behind) * v.filters;
      for (int64_t j = 0; j < v.columns.size; ++j, from += width, to += v.filters)
        for (int64_t k = 0; k < run; k += WIDTH) {
          const int64_t count = std::min<int64_t>(WIDTH, run - k);
          Vector sum = load(to + k);
          for (int64_t r = 0; r < end - begin; ++r)
            sum += load_first(from + r * row_step + k, count);
          store(to + k, sum);
        }
      std::memcpy(y + (n * v.rows.output + o) * v.columns.output * v.filters,
                  sums + ahead * v.filters, v.columns.output * v.filters * sizeof(float));
    }
  });
}

}  // namespace PELLUCID_ISA
}  // namespace pellucid
