// The properties of each operator and each function, in one row each. Code that handles all operators with a property
// reads the row, so that a new operator needs no change there. docs/adding_an_op.md is the guide.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>
#include <variant>

#include "graph/ir.h"

namespace narrow::graph {

// The rule for the integers of the output.
enum class IntegerRule : std::uint8_t {
  kNone,  // there is none: the operator exists on float32 only
  // The output holds unchanged elements of the input, and zeros. Both share their quantization.
  kLossless,
  kRescaled,  // every input is requantized to the output, with the multiplier input scale / output scale
  kOwn,       // see graph/validate_quantization.cpp
};

// Properties, combined with |.
using Traits = std::uint32_t;
inline constexpr Traits kTakesClamp = 1U << 1U;  // Node::clamp need not be the identity
// On uint8, where no input is repeated, an output element depends only on the elements at the same position of the
// inputs. The step is an ElementwiseStep (engine/plan/step.h) and can continue a fused chain.
inline constexpr Traits kElementwise = 1U << 2U;
inline constexpr Traits kMovesNoByte = 1U << 3U;      // the output has the bytes of the input; there is no step
inline constexpr Traits kConverts = 1U << 4U;         // between float32 and uint8
inline constexpr Traits kComputesNothing = 1U << 5U;  // moves elements, or changes how they are represented
// A float graph may have the operator with a uint8 output: a pre-quantized network is imported that way. Lossless
// operators may have one too.
inline constexpr Traits kMayBePreQuantized = 1U << 6U;
// simplify() removes it; nothing that runs networks supports it
inline constexpr Traits kFoldedBeforeRunning = 1U << 7U;

struct InputCount {
  std::size_t min;
  std::size_t max;
};

struct OperatorRow {
  std::size_t index;      // of the operator in Op
  std::string_view name;  // as users see it
  std::string_view noun;  // as events name it: "average pooling"
  std::uint8_t code;      // in the model file; a number never changes its meaning
  IntegerRule integers;
  InputCount inputs;
  Traits traits;

  [[nodiscard]] constexpr bool has(Traits trait) const { return (traits & trait) != 0; }
  [[nodiscard]] constexpr bool is_lossless() const { return integers == IntegerRule::kLossless; }
  [[nodiscard]] constexpr bool is_float_only() const { return integers == IntegerRule::kNone; }
};

namespace internal {

template <class T, std::size_t kIndex = 0>
constexpr std::size_t index_in_op() {
  if constexpr (std::is_same_v<T, std::variant_alternative_t<kIndex, Op>>) {
    return kIndex;
  } else {
    return index_in_op<T, kIndex + 1>();
  }
}

template <class T>
constexpr OperatorRow row(std::uint8_t code, std::string_view name, std::string_view noun, InputCount inputs,
                          IntegerRule integers, Traits traits = 0) {
  return {index_in_op<T>(), name, noun, code, integers, inputs, traits};
}

}  // namespace internal

// In the order of Op.
inline constexpr std::array<OperatorRow, std::variant_size_v<Op>> kOperators = [] {
  using internal::row;
  using enum IntegerRule;
  constexpr InputCount kOne{1, 1};
  constexpr InputCount kTwo{2, 2};
  constexpr InputCount kMany{2, std::numeric_limits<std::size_t>::max()};
  return std::array{
      row<Convolution>(1, "Convolution", "convolution", kOne, kOwn, kTakesClamp),
      row<Linear>(2, "Linear", "linear layer", kOne, kOwn, kTakesClamp),
      row<BatchNorm>(3, "BatchNorm", "batch norm", kOne, kNone, kFoldedBeforeRunning),
      row<Activation>(4, "Activation", "activation", kOne, kRescaled, kTakesClamp | kElementwise | kMayBePreQuantized),
      row<Add>(5, "Add", "addition", kTwo, kOwn, kTakesClamp | kElementwise),
      row<MaxPool>(6, "MaxPool", "max pooling", kOne, kLossless),
      row<AveragePool>(7, "AveragePool", "average pooling", kOne, kOwn),
      row<GlobalAveragePool>(8, "GlobalAveragePool", "global average pooling", kOne, kOwn),
      row<Concat>(9, "Concat", "concatenation", kMany, kRescaled, kComputesNothing),
      row<PadChannels>(10, "PadChannels", "channel padding", kOne, kLossless, kComputesNothing),
      row<Flatten>(11, "Flatten", "flatten", kOne, kLossless, kMovesNoByte | kComputesNothing),
      row<Identity>(12, "Identity", "identity", kOne, kLossless, kMovesNoByte | kComputesNothing),
      row<Quantize>(13, "Quantize", "quantize", kOne, kOwn, kConverts | kComputesNothing | kMayBePreQuantized),
      row<Dequantize>(14, "Dequantize", "dequantize", kOne, kOwn, kConverts | kComputesNothing),
      row<Subtract>(15, "Subtract", "subtraction", kTwo, kRescaled, kTakesClamp | kElementwise),
      row<Multiply>(16, "Multiply", "multiplication", kTwo, kOwn, kTakesClamp | kElementwise),
      row<Function>(17, "Function", "function", kOne, kOwn, kElementwise),
      row<Pad>(18, "Pad", "padding", kOne, kLossless, kComputesNothing),
      row<Slice>(19, "Slice", "slice", kOne, kLossless, kComputesNothing),
      row<Reshape>(20, "Reshape", "reshape", kOne, kLossless, kMovesNoByte | kComputesNothing),
      row<Transpose>(21, "Transpose", "transposition", kOne, kLossless, kComputesNothing),
      row<Softmax>(22, "Softmax", "softmax", kOne, kNone),
      row<Lrn>(23, "Lrn", "response normalization", kOne, kNone),
      row<LayerNorm>(24, "LayerNorm", "layer normalization", kOne, kNone),
      row<Gather>(25, "Gather", "gathering", kOne, kLossless, kComputesNothing),
      row<Maximum>(26, "Maximum", "maximum", kTwo, kRescaled, kTakesClamp | kElementwise),
      row<Minimum>(27, "Minimum", "minimum", kTwo, kRescaled, kTakesClamp | kElementwise),
      row<LogSoftmax>(28, "LogSoftmax", "logarithm of softmax", kOne, kNone),
  };
}();

static_assert(
    [] {
      for (std::size_t i = 0; i < kOperators.size(); ++i) {
        if (kOperators[i].index != i || kOperators[i].code != i + 1) return false;
      }
      return true;
    }(),
    "rows have the order of Op and are numbered in this order");

template <class T>
inline constexpr const OperatorRow& kRow = kOperators[internal::index_in_op<T>()];

[[nodiscard]] inline const OperatorRow& row_of(const Op& op) { return kOperators[op.index()]; }

// The properties of a kind of Function.
struct FunctionRow {
  std::string_view name;        // as users see it
  bool has_alpha = false;       // the formula uses alpha
  bool has_beta = false;        // the formula uses beta
  bool has_slopes = false;      // one slope, and on uint8 one table, per channel
  bool is_nonnegative = false;  // no result is below zero
};

[[nodiscard]] constexpr FunctionRow row_of(FunctionKind kind) {
  switch (kind) {
    case FunctionKind::kLeakyRelu:
      return {.name = "LeakyRelu", .has_alpha = true};
    case FunctionKind::kPRelu:
      return {.name = "PRelu", .has_slopes = true};
    case FunctionKind::kElu:
      return {.name = "Elu", .has_alpha = true};
    case FunctionKind::kHardSigmoid:
      return {.name = "HardSigmoid", .has_alpha = true, .has_beta = true, .is_nonnegative = true};
    case FunctionKind::kHardSwish:
      return {.name = "HardSwish", .has_alpha = true, .has_beta = true};
    case FunctionKind::kSigmoid:
      return {.name = "Sigmoid", .is_nonnegative = true};
    case FunctionKind::kSilu:
      return {.name = "Silu"};
    case FunctionKind::kTanh:
      return {.name = "Tanh"};
    case FunctionKind::kErf:
      return {.name = "Erf"};
    case FunctionKind::kGelu:
      return {.name = "Gelu"};
    case FunctionKind::kGeluTanh:
      return {.name = "GeluTanh"};
    case FunctionKind::kSoftplus:
      return {.name = "Softplus", .is_nonnegative = true};
    case FunctionKind::kMish:
      return {.name = "Mish"};
    case FunctionKind::kSelu:
      return {.name = "Selu", .has_alpha = true, .has_beta = true};
    case FunctionKind::kCelu:
      return {.name = "Celu", .has_alpha = true};
    case FunctionKind::kSoftsign:
      return {.name = "Softsign"};
    case FunctionKind::kThresholdedRelu:
      return {.name = "ThresholdedRelu", .has_alpha = true};
    case FunctionKind::kShrink:
      return {.name = "Shrink", .has_alpha = true, .has_beta = true};
    case FunctionKind::kPower:
      return {.name = "Power", .has_alpha = true};
    case FunctionKind::kExp:
      return {.name = "Exp", .is_nonnegative = true};
    case FunctionKind::kLog:
      return {.name = "Log"};
    case FunctionKind::kAbs:
      return {.name = "Abs", .is_nonnegative = true};
    case FunctionKind::kSign:
      return {.name = "Sign"};
    case FunctionKind::kFloor:
      return {.name = "Floor"};
    case FunctionKind::kCeil:
      return {.name = "Ceil"};
    case FunctionKind::kRound:
      return {.name = "Round"};
    case FunctionKind::kTrunc:
      return {.name = "Trunc"};
    case FunctionKind::kSin:
      return {.name = "Sin"};
    case FunctionKind::kCos:
      return {.name = "Cos"};
    case FunctionKind::kTan:
      return {.name = "Tan"};
    case FunctionKind::kAsin:
      return {.name = "Asin"};
    case FunctionKind::kAcos:
      return {.name = "Acos", .is_nonnegative = true};
    case FunctionKind::kAtan:
      return {.name = "Atan"};
    case FunctionKind::kSinh:
      return {.name = "Sinh"};
    case FunctionKind::kCosh:
      return {.name = "Cosh", .is_nonnegative = true};
    case FunctionKind::kAsinh:
      return {.name = "Asinh"};
    case FunctionKind::kAcosh:
      return {.name = "Acosh", .is_nonnegative = true};
    case FunctionKind::kAtanh:
      return {.name = "Atanh"};
  }
  return {};
}

// The number of kinds. Their numbers in the model file are 0 to kFunctionKinds - 1, in the order of the enumeration.
inline constexpr int kFunctionKinds = [] {
  int count = 0;
  while (!row_of(static_cast<FunctionKind>(count)).name.empty()) ++count;
  return count;
}();

}  // namespace narrow::graph
