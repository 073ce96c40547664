// Operators whose output elements depend only on the elements at the same position of their inputs. Several inputs are
// broadcast as in NumPy.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/checked.h"
#include "base/try.h"
#include "importers/onnx/fold/evaluators.h"

namespace narrow::onnx::evaluation {
namespace {

using Number = std::optional<std::int64_t>;  // nothing: the operation has no result

struct Addition {
  static float apply(float a, float b) { return a + b; }
  static Number apply(std::int64_t a, std::int64_t b) { return (base::Checked(a) + b).value(); }
};
struct Subtraction {
  static float apply(float a, float b) { return a - b; }
  static Number apply(std::int64_t a, std::int64_t b) { return (base::Checked(a) - b).value(); }
};
struct Multiplication {
  static float apply(float a, float b) { return a * b; }
  static Number apply(std::int64_t a, std::int64_t b) { return (base::Checked(a) * b).value(); }
};
struct Division {  // of integers: towards zero
  static float apply(float a, float b) { return a / b; }
  static Number apply(std::int64_t a, std::int64_t b) {
    if (b == 0 || (b == -1 && a == std::numeric_limits<std::int64_t>::min())) return {};
    return a / b;
  }
};
struct Remainder {  // fmod = 1: the sign of the dividend
  static float apply(float a, float b) { return std::fmod(a, b); }
  static Number apply(std::int64_t a, std::int64_t b) {
    if (b == 0) return {};
    return b == -1 ? 0 : a % b;
  }
};
struct Modulo {  // fmod = 0: the sign of the divisor
  static float apply(float /*a*/, float /*b*/) { return std::numeric_limits<float>::quiet_NaN(); }
  static Number apply(std::int64_t a, std::int64_t b) {
    Number result = Remainder::apply(a, b);
    if (result && *result != 0 && (*result < 0) != (b < 0)) *result += b;
    return result;
  }
};
struct Power {
  static float apply(float a, float b) { return static_cast<float>(std::pow(double{a}, double{b})); }
  static Number apply(std::int64_t a, std::int64_t b) {
    if (b < 0) {  // 1 / a^-b, towards zero
      if (a == 0) return {};
      if (a == 1) return 1;
      if (a == -1) return b % 2 == 0 ? 1 : -1;
      return 0;
    }
    Number result = 1;
    Number square = a;
    for (std::int64_t rest = b; rest > 0; rest /= 2) {
      if (rest % 2 == 1) {
        if (!square) return {};
        result = Multiplication::apply(*result, *square);
        if (!result) return {};
      }
      square = square ? Multiplication::apply(*square, *square) : Number();
    }
    return result;
  }
};
struct Maximum {  // a NaN is the maximum
  static float apply(float a, float b) { return std::isnan(a) || a > b ? a : b; }
  static Number apply(std::int64_t a, std::int64_t b) { return a > b ? a : b; }
};
struct Minimum {
  static float apply(float a, float b) { return std::isnan(a) || a < b ? a : b; }
  static Number apply(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
};
struct Equality {
  template <class T>
  static bool apply(T a, T b) {
    return a == b;
  }
};
struct Greatness {
  template <class T>
  static bool apply(T a, T b) {
    return a > b;
  }
};
struct NoLess {
  template <class T>
  static bool apply(T a, T b) {
    return a >= b;
  }
};
struct NoMore {
  template <class T>
  static bool apply(T a, T b) {
    return a <= b;
  }
};
struct Lessness {
  template <class T>
  static bool apply(T a, T b) {
    return a < b;
  }
};
struct Conjunction {
  static bool apply(std::int64_t a, std::int64_t b) { return a != 0 && b != 0; }
};
struct ExclusiveDisjunction {
  static bool apply(std::int64_t a, std::int64_t b) { return (a != 0) != (b != 0); }
};
struct Disjunction {
  static bool apply(std::int64_t a, std::int64_t b) { return a != 0 || b != 0; }
};

struct Operands {
  Dims dims, strides_a, strides_b;
  std::size_t count = 0;
};

Result<Operands> fit(const Call& call, const Tensor& a, const Tensor& b, ElementType result) {
  Operands operands;
  NARROW_ASSIGN(operands.dims, broadcast(call, a.dims, b.dims));
  NARROW_ASSIGN(const std::int64_t count, call.count(operands.dims, result));
  operands.count = static_cast<std::size_t>(count);
  operands.strides_a = broadcast_strides(a.dims, operands.dims);
  operands.strides_b = broadcast_strides(b.dims, operands.dims);
  return operands;
}

Error different_types(const Call& call, const Tensor& a, const Tensor& b) {
  return call.malformed("its inputs are of different types: " + std::string(element_type_name(a.type)) + " and " +
                        std::string(element_type_name(b.type)));
}

template <class Op>
Result<Tensor> combine_floats(const Call& call, const Tensor& a, const Tensor& b) {
  NARROW_ASSIGN(const Operands fitted, fit(call, a, b, a.type));
  const std::vector<float> first = a.to_floats();
  const std::vector<float> second = b.to_floats();
  std::vector<float> results;
  results.reserve(fitted.count);
  walk(fitted.dims, fitted.strides_a, fitted.strides_b,
       [&](std::size_t i, std::size_t j) { results.push_back(Op::apply(first[i], second[j])); });
  return float_tensor(a.type, fitted.dims, std::move(results));
}

template <class Op>
Result<Tensor> combine_ints(const Call& call, const Tensor& a, const Tensor& b) {
  NARROW_ASSIGN(const Operands fitted, fit(call, a, b, ElementType::kInt64));
  const std::vector<std::int64_t> first = a.to_ints();
  const std::vector<std::int64_t> second = b.to_ints();
  std::vector<std::int64_t> results;
  results.reserve(fitted.count);
  bool exists = true;
  walk(fitted.dims, fitted.strides_a, fitted.strides_b, [&](std::size_t i, std::size_t j) {
    const Number number = Op::apply(first[i], second[j]);
    exists = exists && number.has_value();
    results.push_back(number.value_or(0));
  });
  if (!exists) return call.malformed("its result does not fit an integer: an overflow or a division by zero");
  return int_tensor(call, a.type, fitted.dims, results);
}

template <class Op>
Result<Tensor> combine(const Call& call, const Tensor& a, const Tensor& b) {
  if (a.type != b.type) return different_types(call, a, b);
  if (a.type == ElementType::kBool) return call.malformed("it does not compute with bools");
  return a.is_float() ? combine_floats<Op>(call, a, b) : combine_ints<Op>(call, a, b);
}

template <class Op>
Outputs binary(const Call& call) {
  NARROW_ASSIGN(const Tensor* a, call.required(0));
  NARROW_ASSIGN(const Tensor* b, call.required(1));
  NARROW_ASSIGN(Tensor result, combine<Op>(call, *a, *b));
  return single(std::move(result));
}

Outputs mod(const Call& call) {
  NARROW_ASSIGN(const std::int64_t fmod, call.int_or("fmod", 0));
  if (fmod == 1) return binary<Remainder>(call);
  NARROW_ASSIGN(const Tensor* a, call.required(0));
  if (a->is_float()) return call.malformed("of floats needs fmod = 1");
  return binary<Modulo>(call);
}

Outputs pow(const Call& call) {
  NARROW_ASSIGN(const Tensor* a, call.required(0));
  NARROW_ASSIGN(const Tensor* b, call.required(1));
  if (a->type == ElementType::kBool || b->type == ElementType::kBool) {
    return call.malformed("it does not compute with bools");
  }
  if (!a->is_float() && b->is_float()) return call.unsupported("an integer to the power of a float is not supported");
  // The result has the type of the base, whatever type the exponent has.
  NARROW_ASSIGN(Tensor result, a->is_float() ? combine_floats<Power>(call, *a, *b) : combine_ints<Power>(call, *a, *b));
  return single(std::move(result));
}

template <class Op>
Outputs of_many(const Call& call) {
  NARROW_ASSIGN(const Tensor* first, call.required(0));
  NARROW_TRY(call.count(first->dims, first->type));
  Tensor result = *first;
  for (std::size_t i = 1; i < call.inputs.size(); ++i) {
    NARROW_ASSIGN(const Tensor* next, call.required(i));
    NARROW_ASSIGN(result, combine<Op>(call, result, *next));
  }
  return single(std::move(result));
}

template <class Op, class T>
Result<Tensor> test(const Call& call, const Tensor& a, const Tensor& b, const std::vector<T>& first,
                    const std::vector<T>& second) {
  NARROW_ASSIGN(const Operands fitted, fit(call, a, b, ElementType::kBool));
  std::vector<std::int64_t> results;
  results.reserve(fitted.count);
  walk(fitted.dims, fitted.strides_a, fitted.strides_b,
       [&](std::size_t i, std::size_t j) { results.push_back(Op::apply(first[i], second[j]) ? 1 : 0); });
  return Tensor{ElementType::kBool, fitted.dims, std::move(results)};
}

template <class Op>
Outputs comparison(const Call& call) {
  NARROW_ASSIGN(const Tensor* a, call.required(0));
  NARROW_ASSIGN(const Tensor* b, call.required(1));
  if (a->type != b->type) return different_types(call, *a, *b);
  NARROW_ASSIGN(Tensor result, a->is_float() ? test<Op>(call, *a, *b, a->to_floats(), b->to_floats())
                                             : test<Op>(call, *a, *b, a->to_ints(), b->to_ints()));
  return single(std::move(result));
}

template <class Op>
Outputs logic(const Call& call) {
  NARROW_ASSIGN(const Tensor* a, call.required(0));
  NARROW_ASSIGN(const Tensor* b, call.required(1));
  if (a->type != ElementType::kBool || b->type != ElementType::kBool) return call.malformed("its inputs are not bools");
  NARROW_ASSIGN(Tensor result, test<Op>(call, *a, *b, a->to_ints(), b->to_ints()));
  return single(std::move(result));
}

Outputs where(const Call& call) {
  NARROW_ASSIGN(const Tensor* condition, call.required(0));
  NARROW_ASSIGN(const Tensor* yes, call.required(1));
  NARROW_ASSIGN(const Tensor* no, call.required(2));
  if (condition->type != ElementType::kBool) return call.malformed("its condition is not of bools");
  if (yes->type != no->type) return different_types(call, *yes, *no);
  NARROW_ASSIGN(const Dims both, broadcast(call, yes->dims, no->dims));
  NARROW_ASSIGN(const Dims dims, broadcast(call, both, condition->dims));
  NARROW_TRY(call.count(dims, ElementType::kInt64));
  const Tensor choice = collect(*condition, dims, broadcast_strides(condition->dims, dims));
  Tensor result = collect(*yes, dims, broadcast_strides(yes->dims, dims));
  const Tensor other = collect(*no, dims, broadcast_strides(no->dims, dims));
  const auto& chosen = *std::get_if<std::vector<std::int64_t>>(&choice.data);
  std::visit(
      [&](auto& values) {
        const auto& others = *std::get_if<std::decay_t<decltype(values)>>(&other.data);
        for (std::size_t i = 0; i < values.size(); ++i) {
          if (chosen[i] == 0) values[i] = others[i];
        }
      },
      result.data);
  return single(std::move(result));
}

// The function exists for floating types only.
template <float (*kFunction)(float)>
Outputs of_float(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  if (!input->is_float()) return call.malformed("its input is not of a floating type");
  NARROW_TRY(call.count(input->dims, input->type));
  std::vector<float> values = input->to_floats();
  for (float& value : values) value = kFunction(value);
  return single(float_tensor(input->type, input->dims, std::move(values)));
}

float square_root(float x) { return std::sqrt(x); }
float reciprocal(float x) { return 1.0F / x; }
float exponential(float x) { return static_cast<float>(std::exp(double{x})); }
float round_down(float x) { return std::floor(x); }
float round_up(float x) { return std::ceil(x); }

float logarithm(float x) { return static_cast<float>(std::log(double{x})); }
float sigmoid(float x) { return static_cast<float>(1.0 / (1.0 + std::exp(-double{x}))); }
float hyperbolic_tangent(float x) { return static_cast<float>(std::tanh(double{x})); }
float softplus(float x) {
  return static_cast<float>(std::max(double{x}, 0.0) + std::log1p(std::exp(-std::fabs(double{x}))));
}
float error_function(float x) { return static_cast<float>(std::erf(double{x})); }
float round_half_to_even(float x) { return std::nearbyint(x); }

// A function of doubles, rounded to float.
template <double (*kFunction)(double)>
float as_float(float x) {
  return static_cast<float>(kFunction(double{x}));
}
double double_sin(double x) { return std::sin(x); }
double double_cos(double x) { return std::cos(x); }
double double_tan(double x) { return std::tan(x); }
double double_asin(double x) { return std::asin(x); }
double double_acos(double x) { return std::acos(x); }
double double_atan(double x) { return std::atan(x); }
double double_sinh(double x) { return std::sinh(x); }
double double_cosh(double x) { return std::cosh(x); }
double double_asinh(double x) { return std::asinh(x); }
double double_acosh(double x) { return std::acosh(x); }
double double_atanh(double x) { return std::atanh(x); }

float negative(float x) { return -x; }
float magnitude(float x) { return std::fabs(x); }
float rectified(float x) { return x < 0 ? 0.0F : x; }
float sign(float x) { return x > 0 ? 1.0F : x < 0 ? -1.0F : x; }
std::int64_t sign_int(std::int64_t x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }
std::int64_t negative_int(std::int64_t x) { return -x; }
std::int64_t magnitude_int(std::int64_t x) { return x < 0 ? -x : x; }
std::int64_t rectified_int(std::int64_t x) { return std::max<std::int64_t>(x, 0); }

template <float (*kFloat)(float), std::int64_t (*kInt)(std::int64_t)>
Outputs of_any(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  if (input->is_float()) return of_float<kFloat>(call);
  if (input->type == ElementType::kBool) return call.malformed("it does not compute with bools");
  NARROW_TRY(call.count(input->dims, ElementType::kInt64));
  std::vector<std::int64_t> values = input->to_ints();
  for (std::int64_t& value : values) {
    if (value == std::numeric_limits<std::int64_t>::min()) return call.malformed("its input has no positive twin");
    value = kInt(value);
  }
  NARROW_ASSIGN(Tensor result, int_tensor(call, input->type, input->dims, values));
  return single(std::move(result));
}

Outputs logical_not(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  if (input->type != ElementType::kBool) return call.malformed("its input is not of bools");
  NARROW_TRY(call.count(input->dims, ElementType::kBool));
  std::vector<std::int64_t> values = input->to_ints();
  for (std::int64_t& value : values) value = 1 - value;
  return single({ElementType::kBool, input->dims, std::move(values)});
}

// A cast between integers keeps the low bits, read as an integer of the new type.
std::int64_t wrap(ElementType type, std::int64_t value) {
  switch (type) {
    case ElementType::kInt8:
      return static_cast<std::int8_t>(value);
    case ElementType::kUint8:
      return static_cast<std::uint8_t>(value);
    case ElementType::kInt16:
      return static_cast<std::int16_t>(value);
    case ElementType::kUint16:
      return static_cast<std::uint16_t>(value);
    case ElementType::kInt32:
      return static_cast<std::int32_t>(value);
    case ElementType::kUint32:
      return static_cast<std::uint32_t>(value);
    default:
      return value;
  }
}

Outputs cast_to(const Call& call, ElementType type) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  NARROW_TRY(call.count(input->dims, is_floating(type) ? type : ElementType::kInt64));
  if (is_floating(type)) return single(float_tensor(type, input->dims, input->to_floats()));
  std::vector<std::int64_t> values;
  if (const auto* floats = std::get_if<std::vector<float>>(&input->data); floats != nullptr) {
    values.reserve(floats->size());
    for (const float value : *floats) {
      if (type == ElementType::kBool) {
        values.push_back(value != 0 ? 1 : 0);
      } else if (value >= -0x1p63F && value < 0x1p63F) {  // false for NaN
        values.push_back(static_cast<std::int64_t>(value));
      } else {
        return call.malformed("it casts a float to an integer that can't hold it");
      }
    }
  } else {
    values = input->to_ints();
    for (std::int64_t& value : values) value = type == ElementType::kBool ? (value != 0 ? 1 : 0) : wrap(type, value);
  }
  NARROW_ASSIGN(Tensor result, int_tensor(call, type, input->dims, values));
  return single(std::move(result));
}

Outputs cast(const Call& call) {
  NARROW_ASSIGN(const auto to, call.node.find_int("to"));
  if (!to || *to < 0 || *to > std::numeric_limits<std::int32_t>::max()) {
    return call.malformed("the type that it casts to is missing");
  }
  const ElementType type = element_type(*to);
  if (type == ElementType::kOther) return call.unsupported("element type " + std::to_string(*to) + " is not supported");
  return cast_to(call, type);
}

Outputs cast_like(const Call& call) {
  NARROW_ASSIGN(const Tensor* example, call.required(1));
  if (example->type == ElementType::kOther) return call.unsupported("its element type is not supported");
  return cast_to(call, example->type);
}

Outputs clip(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  const Tensor* bounds[2] = {nullptr, nullptr};
  Tensor given[2];
  for (std::size_t i = 0; i < 2; ++i) {
    if (call.opset < 11) {
      NARROW_ASSIGN(const auto bound, call.node.find_float(i == 0 ? "min" : "max"));
      if (!bound) continue;
      given[i] = Tensor{input->type, {}, std::vector<float>{*bound}};
      bounds[i] = &given[i];
    } else {
      bounds[i] = call.optional(i + 1);
    }
    if (bounds[i] == nullptr) continue;
    if (bounds[i]->elems() != 1 || bounds[i]->type != input->type || bounds[i]->is_float() != input->is_float()) {
      return call.malformed("its bounds are not scalars of its input's type");
    }
  }
  NARROW_TRY(call.count(input->dims, input->type));
  Tensor result = *input;
  std::visit(
      [&](auto& values) {
        using Values = std::decay_t<decltype(values)>;
        for (auto& value : values) {
          // Unlike std::clamp this allows a lower bound above the upper one. The upper one then decides.
          if (bounds[0] != nullptr) value = std::max(value, std::get_if<Values>(&bounds[0]->data)->front());
          if (bounds[1] != nullptr) value = std::min(value, std::get_if<Values>(&bounds[1]->data)->front());
        }
      },
      result.data);
  return single(std::move(result));
}

constexpr EvaluatorRow kElementwiseRows[] = {
    {"Add", binary<Addition>},
    {"Sub", binary<Subtraction>},
    {"Mul", binary<Multiplication>},
    {"Div", binary<Division>},
    {"Mod", mod},
    {"Pow", pow},
    {"Sum", of_many<Addition>},
    {"Max", of_many<Maximum>},
    {"Min", of_many<Minimum>},
    {"Equal", comparison<Equality>},
    {"Greater", comparison<Greatness>},
    {"Less", comparison<Lessness>},
    {"GreaterOrEqual", comparison<NoLess>},
    {"LessOrEqual", comparison<NoMore>},
    {"And", logic<Conjunction>},
    {"Or", logic<Disjunction>},
    {"Xor", logic<ExclusiveDisjunction>},
    {"Where", where},
    {"Sqrt", of_float<square_root>},
    {"Reciprocal", of_float<reciprocal>},
    {"Exp", of_float<exponential>},
    {"Log", of_float<logarithm>},
    {"Sigmoid", of_float<sigmoid>},
    {"Tanh", of_float<hyperbolic_tangent>},
    {"Softplus", of_float<softplus>},
    {"Erf", of_float<error_function>},
    {"Round", of_float<round_half_to_even>},
    {"Floor", of_float<round_down>},
    {"Ceil", of_float<round_up>},
    {"Sin", of_float<as_float<&double_sin>>},
    {"Cos", of_float<as_float<&double_cos>>},
    {"Tan", of_float<as_float<&double_tan>>},
    {"Asin", of_float<as_float<&double_asin>>},
    {"Acos", of_float<as_float<&double_acos>>},
    {"Atan", of_float<as_float<&double_atan>>},
    {"Sinh", of_float<as_float<&double_sinh>>},
    {"Cosh", of_float<as_float<&double_cosh>>},
    {"Asinh", of_float<as_float<&double_asinh>>},
    {"Acosh", of_float<as_float<&double_acosh>>},
    {"Atanh", of_float<as_float<&double_atanh>>},
    {"Neg", of_any<negative, negative_int>},
    {"Abs", of_any<magnitude, magnitude_int>},
    {"Sign", of_any<sign, sign_int>},
    {"Relu", of_any<rectified, rectified_int>},
    {"Not", logical_not},
    {"Cast", cast},
    {"CastLike", cast_like},
    {"Clip", clip},
};

}  // namespace

std::span<const EvaluatorRow> elementwise_evaluators() { return kElementwiseRows; }

}  // namespace narrow::onnx::evaluation
