#include "floating/float_ops.h"

#include <Eigen/Core>
#include <algorithm>
#include <limits>

#include "floating/broadcast.h"
#include "floating/windows.h"

namespace narrow::graph {
namespace {

using Input = Eigen::Map<const Eigen::ArrayXf>;
using Output = Eigen::Map<Eigen::ArrayXf>;

template <class Combine>
void combine_with(const Combine& combine, const float* a, const TensorShape& a_shape, const float* b,
                  const TensorShape& b_shape, float* output, const TensorShape& out, const Clamp& clamp) {
  for_each_run(a_shape, b_shape, out, [&](const BroadcastRun& run) {
    const float* p = a + run.a;
    const float* q = b + run.b;
    Output result(output + run.output, run.count);
    if (run.a_step == run.b_step) {
      result = combine(Input(p, run.count), Input(q, run.count)).max(clamp.lo).min(clamp.hi);
    } else if (run.a_step == 0) {
      result = combine(Eigen::ArrayXf::Constant(run.count, *p), Input(q, run.count)).max(clamp.lo).min(clamp.hi);
    } else {
      result = combine(Input(p, run.count), Eigen::ArrayXf::Constant(run.count, *q)).max(clamp.lo).min(clamp.hi);
    }
  });
}

}  // namespace

void clamp_values(const float* input, float* output, std::int64_t count, const Clamp& clamp) {
  Output(output, count) = Input(input, count).max(clamp.lo).min(clamp.hi);
}

void combine(Binary op, const float* a, const TensorShape& a_shape, const float* b, const TensorShape& b_shape,
             float* output, const TensorShape& out, const Clamp& clamp) {
  switch (op) {
    case Binary::kAdd:
      return combine_with([](const auto& p, const auto& q) { return p + q; }, a, a_shape, b, b_shape, output, out,
                          clamp);
    case Binary::kSubtract:
      return combine_with([](const auto& p, const auto& q) { return p - q; }, a, a_shape, b, b_shape, output, out,
                          clamp);
    case Binary::kMultiply:
      return combine_with([](const auto& p, const auto& q) { return p * q; }, a, a_shape, b, b_shape, output, out,
                          clamp);
    case Binary::kMaximum:
      return combine_with([](const auto& p, const auto& q) { return p.max(q); }, a, a_shape, b, b_shape, output, out,
                          clamp);
    case Binary::kMinimum:
      return combine_with([](const auto& p, const auto& q) { return p.min(q); }, a, a_shape, b, b_shape, output, out,
                          clamp);
  }
}

void max_pool(const float* input, const TensorShape& in, float* output, const TensorShape& out, const Window& window) {
  for_each_window(in, out, window, [&](std::int64_t pixel, const Taps& rows, const Taps& columns) {
    Output y(output + pixel * out.channels, out.channels);
    y.setConstant(-std::numeric_limits<float>::infinity());
    for_each_tap(in, window, rows, columns,
                 [&](std::int64_t tap) { y = y.max(Input(input + tap * in.channels, in.channels)); });
  });
}

void average_pool(const float* input, const TensorShape& in, float* output, const TensorShape& out,
                  const Window& window, bool count_include_pad) {
  for_each_window(in, out, window, [&](std::int64_t pixel, const Taps& rows, const Taps& columns) {
    Output y(output + pixel * out.channels, out.channels);
    y.setZero();
    for_each_tap(in, window, rows, columns,
                 [&](std::int64_t tap) { y += Input(input + tap * in.channels, in.channels); });
    y /= static_cast<float>(averaged_pixels(window, rows, columns, count_include_pad));
  });
}

}  // namespace narrow::graph
