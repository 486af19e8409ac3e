// Convolution with so few filters that a vector of them would stay empty; see few_filters.cc.
#pragma once

#include "convolution.h"
#include "parallel.h"

namespace pellucid {
namespace PELLUCID_ISA {

// Whether the convolution takes less time this way, if ``otherwise`` is what a window costs in
// multiply-adds of vectors.
bool few_filters_suit(const Convolution& v, double otherwise);

void few_filters_forward(const Convolution& v, const float* x, const float* w, float* y,
                         const Parallel& pool);

}  // namespace PELLUCID_ISA
}  // namespace pellucid
