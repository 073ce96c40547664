// Operators of two or more tensors, element by element, broadcast as NumPy does.
#include <cmath>
#include <limits>
#include <optional>

#include "importers/onnx/fold/evaluate_operators.h"

namespace narrow::onnx::evaluation {
namespace {

using Number = std::optional<std::int64_t>;  // nothing: the result does not exist

struct Addition {
  static float apply(float a, float b) { return a + b; }
  static Number apply(std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    return __builtin_add_overflow(a, b, &result) ? Number() : result;
  }
};
struct Subtraction {
  static float apply(float a, float b) { return a - b; }
  static Number apply(std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    return __builtin_sub_overflow(a, b, &result) ? Number() : result;
  }
};
struct Multiplication {
  static float apply(float a, float b) { return a * b; }
  static Number apply(std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    return __builtin_mul_overflow(a, b, &result) ? Number() : result;
  }
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
struct Maximum {  // a NaN wins
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
struct Lessness {
  template <class T>
  static bool apply(T a, T b) {
    return a < b;
  }
};
struct Conjunction {
  static bool apply(std::int64_t a, std::int64_t b) { return a != 0 && b != 0; }
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
  return std::vector<Tensor>{std::move(result)};
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
  // The result has the type of the base, whatever the exponent's is.
  NARROW_ASSIGN(Tensor result, a->is_float() ? combine_floats<Power>(call, *a, *b) : combine_ints<Power>(call, *a, *b));
  return std::vector<Tensor>{std::move(result)};
}

template <class Op>
Outputs of_many(const Call& call) {
  NARROW_ASSIGN(const Tensor* first, call.required(0));
  Tensor result = *first;
  for (std::size_t i = 1; i < call.inputs.size(); ++i) {
    NARROW_ASSIGN(const Tensor* next, call.required(i));
    NARROW_ASSIGN(result, combine<Op>(call, result, *next));
  }
  return std::vector<Tensor>{std::move(result)};
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
  return std::vector<Tensor>{std::move(result)};
}

template <class Op>
Outputs logic(const Call& call) {
  NARROW_ASSIGN(const Tensor* a, call.required(0));
  NARROW_ASSIGN(const Tensor* b, call.required(1));
  if (a->type != ElementType::kBool || b->type != ElementType::kBool) return call.malformed("its inputs are not bools");
  NARROW_ASSIGN(Tensor result, test<Op>(call, *a, *b, a->to_ints(), b->to_ints()));
  return std::vector<Tensor>{std::move(result)};
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
  return std::vector<Tensor>{std::move(result)};
}

}  // namespace

Evaluator find_arithmetic(std::string_view op_type) {
  if (op_type == "Add") return binary<Addition>;
  if (op_type == "Sub") return binary<Subtraction>;
  if (op_type == "Mul") return binary<Multiplication>;
  if (op_type == "Div") return binary<Division>;
  if (op_type == "Mod") return mod;
  if (op_type == "Pow") return pow;
  if (op_type == "Max") return of_many<Maximum>;
  if (op_type == "Min") return of_many<Minimum>;
  if (op_type == "Equal") return comparison<Equality>;
  if (op_type == "Greater") return comparison<Greatness>;
  if (op_type == "Less") return comparison<Lessness>;
  if (op_type == "And") return logic<Conjunction>;
  if (op_type == "Or") return logic<Disjunction>;
  if (op_type == "Where") return where;
  return nullptr;
}

}  // namespace narrow::onnx::evaluation
