// Convolution of 3x3 and 5x5 by fewer multiplications; see winograd.cc.
#pragma once

#include "convolution.h"
#include "parallel.h"

namespace pellucid {
namespace PELLUCID_ISA {

// Whether the convolution is of the kind, and of a size at which it is faster so.
bool winograd_suits(const Convolution& v);

void winograd_forward(const Convolution& v, const float* x, const float* w, float* y,
                      const Parallel& pool);
void winograd_weight_gradient(const Convolution& v, const float* x, const float* dy, float* dw,
                              const Parallel& pool);

}  // namespace PELLUCID_ISA
}  // namespace pellucid
