// Adam's update in one pass over memory.

#include "adam.h"

#include <cmath>

#include "vector.h"

namespace pellucid {
namespace PELLUCID_ISA {

void adam(const AdamStep& s, const float* g, const float* w, const float* m, const float* v,
          float* new_w, float* new_m, float* new_v, const Parallel& pool) {
  const float rate = s.lr * s.m_scale, decay = 1 - s.lr * s.weight_decay, epsilon = s.epsilon;
  const float beta_1 = s.beta_1, beta_2 = s.beta_2, gain_1 = 1 - s.beta_1, gain_2 = 1 - s.beta_2;
  const int64_t lines = ceil_div(s.size, 16), tasks = pool.threads;
  parallel(pool, tasks, [&](int64_t task) {
    const int64_t first = task * lines / tasks * 16;
    const int64_t last = std::min((task + 1) * lines / tasks * 16, s.size);
// Every number is read before it is written, in place or not.
#pragma GCC ivdep
    for (int64_t i = first; i < last; ++i) {
      const float mean = beta_1 * m[i] + gain_1 * g[i];
      const float square = beta_2 * v[i] + gain_2 * g[i] * g[i];
      new_w[i] = decay * w[i] - rate * mean / (std::sqrt(square * s.v_scale) + epsilon);
      new_m[i] = mean;
      new_v[i] = square;
    }
  });
}

}  // namespace PELLUCID_ISA
}  // namespace pellucid
