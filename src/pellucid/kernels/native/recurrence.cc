// Recurrent networks over whole sequences, forward and backward through time. Each thread takes
// some of the sequences through all steps, so that threads never wait for each other, and the
// recurrent kernel stays in its cache.

#include "recurrence.h"

#include <algorithm>

#include "functions.h"
#include "tile.h"

namespace pellucid {
namespace PELLUCID_ISA {
namespace {

// u (units, width), or its transpose, packed in panels for the tiles.
const float* pack_kernel(const float* u, int64_t units, int64_t width, bool transposed,
                         const Parallel& pool) {
  const int64_t depth = transposed ? width : units, columns = transposed ? units : width;
  const int64_t panels = ceil_div(columns, PANEL);
  float* packed = scratch(0, panels * PANEL * depth);
  parallel(pool, panels, [&](int64_t panel) {
    const int64_t column = panel * PANEL;
    const int wide = panel_width(columns - column);
    pack(u + (transposed ? column * width : column), width, transposed, depth,
         std::min<int64_t>(wide, columns - column), wide, packed + column * depth);
  });
  return packed;
}

// Takes all sequences through the steps: ``step(n, t, before, a, h)`` gets the number of the
// sequence, the step, the step before it (-1: none), a = h u, and h, which it may change.
template <typename Step>
void read_forward(const Sequences& s, int64_t width, const float* u, const float* h0,
                  const Parallel& pool, const Step& step) {
  const float* packed = pack_kernel(u, s.units, width, false, pool);
  const int64_t shares = std::min(pool.threads, s.batch);
  parallel(pool, shares, [&](int64_t share) {
    const int64_t first = share * s.batch / shares, rows = (share + 1) * s.batch / shares - first;
    float* h = scratch(1, rows * (s.units + width));
    float* a = h + rows * s.units;
    std::memcpy(h, h0 + first * s.units, rows * s.units * sizeof(float));
    for (int64_t k = 0; k < s.steps; ++k) {
      const int64_t t = s.reverse ? s.steps - 1 - k : k;
      const int64_t before = k == 0 ? -1 : s.reverse ? t + 1 : t - 1;
      multiply_tiles(rows, s.units, width, h, s.units, 1, packed, 0, a, width, false);
      for (int64_t i = 0; i < rows; ++i)
        step(first + i, t, before, a + i * width, h + i * s.units);
    }
  });
}

// Takes all gradients back through the steps: ``step(n, t, before, dh, da)`` gets the gradient of h
// that comes through the later steps. It adds that of the output, writes the gradient of h u into
// da, and leaves in dh what passes to the step before beside da u^T, which is then added.
template <typename Step>
void read_backward(const Sequences& s, int64_t width, const float* u, float* dh0,
                   const Parallel& pool, const Step& step) {
  const float* packed = pack_kernel(u, s.units, width, true, pool);
  const int64_t shares = std::min(pool.threads, s.batch);
  parallel(pool, shares, [&](int64_t share) {
    const int64_t first = share * s.batch / shares, rows = (share + 1) * s.batch / shares - first;
    float* da = scratch(1, rows * width);
    float* dh = dh0 + first * s.units;
    std::memset(dh, 0, rows * s.units * sizeof(float));
    for (int64_t k = s.steps - 1; k >= 0; --k) {
      const int64_t t = s.reverse ? s.steps - 1 - k : k;
      const int64_t before = k == 0 ? -1 : s.reverse ? t + 1 : t - 1;
      for (int64_t i = 0; i < rows; ++i)
        step(first + i, t, before, dh + i * s.units, da + i * width);
      multiply_tiles(rows, width, s.units, da, width, 1, packed, 0, dh, s.units, true);
    }
  });
}

bool masked(const Sequences& s, int64_t n, int64_t t) {
  return s.mask != nullptr && !s.mask[n * s.steps + t];
}

// The numbers of ``width`` columns at step t of sequence n.
template <typename Float>
Float* at(const Sequences& s, Float* array, int64_t n, int64_t t, int64_t width) {
  return array + (n * s.steps + t) * width;
}

// The state before a step: that of the step before, or the one at the start.
const float* state_before(const Sequences& s, const float* states, const float* start, int64_t n,
                          int64_t before) {
  return before < 0 ? start + n * s.units : at(s, states, n, before, s.units);
}

// Calls ``each(j, count)`` for vectors of units j, ..., j + count - 1.
template <typename Each>
void over_units(int64_t units, const Each& each) {
  for (int64_t j = 0; j < units; j += WIDTH) each(j, std::min<int64_t>(WIDTH, units - j));
}

}  // namespace

void simple_rnn(const Sequences& s, const SimpleRNN& v, const Parallel& pool) {
  const int64_t units = s.units;
  read_forward(s, units, v.u, v.h0, pool,
               [&](int64_t n, int64_t t, int64_t, const float* a, float* h) {
    const float* p = at(s, v.p, n, t, units);
    if (!masked(s, n, t)) over_units(units, [&](int64_t j, int64_t count) {
      store_first(h + j, tanh(load_first(p + j, count) + load_first(a + j, count)), count);
    });
    std::memcpy(at(s, v.h, n, t, units), h, units * sizeof(float));
  });
}

void simple_rnn_gradient(const Sequences& s, const SimpleRNNGradient& v, const Parallel& pool) {
  const int64_t units = s.units;
  read_backward(s, units, v.u, v.dh0, pool,
                [&](int64_t n, int64_t t, int64_t, float* dh, float* da) {
    const float* out = at(s, v.dh, n, t, units);
    const float* state = at(s, v.h, n, t, units);
    const bool skip = masked(s, n, t);
    over_units(units, [&](int64_t j, int64_t count) {
      const Vector h = load_first(state + j, count);
      const Vector total = load_first(dh + j, count) + load_first(out + j, count);
      store_first(da + j, skip ? Vector{} : total * (1.0f - h * h), count);
      store_first(dh + j, skip ? total : Vector{}, count);
    });
    std::memcpy(at(s, v.da, n, t, units), da, units * sizeof(float));
  });
}

void lstm(const Sequences& s, const LSTM& v, const Parallel& pool) {
  const int64_t units = s.units, width = 4 * units;
  read_forward(s, width, v.u, v.h0, pool,
               [&](int64_t n, int64_t t, int64_t before, const float* a, float* h) {
    const float* p = at(s, v.p, n, t, width);
    const float* c_before = state_before(s, v.c, v.c0, n, before);
    float* c = at(s, v.c, n, t, units);
    float* gates = at(s, v.gates, n, t, width);
    if (masked(s, n, t)) {
      std::memcpy(c, c_before, units * sizeof(float));
      std::memset(gates, 0, width * sizeof(float));
    } else {
      over_units(units, [&](int64_t j, int64_t count) {
        const auto part = [&](int block) {
          const int64_t k = block * units + j;
          return load_first(p + k, count) + load_first(a + k, count);
        };
        const Vector i = sigmoid(part(0)), f = sigmoid(part(1)), g = tanh(part(2)),
                     o = sigmoid(part(3));
        const Vector state = f * load_first(c_before + j, count) + i * g;
        store_first(c + j, state, count);
        store_first(h + j, o * tanh(state), count);
        store_first(gates + j, i, count);
        store_first(gates + units + j, f, count);
        store_first(gates + 2 * units + j, g, count);
        store_first(gates + 3 * units + j, o, count);
      });
    }
    std::memcpy(at(s, v.h, n, t, units), h, units * sizeof(float));
  });
}

void lstm_gradient(const Sequences& s, const LSTMGradient& v, const Parallel& pool) {
  const int64_t units = s.units, width = 4 * units;
  std::memset(v.dc0, 0, s.batch * units * sizeof(float));
  read_backward(s, width, v.u, v.dh0, pool,
                [&](int64_t n, int64_t t, int64_t before, float* dh, float* da) {
    const float* out = at(s, v.dh, n, t, units);
    const float* out_c = v.dc == nullptr ? nullptr : at(s, v.dc, n, t, units);
    const float* states = at(s, v.c, n, t, units);
    const float* c_before = state_before(s, v.c, v.c0, n, before);
    const float* gates = at(s, v.gates, n, t, width);
    float* dc = v.dc0 + n * units;
    const bool skip = masked(s, n, t);
    over_units(units, [&](int64_t j, int64_t count) {
      const Vector total = load_first(dh + j, count) + load_first(out + j, count);
      Vector total_c = load_first(dc + j, count);
      if (out_c != nullptr) total_c += load_first(out_c + j, count);
      if (skip) {
        store_first(dh + j, total, count);
        store_first(dc + j, total_c, count);
        for (int block = 0; block < 4; ++block)
          store_first(da + block * units + j, Vector{}, count);
        return;
      }
      const Vector i = load_first(gates + j, count), f = load_first(gates + units + j, count),
                   g = load_first(gates + 2 * units + j, count),
                   o = load_first(gates + 3 * units + j, count);
      const Vector tc = tanh(load_first(states + j, count));
      const Vector dstate = total_c + total * o * (1.0f - tc * tc);
      store_first(da + j, dstate * g * i * (1.0f - i), count);
      store_first(da + units + j, dstate * load_first(c_before + j, count) * f * (1.0f - f), count);
      store_first(da + 2 * units + j, dstate * i * (1.0f - g * g), count);
      store_first(da + 3 * units + j, total * tc * o * (1.0f - o), count);
      store_first(dh + j, Vector{}, count);
      store_first(dc + j, dstate * f, count);
    });
    std::memcpy(at(s, v.da, n, t, width), da, width * sizeof(float));
  });
}

void gru(const Sequences& s, const GRU& v, const Parallel& pool) {
  const int64_t units = s.units, width = 3 * units;
  read_forward(s, width, v.u, v.h0, pool,
               [&](int64_t n, int64_t t, int64_t, const float* a, float* h) {
    const float* p = at(s, v.p, n, t, width);
    float* gates = at(s, v.gates, n, t, 4 * units);
    if (masked(s, n, t)) {
      std::memset(gates, 0, 4 * units * sizeof(float));
    } else {
      over_units(units, [&](int64_t j, int64_t count) {
        const auto part = [&](int block) { return load_first(p + block * units + j, count); };
        const auto past = [&](int block) {
          const int64_t k = block * units + j;
          return load_first(a + k, count) + load_first(v.b + k, count);
        };
        const Vector z = sigmoid(part(0) + past(0)), r = sigmoid(part(1) + past(1)), q = past(2),
                     g = tanh(part(2) + r * q);
        store_first(h + j, z * load_first(h + j, count) + (1.0f - z) * g, count);
        store_first(gates + j, z, count);
        store_first(gates + units + j, r, count);
        store_first(gates + 2 * units + j, g, count);
        store_first(gates + 3 * units + j, q, count);
      });
    }
    std::memcpy(at(s, v.h, n, t, units), h, units * sizeof(float));
  });
}

void gru_gradient(const Sequences& s, const GRUGradient& v, const Parallel& pool) {
  const int64_t units = s.units, width = 3 * units;
  read_backward(s, width, v.u, v.dh0, pool,
                [&](int64_t n, int64_t t, int64_t before, float* dh, float* dq) {
    const float* out = at(s, v.dh, n, t, units);
    const float* h_before = state_before(s, v.h, v.h0, n, before);
    const float* gates = at(s, v.gates, n, t, 4 * units);
    float* dp = at(s, v.dp, n, t, width);
    const bool skip = masked(s, n, t);
    over_units(units, [&](int64_t j, int64_t count) {
      const Vector total = load_first(dh + j, count) + load_first(out + j, count);
      if (skip) {
        store_first(dh + j, total, count);
        for (int block = 0; block < 3; ++block) {
          store_first(dq + block * units + j, Vector{}, count);
          store_first(dp + block * units + j, Vector{}, count);
        }
        return;
      }
      const Vector z = load_first(gates + j, count), r = load_first(gates + units + j, count),
                   g = load_first(gates + 2 * units + j, count),
                   q = load_first(gates + 3 * units + j, count);
      const Vector da_z = total * (load_first(h_before + j, count) - g) * z * (1.0f - z);
      const Vector da_g = total * (1.0f - z) * (1.0f - g * g);
      const Vector da_r = da_g * q * r * (1.0f - r);
      store_first(dp + j, da_z, count);
      store_first(dp + units + j, da_r, count);
      store_first(dp + 2 * units + j, da_g, count);
      store_first(dq + j, da_z, count);
      store_first(dq + units + j, da_r, count);
      store_first(dq + 2 * units + j, da_g * r, count);
      store_first(dh + j, total * z, count);
    });
    std::memcpy(at(s, v.dq, n, t, width), dq, width * sizeof(float));
  });
}

}  // namespace PELLUCID_ISA
}  // namespace pellucid
