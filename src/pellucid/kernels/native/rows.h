// The rows of a batch, copied out of the data.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "parallel.h"

namespace pellucid {

// out[i] = data[rows[i]] for ``count`` rows of ``bytes`` each; a number outside 0..size-1 takes the
// nearest row there is.
struct TakeRows {
  int64_t size, count, bytes;
};

// The threads share the bytes of a row and not the rows: a matrix product over few rows is shared
// the same way, so that each thread then finds its part in its own cache.
inline void take_rows(const TakeRows& v, const char* data, const int32_t* rows, char* out,
                      const Parallel& pool) {
  struct Job {
    const TakeRows& v;
    const char* data;
    const int32_t* rows;
    char* out;
    int64_t tasks;
  } job{v, data, rows, out, std::min(pool.threads, std::max<int64_t>(1, v.count * v.bytes >> 14))};
  pool.run(
      pool.self, job.tasks,
      [](void* argument, int64_t task) {
        const Job& job = *static_cast<const Job*>(argument);
        const int64_t first = task * job.v.bytes / job.tasks;
        const int64_t bytes = (task + 1) * job.v.bytes / job.tasks - first;
        for (int64_t i = 0; i < job.v.count; ++i) {
          const int64_t row = std::clamp<int64_t>(job.rows[i], 0, job.v.size - 1);
          std::memcpy(job.out + i * job.v.bytes + first, job.data + row * job.v.bytes + first,
                      bytes);
        }
      },
      &job);
}

}  // namespace pellucid
