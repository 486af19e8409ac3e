// What the bodies of Adam's update and their callers agree on.
#pragma once

#include "parallel.h"

namespace pellucid {

// One step of Adam for ``size`` weights; each array may be updated in place.
//   m     = beta_1 m + (1 - beta_1) g
//   v     = beta_2 v + (1 - beta_2) g^2
//   w     = w - lr (m m_scale) / (sqrt(v v_scale) + epsilon) - lr weight_decay w
// m_scale = 1 / (1 - beta_1^t) and v_scale = 1 / (1 - beta_2^t) undo the bias towards 0.
struct AdamStep {
  int64_t size;
  double beta_1, beta_2, epsilon, weight_decay;  // 1 - beta needs more than single precision
  float lr, m_scale, v_scale;
};

using Adam = void (*)(const AdamStep&, const float* g, const float* w, const float* m,
                      const float* v, float* new_w, float* new_m, float* new_v, const Parallel&);

}  // namespace pellucid
