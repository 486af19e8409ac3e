// Functions of vectors: exponential, logarithm, logistic and hyperbolic tangent, to a few units in
// the last place.
#pragma once

#include "vector.h"

namespace pellucid {
namespace PELLUCID_ISA {

typedef int32_t Whole __attribute__((vector_size(WIDTH * sizeof(int32_t))));

inline Vector clamp(Vector x, float low, float high) {
  x = x < broadcast(low) ? broadcast(low) : x;
  return x > broadcast(high) ? broadcast(high) : x;
}

// e^x = 2^n e^r with n = round(x / ln 2), |r| <= ln(2) / 2, and e^r by its series to r^6. Infinities
// stay finite (x is kept in [-87, 88]); NaN stays NaN.
inline Vector exp(Vector x) {
  x = clamp(x, -87.0f, 88.0f);
  // Adding 1.5 2^23 rounds to a whole number.
  const Vector n = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
  // ln 2 in two parts, so that n times the first is exact.
  const Vector r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  Vector sum = broadcast(1.0f / 720);
  for (float c : {1.0f / 120, 1.0f / 24, 1.0f / 6, 1.0f / 2, 1.0f, 1.0f}) sum = sum * r + c;
  const Whole power = (__builtin_convertvector(n, Whole) + 127) << 23;
  return sum * (Vector)power;
}

// ln x = n ln 2 + ln m with x = 2^n m, 1 / sqrt(2) <= m < sqrt(2), and ln m = 2 artanh(t) by its
// series to t^11, t = (m - 1) / (m + 1), |t| < 0.172. For x > 0 and not denormal; infinity and NaN
// stay what they are.
inline Vector log(Vector x) {
  const Whole bits = (Whole)x;
  // Shifted so that the exponent changes at 1 / sqrt(2).
  const Whole n = (bits - 0x3f3504f3) >> 23;
  const Vector m = (Vector)(bits - (n << 23));
  const Vector t = (m - 1.0f) / (m + 1.0f), s = t * t;
  Vector sum = broadcast(2.0f / 11);
  for (float c : {2.0f / 9, 2.0f / 7, 2.0f / 5, 2.0f / 3, 2.0f}) sum = sum * s + c;
  const Vector whole = __builtin_convertvector(n, Vector);
  // ln 2 in two parts, so that n times the first is exact.
  const Vector result = whole * 0.693359375f + (sum * t - whole * 2.12194440e-4f);
  return x < broadcast(__builtin_inff()) ? result : x;
}

// 1 / (1 + e^-x)
inline Vector sigmoid(Vector x) { return 1.0f / (1.0f + exp(-x)); }

// (1 - e^-2x) / (1 + e^-2x), and near 0, where that cancels, the series x - x^3 / 3 + ...
inline Vector tanh(Vector x) {
  const Vector e = exp(-2.0f * x), far = (1.0f - e) / (1.0f + e), s = x * x;
  Vector sum = broadcast(-1382.0f / 155925);
  for (float c : {62.0f / 2835, -17.0f / 315, 2.0f / 15, -1.0f / 3, 1.0f}) sum = sum * s + c;
  return s < broadcast(0.04f) ? x * sum : far;
}

}  // namespace PELLUCID_ISA
}  // namespace pellucid
