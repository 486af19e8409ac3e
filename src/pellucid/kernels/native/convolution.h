// What the bodies of a convolution and their callers agree on.
#pragma once

#include <cstddef>
#include <cstdint>

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

// Runs task(0), ..., task(count - 1), each once, on some threads; returns when all are done.
struct Parallel {
  void* self;
  void (*run)(void* self, int64_t count, void (*task)(void* argument, int64_t number),
              void* argument);
  int64_t threads;
};

// The three products of a convolution, for one instruction set. Every sum is taken in an order that
// depends on the shapes and the number of threads alone, so equal inputs give equal bits.
struct Bodies {
  const char* name;
  void (*forward)(const Convolution&, const float* x, const float* w, float* y, const Parallel&);
  void (*input_gradient)(const Convolution&, const float* dy, const float* w, float* dx,
                         const Parallel&);
  void (*weight_gradient)(const Convolution&, const float* x, const float* dy, float* dw,
                          const Parallel&);
};

}  // namespace pellucid
