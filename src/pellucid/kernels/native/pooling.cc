// Largest and mean numbers of windows. Channels lie side by side in a vector; a window is walked
// through once for each vector of them. Threads share samples, or channels where samples are few,
// so that no two of them ever add to the same number.

#include "pooling.h"

#include "functions.h"

namespace pellucid {
namespace PELLUCID_ISA {
namespace {

// Fewer numbers are not worth a second thread.
constexpr int64_t LEAST_SIZE = 1 << 14;

// The part of a window that lies inside the input, from its first number on. In memory the next
// row lies ``row`` numbers on, the next column ``column`` numbers.
struct Inside {
  int64_t rows, columns, row, column;
};

// Calls one(number of the element, place) for every element of a window: of SIZE x SIZE elements,
// or of as many as there are if SIZE is 0.
template <int SIZE, typename One>
inline void each_element(const Inside& w, const One& one) {
  const int64_t rows = SIZE ? SIZE : w.rows, columns = SIZE ? SIZE : w.columns;
  int32_t number = 0;
#pragma GCC unroll 3
  for (int64_t i = 0; i < rows; ++i)
#pragma GCC unroll 3
    for (int64_t j = 0; j < columns; ++j) one(number++, i * w.row + j * w.column);
}

// Numbers of a vector, or the first ``count`` of one.
template <bool WHOLE>
struct Some {
  int64_t count;

  Vector get(const float* from) const { return WHOLE ? load(from) : load_first(from, count); }
  void set(float* to, Vector v) const {
    if (WHOLE)
      store(to, v);
    else
      store_first(to, v, count);
  }
};

// Where ``v`` takes the place of the largest number so far: if it is larger, or NaN and the other
// is not.
inline Whole larger(Vector v, Vector largest) { return (largest == largest) & ~(v <= largest); }

struct Largest {
  const float* x;
  float* y;

  void begin(int64_t, int64_t) const {}

  template <int SIZE, bool WHOLE>
  void window(const Inside& w, int64_t in, int64_t out, Some<WHOLE> some) const {
    Vector largest = some.get(x + in);
    each_element<SIZE>(w, [&](int32_t, int64_t place) {
      const Vector v = some.get(x + in + place);
      largest = larger(v, largest) ? v : largest;
    });
    some.set(y + out, largest);
  }
};

// The gradient goes to the first of the largest elements.
struct ToLargest {
  const float *x, *dy;
  float* dx;

  void begin(int64_t at, int64_t count) const { std::fill(dx + at, dx + at + count, 0.0f); }

  template <int SIZE, bool WHOLE>
  void window(const Inside& w, int64_t in, int64_t out, Some<WHOLE> some) const {
    Vector largest = some.get(x + in);
    Whole first = {};
    each_element<SIZE>(w, [&](int32_t number, int64_t place) {
      const Vector v = some.get(x + in + place);
      const Whole take = larger(v, largest);
      largest = take ? v : largest;
      first = take ? Whole{} + number : first;
    });
    const Vector d = some.get(dy + out);
    each_element<SIZE>(w, [&](int32_t number, int64_t place) {
      float* to = dx + in + place;
      some.set(to, some.get(to) + (first == number ? d : Vector{}));
    });
  }
};

struct Mean {
  const float* x;
  float* y;

  void begin(int64_t, int64_t) const {}

  template <int SIZE, bool WHOLE>
  void window(const Inside& w, int64_t in, int64_t out, Some<WHOLE> some) const {
    Vector total = {};
    each_element<SIZE>(w, [&](int32_t, int64_t place) { total += some.get(x + in + place); });
    some.set(y + out, total / static_cast<float>(w.rows * w.columns));
  }
};

struct ToAll {
  const float* dy;
  float* dx;

  void begin(int64_t at, int64_t count) const { std::fill(dx + at, dx + at + count, 0.0f); }

  template <int SIZE, bool WHOLE>
  void window(const Inside& w, int64_t in, int64_t out, Some<WHOLE> some) const {
    const Vector share = some.get(dy + out) / static_cast<float>(w.rows * w.columns);
    each_element<SIZE>(w, [&](int32_t, int64_t place) {
      float* to = dx + in + place;
      some.set(to, some.get(to) + share);
    });
  }
};

// Those elements of window ``number`` along one axis that lie inside the input.
struct Span {
  int64_t first, count;

  Span(const Axis& a, int64_t number) {
    const int64_t start = number * a.stride - a.low;
    first = std::max<int64_t>(start, 0);
    count = std::min(start + a.kernel, a.size) - first;
  }
};

// Applies ``what`` to the windows of one sample, in the channels from ``first`` to ``last``. Every
// row of the input is begun before a window meets it.
template <typename What>
void pool_sample(const Pooling& v, const What& what, int64_t sample, int64_t first, int64_t last) {
  const int64_t width = v.columns.size * v.channels, in = sample * v.rows.size * width;
  int64_t begun = 0, out = sample * v.rows.output * v.columns.output * v.channels;
  const auto begin = [&](int64_t end) {
    for (; begun < end; ++begun) {
      const int64_t row = in + begun * width;
      if (last - first == v.channels)
        what.begin(row, width);
      else
        for (int64_t j = 0; j < v.columns.size; ++j)
          what.begin(row + j * v.channels + first, last - first);
    }
  };
  for (int64_t i = 0; i < v.rows.output; ++i) {
    const Span rows(v.rows, i);
    begin(rows.first + rows.count);
    for (int64_t j = 0; j < v.columns.output; ++j, out += v.channels) {
      const Span columns(v.columns, j);
      const Inside w{rows.count, columns.count, width, v.channels};
      const int64_t at = in + rows.first * width + columns.first * v.channels;
      const auto all = [&](auto size) {
        constexpr int SIZE = decltype(size)::value;
        int64_t c = first;
        for (; c + WIDTH <= last; c += WIDTH)
          what.template window<SIZE>(w, at + c, out + c, Some<true>{WIDTH});
        if (c < last) what.template window<SIZE>(w, at + c, out + c, Some<false>{last - c});
      };
      if (w.rows == 3 && w.columns == 3)
        all(std::integral_constant<int, 3>());
      else if (w.rows == 2 && w.columns == 2)
        all(std::integral_constant<int, 2>());
      else
        all(std::integral_constant<int, 0>());
    }
  }
  begin(v.rows.size);
}

template <typename What>
void pool_all(const Pooling& v, const What& what, const Parallel& pool) {
  const int64_t vectors = ceil_div(v.channels, WIDTH);
  const bool few = v.samples < 4 * pool.threads && v.samples % pool.threads != 0;
  const int64_t parts = few ? std::min(pool.threads, vectors) : 1, tasks = v.samples * parts;
  const auto one = [&](int64_t task) {
    const auto edge = [&](int64_t part) {
      return std::min(part * vectors / parts * WIDTH, v.channels);
    };
    pool_sample(v, what, task / parts, edge(task % parts), edge(task % parts + 1));
  };
  if (v.samples * v.rows.size * v.columns.size * v.channels < LEAST_SIZE)
    for (int64_t task = 0; task < tasks; ++task) one(task);
  else
    parallel(pool, tasks, one);
}

}  // namespace

void max_pool(const Pooling& v, const float* x, float* y, const Parallel& pool) {
  pool_all(v, Largest{x, y}, pool);
}

void max_pool_gradient(const Pooling& v, const float* x, const float* dy, float* dx,
                       const Parallel& pool) {
  pool_all(v, ToLargest{x, dy, dx}, pool);
}

void average_pool(const Pooling& v, const float* x, float* y, const Parallel& pool) {
  pool_all(v, Mean{x, y}, pool);
}

void average_pool_gradient(const Pooling& v, const float* dy, float* dx, const Parallel& pool) {
  pool_all(v, ToAll{dy, dx}, pool);
}

}  // namespace PELLUCID_ISA
}  // namespace pellucid
