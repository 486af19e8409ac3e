// Large pages for the memory of large programs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pellucid {

// Asks for large pages in the whole region that a large result of program run ``run`` lies in, once
// for each run: XLA keeps all results of a program in one allocation, made anew for each run. Call
// it before the result is written.
void want_large_pages(int64_t run, const void* result, size_t bytes);

}  // namespace pellucid
