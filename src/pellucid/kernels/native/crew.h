// The threads that the kernels work with.
#pragma once

#include "parallel.h"
#include "xla/ffi/api/ffi.h"

namespace pellucid {

// Returns a way to share work between the calling thread and those of XLA's pool. The pool must
// outlive the call of the kernel.
Parallel crew_of(xla::ffi::ThreadPool& pool);

}  // namespace pellucid
