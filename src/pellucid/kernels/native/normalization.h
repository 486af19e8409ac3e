// What the bodies of batch normalization and their callers agree on.
#pragma once

#include "parallel.h"

namespace pellucid {

// Arrays of shape (samples, positions, channels); each channel has its own moments. ``weights``,
// one number for each sample, says how much a sample counts in them; null if all count as 1.
// Symbols are those of the operation in ops.
struct Normalization {
  int64_t samples, positions, channels;
  double epsilon;
  const float* weights;
};

// gamma may be null for 1, beta for 0.
struct BatchNorm {
  const float *x, *gamma, *beta;
  float *y, *mean, *variance;
};

struct BatchNormGradient {
  const float *x, *gamma, *mean, *variance, *dy, *dmean, *dvariance;
  float *dx, *dgamma, *dbeta;
};

template <typename Arrays>
using Normalize = void (*)(const Normalization&, const Arrays&, const Parallel&);

}  // namespace pellucid
