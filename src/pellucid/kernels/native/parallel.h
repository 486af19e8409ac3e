// How a kernel shares its work between threads.
#pragma once

#include <cstdint>

namespace pellucid {

// ``run`` does task(0), ..., task(count - 1), each once, on some threads, and returns when all are
// done. Task i is first offered to thread i * threads / count, so that a thread finds what it
// worked on in the last call still in its cache. The split of the work into tasks is the kernel's
// and depends on shapes and ``threads`` alone: whoever runs a task, the sums are the same.
struct Parallel {
  void* self;
  void (*run)(void* self, int64_t count, void (*task)(void* argument, int64_t number),
              void* argument);
  int64_t threads;
};

}  // namespace pellucid
