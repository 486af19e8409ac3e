// What the bodies of pooling and their callers agree on.
#pragma once

#include "convolution.h"
#include "parallel.h"

namespace pellucid {

// x (samples, rows.size, columns.size, channels), y (samples, rows.output, columns.output,
// channels). Windows have no dilation, and each has an element inside the input.
struct Pooling {
  int64_t samples, channels;
  Axis rows, columns;
};

// max_pool and average_pool write y; their gradients write dx.
using Pool = void (*)(const Pooling&, const float* x, float* y, const Parallel&);
using MaxPoolGradient = void (*)(const Pooling&, const float* x, const float* dy, float* dx,
                                 const Parallel&);

}  // namespace pellucid
