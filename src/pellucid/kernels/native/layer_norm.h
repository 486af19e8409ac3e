// What the bodies of layer normalization and their callers agree on.
#pragma once

#include "parallel.h"

namespace pellucid {

// Rows of features, each normalized by its own moments. Symbols are those of the operation in ops.
struct LayerNorm {
  int64_t rows, features;
  float epsilon;
};

// gamma may be null for 1, beta for 0.
using LayerNormForward = void (*)(const LayerNorm&, const float* x, const float* gamma,
                                  const float* beta, float* y, const Parallel&);
using LayerNormGradient = void (*)(const LayerNorm&, const float* x, const float* gamma,
                                   const float* dy, float* dx, float* dgamma, float* dbeta,
                                   const Parallel&);

}  // namespace pellucid
