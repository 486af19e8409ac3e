// What the bodies of local response normalization and their callers agree on.
#pragma once

#include "parallel.h"

namespace pellucid {

// Rows of ``channels`` numbers; ``size`` neighbors, an odd number, count for each channel. Symbols
// are those of the operation in ops.
struct LocalResponse {
  int64_t rows, channels, size;
  float k, alpha, beta;
};

using LocalResponseNorm = void (*)(const LocalResponse&, const float* x, float* y, const Parallel&);
using LocalResponseGradient = void (*)(const LocalResponse&, const float* x, const float* dy,
                                       float* dx, const Parallel&);

}  // namespace pellucid
