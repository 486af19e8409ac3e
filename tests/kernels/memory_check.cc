// Runs every kernel on random odd shapes in buffers that end at a page nobody may touch, and that
// AddressSanitizer watches where it is compiled in. A wrong access ends the program.
//
// Usage: memory_check SEED ROUNDS. Prints how many calls it made.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "adam.h"
#include "attention.h"
#include "convolution.h"
#include "few_filters.h"
#include "local_response.h"
#include "matrix.h"
#include "layer_norm.h"
#include "normalization.h"
#include "pooling.h"
#include "recurrence.h"
#include "rows.h"
#include "winograd.h"

namespace pellucid {
namespace PELLUCID_ISA {
void conv_forward(const Convolution&, const float*, const float*, float*, const Parallel&);
void conv_input_gradient(const Convolution&, const float*, const float*, float*, const Parallel&);
void conv_weight_gradient(const Convolution&, const float*, const float*, float*, const Parallel&);
void attention(const Attention&, const AttentionArrays&, float*, const Parallel&);
void attention_gradient(const Attention&, const AttentionArrays&, const float*,
                        const AttentionGradients&, const Parallel&);
void multiply(const MatrixProduct&, const float*, const float*, float*, const Parallel&);
void adam(const AdamStep&, const float*, const float*, const float*, const float*, float*, float*,
          float*, const Parallel&);
void simple_rnn(const Sequences&, const SimpleRNN&, const Parallel&);
void simple_rnn_gradient(const Sequences&, const SimpleRNNGradient&, const Parallel&);
void lstm(const Sequences&, const LSTM&, const Parallel&);
void lstm_gradient(const Sequences&, const LSTMGradient&, const Parallel&);
void gru(const Sequences&, const GRU&, const Parallel&);
void gru_gradient(const Sequences&, const GRUGradient&, const Parallel&);
void batch_norm(const Normalization&, const BatchNorm&, const Parallel&);
void batch_norm_gradient(const Normalization&, const BatchNormGradient&, const Parallel&);
void layer_norm(const LayerNorm&, const float*, const float*, const float*, float*,
                const Parallel&);
void layer_norm_gradient(const LayerNorm&, const float*, const float*, const float*, float*, float*,
                         float*, const Parallel&);
void local_response_norm(const LocalResponse&, const float*, float*, const Parallel&);
void local_response_gradient(const LocalResponse&, const float*, const float*, float*,
                             const Parallel&);
void max_pool(const Pooling&, const float*, float*, const Parallel&);
void max_pool_gradient(const Pooling&, const float*, const float*, float*, const Parallel&);
void average_pool(const Pooling&, const float*, float*, const Parallel&);
void average_pool_gradient(const Pooling&, const float*, float*, const Parallel&);
}  // namespace PELLUCID_ISA
}  // namespace pellucid

using namespace pellucid;
using namespace pellucid::PELLUCID_ISA;

std::mt19937 generator;

int64_t draw(int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(generator);
}

// Bytes between two pages that may not be touched. The end lies at the second one, or the start at
// the first; AddressSanitizer gets an array of its own, whose surroundings it watches.
class Guarded {
 public:
  explicit Guarded(size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
    start_ = static_cast<char*>(std::malloc(bytes));
#else
    const size_t page = sysconf(_SC_PAGESIZE), inside = (bytes + page - 1) / page * page;
    length_ = inside + 2 * page;
    pages_ = static_cast<char*>(
        mmap(nullptr, length_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (pages_ == MAP_FAILED || mprotect(pages_ + page, inside, PROT_READ | PROT_WRITE) != 0)
      std::abort();
    start_ = pages_ + page + (draw(0, 3) ? inside - bytes : 0);
#endif
  }
  ~Guarded() {
#if defined(__SANITIZE_ADDRESS__)
    std::free(start_);
#else
    munmap(pages_, length_);
#endif
  }
  char* start() const { return start_; }

 private:
  char* start_;
  char* pages_ = nullptr;
  size_t length_ = 0;
};

std::vector<std::unique_ptr<Guarded>> buffers;

float* floats(int64_t count) {
  buffers.push_back(std::make_unique<Guarded>(count * sizeof(float)));
  float* array = reinterpret_cast<float*>(buffers.back()->start());
  for (int64_t i = 0; i < count; ++i) array[i] = static_cast<float>(draw(-100, 100)) / 64;
  return array;
}

// Runs the tasks on as many threads as there are tasks, at most four.
void run(void*, int64_t count, void (*task)(void*, int64_t), void* argument) {
  const int64_t threads = std::min<int64_t>(count, 4);
  std::vector<std::thread> all;
  for (int64_t t = 0; t < threads; ++t)
    all.emplace_back([=] {
      for (int64_t i = t; i < count; i += threads) task(argument, i);
    });
  for (auto& thread : all) thread.join();
}

Axis axis() {
  Axis a{draw(1, 20), draw(1, 5), draw(1, 3), draw(1, 3), 0, 0};
  const int64_t reach = (a.kernel - 1) * a.dilation + 1;
  a.low = draw(0, reach - 1);
  const int64_t high = draw(0, reach - 1), padded = a.size + a.low + high;
  if (padded < reach) a.low += reach - padded;
  a.output = (a.size + a.low + high - std::min(reach, a.size + a.low + high)) / a.stride + 1;
  return a;
}

void check_convolution(const Parallel& pool) {
  const int64_t groups = draw(0, 3) ? 1 : draw(1, 3);
  const Convolution v{draw(1, 5), axis(), axis(), groups * draw(1, 9), groups * draw(1, 40), groups};
  const int64_t x = v.samples * v.rows.size * v.columns.size * v.channels;
  const int64_t w = v.rows.kernel * v.columns.kernel * (v.channels / groups) * v.filters;
  const int64_t y = v.samples * v.rows.output * v.columns.output * v.filters;
  conv_forward(v, floats(x), floats(w), floats(y), pool);
  conv_input_gradient(v, floats(y), floats(w), floats(x), pool);
  conv_weight_gradient(v, floats(x), floats(y), floats(w), pool);
}

void check_few_filters(const Parallel& pool) {
  Axis rows = axis(), columns = axis();
  for (Axis* a : {&rows, &columns}) {
    a->stride = 1;
    if (a == &columns) a->dilation = 1;
    a->output = std::max<int64_t>(1, a->size + a->low - (a->kernel - 1) * a->dilation + draw(0, 2));
  }
  const Convolution v{draw(1, 5), rows, columns, draw(1, 40), draw(1, 9), 1};
  const int64_t taps = v.rows.kernel * v.columns.kernel;
  few_filters_forward(v, floats(v.samples * v.rows.size * v.columns.size * v.channels),
                      floats(taps * v.channels * v.filters),
                      floats(v.samples * v.rows.output * v.columns.output * v.filters), pool);
}

void check_winograd(const Parallel& pool) {
  const int64_t taps = draw(0, 1) ? 3 : 5;
  const auto side = [&] {
    Axis a{draw(1, 20), taps, 1, 1, draw(0, taps - 1), 0};
    a.output = std::max<int64_t>(1, a.size + a.low + draw(0, taps - 1) - (taps - 1));
    return a;
  };
  const Convolution v{draw(1, 5), side(), side(), draw(1, 40), draw(1, 70), 1};
  const int64_t x = v.samples * v.rows.size * v.columns.size * v.channels;
  const int64_t y = v.samples * v.rows.output * v.columns.output * v.filters;
  const int64_t w = taps * taps * v.channels * v.filters;
  winograd_forward(v, floats(x), floats(w), floats(y), pool);
  winograd_weight_gradient(v, floats(x), floats(y), floats(w), pool);
}

void check_product(const Parallel& pool) {
  const auto size = [] { return draw(0, 9) ? draw(1, 70) : draw(500, 1100); };
  const MatrixProduct v{size(), size(), size(), draw(0, 1) == 1, draw(0, 1) == 1};
  multiply(v, floats(v.rows * v.depth), floats(v.depth * v.columns), floats(v.rows * v.columns),
           pool);
}

void check_attention(const Parallel& pool) {
  Attention v{draw(1, 5), draw(1, 150), draw(1, 150), draw(1, 40), draw(1, 40), 0.3f,
              draw(0, 1) == 1, nullptr};
  auto mask = std::make_unique<Guarded>(v.groups * v.keys);
  if (draw(0, 1)) {
    bool* readable = reinterpret_cast<bool*>(mask->start());
    for (int64_t i = 0; i < v.groups * v.keys; ++i) readable[i] = draw(0, 2) > 0;
    v.mask = readable;
  }
  const int64_t q = v.groups * v.queries * v.width, k = v.groups * v.keys * v.width;
  const int64_t values = v.groups * v.keys * v.value_width;
  const int64_t y = v.groups * v.queries * v.value_width;
  const AttentionArrays arrays{floats(q), floats(k), floats(values)};
  attention(v, arrays, floats(y), pool);
  attention_gradient(v, arrays, floats(y), {floats(q), floats(k), floats(values)}, pool);
}

void check_adam(const Parallel& pool) {
  const int64_t n = draw(0, 300);
  const AdamStep step{n, 0.9, 0.999, 1e-7, 0.1, 0.01f, 10, 1000};
  float *w = floats(n), *m = floats(n), *v = floats(n);
  for (int64_t i = 0; i < n; ++i) v[i] *= v[i];
  adam(step, floats(n), w, m, v, w, m, v, pool);
}

void check_rows(const Parallel& pool) {
  const TakeRows v{draw(1, 30), draw(0, 40), draw(1, 5000)};
  auto from = std::make_unique<Guarded>(v.size * v.bytes), to = std::make_unique<Guarded>(v.count * v.bytes),
       rows = std::make_unique<Guarded>(v.count * sizeof(int32_t));
  std::memset(from->start(), 1, v.size * v.bytes);
  auto* numbers = reinterpret_cast<int32_t*>(rows->start());
  for (int64_t i = 0; i < v.count; ++i) numbers[i] = static_cast<int32_t>(draw(-5, v.size + 5));
  take_rows(v, from->start(), numbers, to->start(), pool);
}

void check_recurrence(const Parallel& pool) {
  Sequences s{draw(1, 20), draw(1, 6), draw(1, 40), draw(0, 1) == 1, nullptr};
  auto mask = std::make_unique<Guarded>(s.batch * s.steps);
  if (draw(0, 1)) {
    bool* counts = reinterpret_cast<bool*>(mask->start());
    for (int64_t i = 0; i < s.batch * s.steps; ++i) counts[i] = draw(0, 2) > 0;
    s.mask = counts;
  }
  const int64_t n = s.units, state = s.batch * n, sequence = state * s.steps;
  const auto many = [](int64_t times, int64_t count) { return floats(times * count); };
  simple_rnn(s, {floats(sequence), floats(n * n), floats(state), floats(sequence)}, pool);
  simple_rnn_gradient(
      s, {floats(sequence), floats(sequence), floats(n * n), floats(sequence), floats(state)}, pool);
  lstm(s,
       {many(4, sequence), many(4, n * n), floats(state), floats(state), floats(sequence),
        floats(sequence), many(4, sequence)},
       pool);
  lstm_gradient(s,
                {floats(sequence), draw(0, 1) ? floats(sequence) : nullptr, floats(sequence),
                 many(4, sequence), floats(state), many(4, n * n), many(4, sequence),
                 floats(state), floats(state)},
                pool);
  gru(s,
      {many(3, sequence), many(3, n * n), many(3, n), floats(state), floats(sequence),
       many(4, sequence)},
      pool);
  gru_gradient(s,
               {floats(sequence), floats(sequence), many(4, sequence), floats(state),
                many(3, n * n), many(3, sequence), many(3, sequence), floats(state)},
               pool);
}

void check_normalization(const Parallel& pool) {
  const bool many = draw(0, 9) == 0;
  Normalization v{draw(1, 20), draw(1, 50), many ? draw(1000, 1100) : draw(1, 100), 1e-3, nullptr};
  if (draw(0, 1)) v.weights = floats(v.samples);
  const int64_t size = v.samples * v.positions * v.channels;
  const auto vector = [&] { return floats(v.channels); };
  const auto given = [&] { return draw(0, 1) ? vector() : nullptr; };
  batch_norm(v, {floats(size), given(), given(), floats(size), vector(), vector()}, pool);
  batch_norm_gradient(v,
                      {floats(size), given(), vector(), vector(), floats(size), vector(), vector(),
                       floats(size), vector(), vector()},
                      pool);
}

void check_layer_norm(const Parallel& pool) {
  const LayerNorm v{draw(1, 300), draw(1, 90), 1e-3f};
  const int64_t size = v.rows * v.features;
  const auto vector = [&] { return floats(v.features); };
  const auto given = [&] { return draw(0, 1) ? vector() : nullptr; };
  layer_norm(v, floats(size), given(), given(), floats(size), pool);
  layer_norm_gradient(v, floats(size), given(), floats(size), floats(size), vector(), vector(),
                      pool);
}

void check_pooling(const Parallel& pool) {
  const auto windows = [] {
    Axis a{draw(1, 20), draw(1, 5), draw(1, 6), 1, 0, 0};
    a.low = draw(0, a.kernel - 1);
    const int64_t high = std::max(draw(0, a.kernel - 1), a.kernel - a.size - a.low);
    a.output = (a.size + a.low + std::min(high, a.kernel - 1) - a.kernel) / a.stride + 1;
    return a;
  };
  Pooling v{draw(1, 6), draw(1, 60), windows(), windows()};
  if (draw(0, 3) == 0) v.columns = v.rows;
  const int64_t x = v.samples * v.rows.size * v.columns.size * v.channels;
  const int64_t y = v.samples * v.rows.output * v.columns.output * v.channels;
  max_pool(v, floats(x), floats(y), pool);
  max_pool_gradient(v, floats(x), floats(y), floats(x), pool);
  average_pool(v, floats(x), floats(y), pool);
  average_pool_gradient(v, floats(y), floats(x), pool);
}

void check_local_response(const Parallel& pool) {
  const LocalResponse v{draw(1, 300), draw(1, 70), 2 * draw(0, 20) + 1, 1.0f, 0.5f, 0.75f};
  const int64_t size = v.rows * v.channels;
  local_response_norm(v, floats(size), floats(size), pool);
  local_response_gradient(v, floats(size), floats(size), floats(size), pool);
}

int main(int, char** arguments) {
  generator.seed(std::atoi(arguments[1]));
  const int rounds = std::atoi(arguments[2]);
  for (int round = 0; round < rounds; ++round) {
    const Parallel pool{nullptr, run, draw(1, 5)};
    check_convolution(pool);
    check_few_filters(pool);
    check_winograd(pool);
    check_product(pool);
    check_attention(pool);
    check_adam(pool);
    check_rows(pool);
    check_recurrence(pool);
    check_normalization(pool);
    check_layer_norm(pool);
    check_pooling(pool);
    check_local_response(pool);
    buffers.clear();
  }
  std::printf("%d rounds\n", rounds);
}
