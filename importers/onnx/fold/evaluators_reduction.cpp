// Reductions over axes, and matrix products.
#include <cmath>
#include <limits>

#include "base/checked.h"
#include "base/try.h"
#include "importers/onnx/fold/evaluators.h"

namespace narrow::onnx::evaluation {
namespace {

enum class Kind : std::uint8_t { kSum, kProd, kMean, kMax, kMin, kL1, kL2, kSumSquare, kLogSum, kLogSumExp };

struct Plan {
  Dims dims;     // of the result
  Dims strides;  // into the result, for each dimension of the input
  std::int64_t elems = 0;
  std::int64_t each = 1;  // elements of the input per element of the result
};

Result<Plan> plan(const Call& call, const Tensor& input, Kind kind) {
  // The axes became an input in opset 13 for ReduceSum and in opset 18 for the others.
  NARROW_ASSIGN(const auto given, call.ints_moved("axes", 1, kind == Kind::kSum ? 13 : 18));
  NARROW_ASSIGN(const std::int64_t keep, call.int_or("keepdims", 1));
  NARROW_ASSIGN(const std::int64_t noop, call.int_or("noop_with_empty_axes", 0));
  const std::size_t rank = input.dims.size();
  NARROW_ASSIGN(std::vector<bool> reduced, call.axes(given.value_or(Dims{}), rank));
  if (!given || given->empty()) reduced.assign(rank, noop == 0);

  Plan plan;
  Dims kept = input.dims;  // with 1 for the reduced dimensions
  for (std::size_t i = 0; i < rank; ++i) {
    if (reduced[i]) {
      plan.each *= input.dims[i];
      kept[i] = 1;
    }
    if (!reduced[i] || keep != 0) plan.dims.push_back(kept[i]);
  }
  NARROW_ASSIGN(plan.elems, call.count(kept, ElementType::kInt64));
  plan.strides = strides_of(kept);
  for (std::size_t i = 0; i < rank; ++i) {
    if (reduced[i]) plan.strides[i] = 0;
  }
  const bool needs_elements = kind == Kind::kMean || kind == Kind::kMax || kind == Kind::kMin;
  if (plan.each == 0 && needs_elements) return call.malformed("it reduces no elements");
  return plan;
}

double start_of(Kind kind) {
  if (kind == Kind::kProd) return 1;
  if (kind == Kind::kMax) return -std::numeric_limits<double>::infinity();
  if (kind == Kind::kMin) return std::numeric_limits<double>::infinity();
  return 0;
}

// What is added up for an element.
double addend(Kind kind, double value) {
  if (kind == Kind::kL1) return std::fabs(value);
  if (kind == Kind::kL2 || kind == Kind::kSumSquare) return value * value;
  return kind == Kind::kLogSumExp ? std::exp(value) : value;
}

double result(Kind kind, double sum) {
  if (kind == Kind::kL2) return std::sqrt(sum);
  return kind == Kind::kLogSum || kind == Kind::kLogSumExp ? std::log(sum) : sum;
}

Tensor reduce_floats(const Tensor& input, const Plan& plan, Kind kind) {
  const std::vector<float> values = input.to_floats();
  std::vector<double> sums(static_cast<std::size_t>(plan.elems), start_of(kind));
  walk(input.dims, strides_of(input.dims), plan.strides, [&](std::size_t from, std::size_t to) {
    const double value = values[from];
    double& sum = sums[to];
    if (kind == Kind::kProd) {
      sum *= value;
    } else if (kind == Kind::kMax) {
      if (value > sum || std::isnan(value)) sum = value;
    } else if (kind == Kind::kMin) {
      if (value < sum || std::isnan(value)) sum = value;
    } else {
      sum += addend(kind, value);
    }
  });
  std::vector<float> results;
  results.reserve(sums.size());
  const double divisor = kind == Kind::kMean ? static_cast<double>(plan.each) : 1.0;
  for (const double sum : sums) results.push_back(static_cast<float>(result(kind, sum / divisor)));
  return float_tensor(input.type, plan.dims, std::move(results));
}

Result<Tensor> reduce_ints(const Call& call, const Tensor& input, const Plan& plan, Kind kind) {
  const std::vector<std::int64_t> values = input.to_ints();
  std::vector<std::int64_t> sums(static_cast<std::size_t>(plan.elems), kind == Kind::kProd ? 1 : 0);
  std::vector<bool> seen(sums.size(), false);
  bool overflows = false;
  const auto set = [&](std::int64_t& sum, base::Checked exact) {
    overflows = overflows || !exact.value();
    sum = exact.value().value_or(0);
  };
  walk(input.dims, strides_of(input.dims), plan.strides, [&](std::size_t from, std::size_t to) {
    const std::int64_t value = values[from];
    std::int64_t& sum = sums[to];
    if (kind == Kind::kProd) {
      set(sum, base::Checked(sum) * value);
    } else if (kind == Kind::kSum || kind == Kind::kMean) {
      set(sum, base::Checked(sum) + value);
    } else if (kind == Kind::kL1) {
      set(sum, value < 0 ? base::Checked(sum) - value : base::Checked(sum) + value);
    } else if (kind == Kind::kSumSquare) {
      set(sum, base::Checked(value) * value + sum);
    } else if (!seen[to] || (kind == Kind::kMax ? value > sum : value < sum)) {
      sum = value;
    }
    seen[to] = true;
  });
  if (overflows) return call.malformed("its sum or product overflows");
  if (kind == Kind::kMean) {
    for (std::int64_t& sum : sums) sum /= plan.each;
  }
  return int_tensor(call, input.type, plan.dims, sums);
}

template <Kind kKind>
Outputs reduce(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  if (input->type == ElementType::kBool) return call.malformed("it does not compute with bools");
  NARROW_ASSIGN(const Plan planned, plan(call, *input, kKind));
  if (input->is_float()) return single(reduce_floats(*input, planned, kKind));
  if (kKind == Kind::kL2 || kKind == Kind::kLogSum || kKind == Kind::kLogSumExp) {
    return call.unsupported("a root or logarithm of integers is not supported");
  }
  NARROW_ASSIGN(Tensor result, reduce_ints(call, *input, planned, kKind));
  return single(std::move(result));
}

Outputs matmul(const Call& call) {
  NARROW_ASSIGN(const Tensor* a, call.required(0));
  NARROW_ASSIGN(const Tensor* b, call.required(1));
  if (a->dims.size() != 2 || b->dims.size() != 2) return call.unsupported("only two matrices are multiplied");
  if (a->dims[1] != b->dims[0] || a->type != b->type) return call.malformed("its matrices do not fit");
  const std::int64_t rows = a->dims[0];
  const std::int64_t depth = a->dims[1];
  const std::int64_t columns = b->dims[1];
  NARROW_ASSIGN(const std::int64_t count, call.count({rows, columns}, ElementType::kInt64));
  // Both factors are limited. Rows and columns count even if there is nothing to add up.
  NARROW_TRY(
      call.at_node(call.budget.spend_time(std::max<std::int64_t>(rows, 1) * std::max<std::int64_t>(columns, 1))));
  const base::Checked products = base::Checked(count) * depth;
  NARROW_TRY(call.at_node(call.budget.spend_time(products.value().value_or(INT64_MAX))));
  const auto index = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  if (a->is_float()) {
    const std::vector<float> left = a->to_floats();
    const std::vector<float> right = b->to_floats();
    std::vector<double> sums(index(columns));
    std::vector<float> results;
    results.reserve(index(count));
    for (std::int64_t i = 0; i < rows; ++i) {
      std::fill(sums.begin(), sums.end(), 0.0);
      for (std::int64_t k = 0; k < depth; ++k) {
        const double factor = left[index(i * depth + k)];
        for (std::int64_t j = 0; j < columns; ++j) sums[index(j)] += factor * double{right[index(k * columns + j)]};
      }
      for (const double sum : sums) results.push_back(static_cast<float>(sum));
    }
    return single(float_tensor(a->type, {rows, columns}, std::move(results)));
  }
  const std::vector<std::int64_t> left = a->to_ints();
  const std::vector<std::int64_t> right = b->to_ints();
  std::vector<std::int64_t> results(index(count), 0);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t k = 0; k < depth; ++k) {
      for (std::int64_t j = 0; j < columns; ++j) {
        std::int64_t& sum = results[index(i * columns + j)];
        const auto exact = (base::Checked(left[index(i * depth + k)]) * right[index(k * columns + j)] + sum).value();
        if (!exact) return call.malformed("its sums overflow");
        sum = *exact;
      }
    }
  }
  NARROW_ASSIGN(Tensor result, int_tensor(call, a->type, {rows, columns}, results));
  return single(std::move(result));
}

constexpr EvaluatorRow kReductionRows[] = {
    {"ReduceL1", reduce<Kind::kL1>},
    {"ReduceL2", reduce<Kind::kL2>},
    {"ReduceSumSquare", reduce<Kind::kSumSquare>},
    {"ReduceLogSum", reduce<Kind::kLogSum>},
    {"ReduceLogSumExp", reduce<Kind::kLogSumExp>},
    {"ReduceSum", reduce<Kind::kSum>},
    {"ReduceProd", reduce<Kind::kProd>},
    {"ReduceMean", reduce<Kind::kMean>},
    {"ReduceMax", reduce<Kind::kMax>},
    {"ReduceMin", reduce<Kind::kMin>},
    {"MatMul", matmul},
};

}  // namespace

std::span<const EvaluatorRow> reduction_evaluators() { return kReductionRows; }

}  // namespace narrow::onnx::evaluation
