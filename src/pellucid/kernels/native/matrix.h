// What the bodies of a matrix product and their callers agree on.
#pragma once

#include "parallel.h"

namespace pellucid {

// C = A' B' of shape (rows, columns), summed over ``depth``; all arrays are dense and row-major.
// A' is A (rows, depth), or the transpose of A (depth, rows); the same for B.
struct MatrixProduct {
  int64_t rows, depth, columns;
  bool transpose_a, transpose_b;
};

using Multiply = void (*)(const MatrixProduct&, const float* a, const float* b, float* c,
                          const Parallel&);

}  // namespace pellucid
