// Convolution with so few filters that a vector of them would stay empty; see few_filters.cc.
#pragma once

#include "convolution.h"
#include "parallel.h"

namespace pellucid {
namespace PELLUCID_ISA {

// Whether the convolution is of the kind.
bool has_few_filters(const Convolution& v);

void few_filters_forward(const Convolution& v, const float* x, const float* w, float* y,
                         const Parallel& pool);

}  // namespace PELLUCID_ISA
}  // namespace pellucid
