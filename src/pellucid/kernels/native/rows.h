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

// Rows lie anywhere: the start of one is fetched while the rows before it are copied.
constexpr int64_t AHEAD = 2, MOST_AHEAD = 2048, LINE = 64;

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
        const auto row = [&](int64_t i) {
          const int64_t number = std::clamp<int64_t>(job.rows[i], 0, job.v.size - 1);
          return job.data + number * job.v.bytes + first;
        };
        for (int64_t i = 0; i < job.v.count; ++i) {
          if (i + AHEAD < job.v.count)
            for (int64_t k = 0; k < std::min(bytes, MOST_AHEAD); k += LINE)
              __builtin_prefetch(row(i + AHEAD) + k);
          std::memcpy(job.out + i * job.v.bytes + first, row(i), bytes);
        }
      },
      &job);
}

}  // namespace pellucid
