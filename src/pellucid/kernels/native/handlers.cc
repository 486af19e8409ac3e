// The kernels as XLA sees them: foreign functions that take buffers and run on XLA's own threads.

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>

#include "convolution.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace pellucid {

#if defined(__x86_64__)
extern const Bodies bodies_avx512;
extern const Bodies bodies_avx2;
#endif
extern const Bodies bodies_baseline;

namespace {

// The bodies for the best instruction set that this processor has. PELLUCID_KERNELS names a lesser
// one to use instead, for tests.
const Bodies& choose() {
  const char* wanted = std::getenv("PELLUCID_KERNELS");
  const auto allowed = [&](const Bodies& bodies) {
    return wanted == nullptr || *wanted == '\0' || std::strcmp(wanted, "on") == 0 ||
           std::strcmp(wanted, bodies.name) == 0;
  };
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("fma") && allowed(bodies_avx512))
    return bodies_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && allowed(bodies_avx2))
    return bodies_avx2;
#endif
  return bodies_baseline;
}

const Bodies& bodies() {
  static const Bodies& chosen = choose();
  return chosen;
}

// Tasks shared between the calling thread and the pool's. The caller takes part and waits only for
// tasks that a running thread has taken, so a pool that is busy with other work cannot deadlock.
struct Job {
  int64_t count;
  void (*task)(void*, int64_t);
  void* argument;
  std::atomic<int64_t> next{0};
  std::atomic<int64_t> done{0};
  std::mutex mutex;
  std::condition_variable all_done;

  void work() {
    for (int64_t i; (i = next.fetch_add(1)) < count;) {
      task(argument, i);
      if (done.fetch_add(1) + 1 == count) {
        std::lock_guard<std::mutex> lock(mutex);
        all_done.notify_all();
      }
    }
  }
};

void run_on_pool(void* self, int64_t count, void (*task)(void*, int64_t), void* argument) {
  auto& pool = *static_cast<ffi::ThreadPool*>(self);
  const int64_t threads = pool.num_threads();
  if (count <= 1 || threads <= 1) {
    for (int64_t i = 0; i < count; ++i) task(argument, i);
    return;
  }
  auto job = std::make_shared<Job>();
  job->count = count;
  job->task = task;
  job->argument = argument;
  for (int64_t t = 1; t < threads && t < count; ++t) pool.Schedule([job] { job->work(); });
  job->work();
  std::unique_lock<std::mutex> lock(job->mutex);
  job->all_done.wait(lock, [&] { return job->done.load() == count; });
}

Axis axis(ffi::Span<const int64_t> g, size_t at) {
  return Axis{g[at], g[at + 1], g[at + 2], g[at + 3], g[at + 4], g[at + 5]};
}

// geometry: samples, channels, filters, groups, then six numbers for rows and six for columns.
bool read(ffi::Span<const int64_t> g, Convolution* v) {
  if (g.size() != 16 || g[3] < 1) return false;
  *v = Convolution{g[0], axis(g, 4), axis(g, 10), g[1], g[2], g[3]};
  return true;
}

using Buffer = ffi::Buffer<ffi::F32>;
using Result = ffi::ResultBuffer<ffi::F32>;
using Product = void (*)(const Convolution&, const float*, const float*, float*, const Parallel&);

struct Sizes {
  size_t x, w, y;
};

Sizes sizes(const Convolution& v) {
  return {static_cast<size_t>(v.samples * v.rows.size * v.columns.size * v.channels),
          static_cast<size_t>(v.rows.kernel * v.columns.kernel * (v.channels / v.groups) * v.filters),
          static_cast<size_t>(v.samples * v.rows.output * v.columns.output * v.filters)};
}

// Checks that each buffer has the size of its part of the convolution, and computes the product.
ffi::Error compute(Product product, ffi::ThreadPool& pool, ffi::Span<const int64_t> geometry,
                   Buffer a, size_t Sizes::*a_size, Buffer b, size_t Sizes::*b_size, Result& out,
                   size_t Sizes::*out_size) {
  Convolution v;
  if (!read(geometry, &v)) return ffi::Error::InvalidArgument("pellucid: bad geometry");
  const Sizes expected = sizes(v);
  if (a.element_count() != expected.*a_size || b.element_count() != expected.*b_size ||
      out->element_count() != expected.*out_size)
    return ffi::Error::InvalidArgument("pellucid: a buffer does not have the convolution's size");
  if (out->element_count() == 0) return ffi::Error::Success();
  if (a.element_count() == 0 || b.element_count() == 0) {
    std::memset(out->typed_data(), 0, out->element_count() * sizeof(float));
    return ffi::Error::Success();
  }
  const Parallel parallel{&pool, run_on_pool, std::max<int64_t>(1, pool.num_threads())};
  product(v, a.typed_data(), b.typed_data(), out->typed_data(), parallel);
  return ffi::Error::Success();
}

ffi::Error forward(ffi::ThreadPool pool, ffi::Span<const int64_t> geometry, Buffer x, Buffer w,
                   Result y) {
  return compute(bodies().forward, pool, geometry, x, &Sizes::x, w, &Sizes::w, y, &Sizes::y);
}

ffi::Error input_gradient(ffi::ThreadPool pool, ffi::Span<const int64_t> geometry, Buffer dy,
                          Buffer w, Result dx) {
  return compute(bodies().input_gradient, pool, geometry, dy, &Sizes::y, w, &Sizes::w, dx,
                 &Sizes::x);
}

ffi::Error weight_gradient(ffi::ThreadPool pool, ffi::Span<const int64_t> geometry, Buffer x,
                           Buffer dy, Result dw) {
  return compute(bodies().weight_gradient, pool, geometry, x, &Sizes::x, dy, &Sizes::y, dw,
                 &Sizes::w);
}

}  // namespace
}  // namespace pellucid

#define PELLUCID_HANDLER(name, function)                              \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(name, function,                       \
                                ffi::Ffi::Bind()                      \
                                    .Ctx<ffi::ThreadPool>()           \
                                    .Attr<ffi::Span<const int64_t>>("geometry") \
                                    .Arg<ffi::Buffer<ffi::F32>>()     \
                                    .Arg<ffi::Buffer<ffi::F32>>()     \
                                    .Ret<ffi::Buffer<ffi::F32>>())

// Everything else in the library is hidden.
#pragma GCC visibility push(default)

PELLUCID_HANDLER(pellucid_conv_forward, pellucid::forward);
PELLUCID_HANDLER(pellucid_conv_input_gradient, pellucid::input_gradient);
PELLUCID_HANDLER(pellucid_conv_weight_gradient, pellucid::weight_gradient);

extern "C" const char* pellucid_instruction_set() { return pellucid::bodies().name; }

#pragma GCC visibility pop
