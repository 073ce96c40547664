// Exponential, logarithm, error function and circular functions from basic IEEE 754 operations alone, so that every
// CPU, compiler and C library gives the same bits; a C library's own differ from version to version. Errors are within
// 2 units in the last place (4 for expm1 and atan, 8 for erfc; absolute for sin and cos), except where the result is
// subnormal. They assume the default floating-point environment.
#pragma once

namespace narrow::base::exact_math {

// e^x: 0 below about -745, infinity above about 709.8; NaN for NaN.
[[nodiscard]] double exp(double x);
// e^x - 1 without the loss of digits around zero.
[[nodiscard]] double expm1(double x);
// Natural logarithm: -infinity for 0, NaN for what is negative and for NaN.
[[nodiscard]] double log(double x);
// base^exponent for base >= 0 as exp(exponent * log(base)); 1 for the exponent 0. The relative error grows with the
// logarithm of the result, to about 1e-13.
[[nodiscard]] double power(double base, double exponent);

// Error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x; NaN for NaN.
[[nodiscard]] double erf(double x);
// 1 - erf(x) without the loss of digits where erf(x) is about 1: 0 above 27.3.
[[nodiscard]] double erfc(double x);

// Sine and cosine of an angle in radians; NaN for infinities and NaN. The error is absolute, below 1e-15 for |x| up to
// 2^20 and below |x| / 2^50 beyond.
[[nodiscard]] double sin(double x);
[[nodiscard]] double cos(double x);
// The angle in (-pi / 2, pi / 2) whose tangent is x; +-pi / 2 for infinities, NaN for NaN.
[[nodiscard]] double atan(double x);

}  // namespace narrow::base::exact_math
