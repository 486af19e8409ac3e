// What the bodies of a convolution and their callers agree on.
#pragma once

#include <cstddef>
#include <cstdint>

#include "parallel.h"

namespace pellucid {

// The windows along one axis: window o meets its k-th element at o * stride + k * dilation - low.
struct Axis {
  int64_t size;      // of the input
  int64_t kernel;    // elements of a window
  int64_t stride;    // between windows
  int64_t dilation;  // between elements
  int64_t low;       // padding before the first element
  int64_t output;    // number of windows
};

// A convolution of images (samples, rows, columns, channels) with a kernel
// (rows, columns, channels / groups, filters); all arrays are dense and row-major.
struct Convolution {
  int64_t samples;
  Axis rows;
  Axis columns;
  int64_t channels;
  int64_t filters;
  int64_t groups;
};

// One of the three products of a convolution: y from x and w, dx from dy and w, or dw from x and dy.
// Every sum is taken in an order that depends on the shapes and the number of threads alone, so
// equal inputs give equal bits.
using ConvolutionProduct = void (*)(const Convolution&, const float* a, const float* b, float* out,
                                    const Parallel&);

}  // namespace pellucid
