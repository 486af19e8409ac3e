// Vectors of floats in the width of one instruction set, and what every body does with them.
//
// Each body is compiled once for every instruction set, with PELLUCID_ISA naming the namespace it
// goes to, PELLUCID_WIDTH the floats in a vector and PELLUCID_REGISTERS the number of registers.
#pragma once

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "parallel.h"

namespace pellucid {
namespace PELLUCID_ISA {

constexpr int WIDTH = PELLUCID_WIDTH;
// A tile of results is kept in registers: at most MOST_ROWS rows of BLOCKS vectors. Of the 32
// registers of AVX-512 and Neon, or 16 of the others, two hold weights and one a broadcast number.
constexpr int BLOCKS = 2;
constexpr int PANEL = WIDTH * BLOCKS;
constexpr int MOST_ROWS = PELLUCID_REGISTERS >= 32 ? 14 : 6;

// Before a loop over an array of vectors that is to stay in registers: without it g++ leaves the
// longer ones rolled, and the array in memory.
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

typedef float Vector __attribute__((vector_size(WIDTH * sizeof(float))));

inline Vector load(const float* from) {
  Vector v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

inline void store(float* to, Vector v) { std::memcpy(to, &v, sizeof v); }

// The first ``count`` numbers of a vector, from 0 to WIDTH; what lies beyond them in memory is not
// touched, and loaded as 0.
#if defined(__AVX512F__)
inline __mmask16 first(int64_t count) { return static_cast<__mmask16>((1u << count) - 1); }
inline Vector load_first(const float* from, int64_t count) {
  return (Vector)_mm512_maskz_loadu_ps(first(count), from);
}
inline void store_first(float* to, Vector v, int64_t count) {
  _mm512_mask_storeu_ps(to, first(count), (__m512)v);
}
#elif defined(__AVX2__)
inline __m256i first(int64_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline Vector load_first(const float* from, int64_t count) {
  return (Vector)_mm256_maskload_ps(from, first(count));
}
inline void store_first(float* to, Vector v, int64_t count) {
  _mm256_maskstore_ps(to, first(count), (__m256)v);
}
#else
inline Vector load_first(const float* from, int64_t count) {
  Vector v{};
  std::memcpy(&v, from, count * sizeof(float));
  return v;
}
inline void store_first(float* to, Vector v, int64_t count) {
  std::memcpy(to, &v, count * sizeof(float));
}
#endif

// x - 0 is x, for -0 too, so that the compiler leaves the broadcast alone (0 + x is not).
inline Vector broadcast(float value) { return value - Vector{}; }

// The sum of a vector, of halves laid upon each other.
inline float total(Vector v) {
  float sums[WIDTH];
  store(sums, v);
  UNROLL for (int half = WIDTH / 2; half > 0; half /= 2)
    UNROLL for (int i = 0; i < half; ++i) sums[i] += sums[i + half];
  return sums[0];
}

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// A panel is BLOCKS vectors wide, or one where no more than one is left.
inline int panel_width(int64_t left) { return left > WIDTH ? PANEL : WIDTH; }

// Memory that a thread keeps from call to call, aligned to cache lines.
inline float* scratch(int which, size_t floats) {
  struct Buffer {
    std::unique_ptr<float[]> memory;
    size_t size = 0;
  };
  static thread_local Buffer buffers[4];
  Buffer& buffer = buffers[which];
  if (buffer.size < floats) {
    buffer.memory.reset(new float[floats + 16]);
    buffer.size = floats;
  }
  const auto address = reinterpret_cast<uintptr_t>(buffer.memory.get());
  return buffer.memory.get() + (64 - address % 64) % 64 / sizeof(float);
}

template <typename Task>
void parallel(const Parallel& pool, int64_t count, const Task& task) {
  pool.run(
      pool.self, count,
      [](void* argument, int64_t number) { (*static_cast<const Task*>(argument))(number); },
      const_cast<Task*>(&task));
}

}  // namespace PELLUCID_ISA
}  // namespace pellucid
