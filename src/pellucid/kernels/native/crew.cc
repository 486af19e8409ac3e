// The kernels work on threads of XLA's pool. To wake a thread takes longer than a small product
// does, so a thread that has helped stays for a moment and watches for the next call (a training
// step makes one every few microseconds), and then goes back to the pool.
//
// The caller takes part and waits only for tasks that a running thread has taken; a pool that is
// busy with other work delays nobody and cannot deadlock.

#include "crew.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

namespace pellucid {
namespace {

constexpr int MOST_THREADS = 256;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

using Clock = std::chrono::steady_clock;
using Time = std::chrono::nanoseconds;

// How long a helper watches: long where the last pause between two calls was short. After a long
// pause, as in programs with few kernels, it hardly watches at all: the processor belongs to others.
constexpr Time LONG_PAUSE{50000}, LONG_WATCH{50000}, SHORT_WATCH{2000};

// Calls ``ready`` until it is true (and returns true) or ``most`` has passed. Now and then another
// thread that wants this processor gets it.
template <typename Ready>
bool watch(Time most, const Ready& ready) {
  const auto start = Clock::now();
  for (int round = 1;; ++round) {
    for (int i = 0; i < 32; ++i) {
      if (ready()) return true;
      pause();
    }
    if (Clock::now() - start > most) return false;
    if (round % 16 == 0) std::this_thread::yield();
  }
}

class Crew {
 public:
  void run(xla::ffi::ThreadPool& pool, int64_t count, void (*task)(void*, int64_t),
           void* argument) {
    const int64_t threads = std::min<int64_t>({pool.num_threads(), count, MOST_THREADS});
    std::unique_lock<std::mutex> only(mutex_, std::try_to_lock);
    if (threads <= 1 || !only.owns_lock()) {
      for (int64_t i = 0; i < count; ++i) task(argument, i);
      return;
    }
    const auto pause = Clock::now() - last_call_;
    watch_.store(pause < LONG_PAUSE ? LONG_WATCH : SHORT_WATCH, std::memory_order_relaxed);
    task_ = task;
    argument_ = argument;
    threads_ = threads;
    left_.store(count, std::memory_order_relaxed);
    for (int64_t i = 0; i < threads; ++i) {
      ranges_[i].next.store(i * count / threads, std::memory_order_relaxed);
      ranges_[i].end = (i + 1) * count / threads;
    }
    // From here on helpers may enter: the number of the call goes up, and it is open.
    state_.store(((state_.load() / CALL + 1) * CALL) | OPEN);
    for (int64_t i = 1; i < threads; ++i)
      if (!here_[i].exchange(true)) pool.Schedule([this, i] { help(i); });
    work(0);
    wait([&] { return left_.load(std::memory_order_acquire) == 0; });
    state_.fetch_and(~OPEN);
    wait([&] { return state_.load(std::memory_order_acquire) % OPEN == 0; });
    last_call_ = Clock::now();
  }

 private:
  // The state in one number: helpers inside, whether the call is open, and the call's number.
  static constexpr uint64_t OPEN = 1 << 16, CALL = 1 << 17;

  struct alignas(64) Range {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };

  // Does the tasks of this thread's own range, then what the others have left.
  void work(int64_t thread) {
    for (int64_t i = 0; i < threads_; ++i) {
      Range& range = ranges_[(thread + i) % threads_];
      for (int64_t number; (number = range.next.fetch_add(1)) < range.end;) {
        task_(argument_, number);
        left_.fetch_sub(1, std::memory_order_acq_rel);
      }
    }
  }

  void help(int64_t thread) {
    uint64_t seen = 0;
    const auto enter = [&] {
      uint64_t state = state_.load(std::memory_order_acquire);
      if (!(state & OPEN) || state / CALL == seen) return false;
      if (!state_.compare_exchange_strong(state, state + 1)) return false;
      seen = state / CALL;
      return true;
    };
    while (watch(watch_.load(std::memory_order_relaxed), enter)) {
      if (thread < threads_) work(thread);
      state_.fetch_sub(1, std::memory_order_acq_rel);
    }
    here_[thread].store(false);
  }

  template <typename Ready>
  void wait(const Ready& ready) {
    while (!watch(LONG_WATCH, ready)) {
    }
  }

  std::mutex mutex_;
  void (*task_)(void*, int64_t) = nullptr;
  void* argument_ = nullptr;
  int64_t threads_ = 0;
  alignas(64) std::atomic<uint64_t> state_{0};
  alignas(64) std::atomic<int64_t> left_{0};
  Range ranges_[MOST_THREADS];
  std::atomic<bool> here_[MOST_THREADS] = {};
  std::atomic<Time> watch_{SHORT_WATCH};
  Clock::time_point last_call_{};
};

Crew& crew() {
  static Crew* const only = new Crew;  // never destroyed: helpers may outlive the program's end
  return *only;
}

void run(void* pool, int64_t count, void (*task)(void*, int64_t), void* argument) {
  crew().run(*static_cast<xla::ffi::ThreadPool*>(pool), count, task, argument);
}

}  // namespace

Parallel crew_of(xla::ffi::ThreadPool& pool) {
  return {&pool, run, std::max<int64_t>(1, pool.num_threads())};
}

}  // namespace pellucid
