// What the bodies of attention and their callers agree on.
#pragma once

#include "parallel.h"

namespace pellucid {

// For each of ``groups`` (a head of a sample): q (queries, width), k (keys, width) and
// v (keys, value_width); y = softmax(scale q k^T) v of shape (queries, value_width).
struct Attention {
  int64_t groups, queries, keys, width, value_width;
  float scale;
  bool causal;       // query i reads the keys 0 to i alone
  const bool* mask;  // (groups, keys), true where a key may be read; null if all may
};

struct AttentionArrays {
  const float *q, *k, *v;
};

struct AttentionGradients {
  float *dq, *dk, *dv;
};

using AttentionForward = void (*)(const Attention&, const AttentionArrays&, float* y,
                                  const Parallel&);
using AttentionBackward = void (*)(const Attention&, const AttentionArrays&, const float* dy,
                                   const AttentionGradients&, const Parallel&);

}  // namespace pellucid
