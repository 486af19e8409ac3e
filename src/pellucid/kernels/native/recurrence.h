// What the bodies of recurrent networks and their callers agree on.
#pragma once

#include "parallel.h"

namespace pellucid {

// Sequences (batch, steps, ...), read from the first step to the last or in ``reverse``. Where
// ``mask`` (batch, steps) is false a step changes nothing; null if all count. Symbols are those of
// the operations in ops: p is the part of the input in the pre-activations, u the recurrent kernel.
struct Sequences {
  int64_t batch, steps, units;
  bool reverse;
  const bool* mask;
};

struct SimpleRNN {
  const float *p, *u, *h0;
  float* h;
};

struct SimpleRNNGradient {
  const float *dh, *h, *u;
  float *da, *dh0;
};

struct LSTM {
  const float *p, *u, *h0, *c0;
  float *h, *c, *gates;  // gates: i, f, g, o
};

struct LSTMGradient {
  const float *dh, *dc;  // dc may be null for zeros
  const float *c, *gates, *c0, *u;
  float *da, *dh0, *dc0;
};

// The reset gate acts after the product with u.
struct GRU {
  const float *p, *u, *b, *h0;
  float *h, *gates;  // gates: z, r, g, n
};

struct GRUGradient {
  const float *dh, *h, *gates, *h0, *u;
  float *dp, *dq, *dh0;
};

template <typename Arrays>
using Recurrence = void (*)(const Sequences&, const Arrays&, const Parallel&);

}  // namespace pellucid
