// The memory of a large network is hundreds of megabytes. In pages of 4 KiB the processor spends
// much of a step on finding them, and a program's first step on making them one by one; Linux gives
// pages of 2 MiB where they are asked for before the memory is first written.

#include "pages.h"

#if defined(__linux__)
#include <sys/mman.h>

#include <cstdio>
#include <mutex>
#endif

namespace pellucid {

#if defined(__linux__) && defined(MADV_HUGEPAGE)
namespace {

// Smaller results stay in the caches.
constexpr size_t LEAST_BYTES = 1 << 21;

// From one address to another; nothing if both are 0.
struct Region {
  uintptr_t first, last;
};

// The region of this process's memory that holds an address.
Region region_of(uintptr_t address) {
  Region found{0, 0};
  std::FILE* maps = std::fopen("/proc/self/maps", "re");
  if (maps == nullptr) return found;
  char line[512];
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    unsigned long first, last;
    // The rest of a long line has no such beginning.
    if (std::sscanf(line, "%lx-%lx ", &first, &last) != 2 || last <= address) continue;
    if (first <= address) found = {first, last};
    break;
  }
  std::fclose(maps);
  return found;
}

}  // namespace

void want_large_pages(int64_t run, const void* result, size_t bytes) {
  static std::mutex mutex;
  static int64_t last_run = -1;
  static Region last{0, 0};
  if (bytes < LEAST_BYTES) return;
  const auto address = reinterpret_cast<uintptr_t>(result);
  const std::lock_guard<std::mutex> only(mutex);
  if (run == last_run && last.first <= address && address < last.last) return;
  last_run = run;
  last = region_of(address);
  // A request that is not granted changes nothing.
  if (last.last > last.first)
    madvise(reinterpret_cast<void*>(last.first), last.last - last.first, MADV_HUGEPAGE);
}
#else
void want_large_pages(int64_t, const void*, size_t) {}
#endif

}  // namespace pellucid
