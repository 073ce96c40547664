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

// A product of matrices, perhaps of many in pairs: [batch..., rows, depth] times [batch..., depth, columns].
struct Product {
  Dims batch;
  Dims a_strides, b_strides;  // of the batch, in elements
  std::int64_t rows = 0;
  std::int64_t depth = 0;
  std::int64_t columns = 0;
  std::int64_t elems = 0;
};

Result<Product> plan_product(const Call& call, const Dims& a, const Dims& b) {
  Product plan;
  plan.rows = a[a.size() - 2];
  plan.depth = a.back();
  plan.columns = b.back();
  if (b[b.size() - 2] != plan.depth) return call.malformed("its matrices do not fit");
  const Dims a_batch(a.begin(), a.end() - 2);
  const Dims b_batch(b.begin(), b.end() - 2);
  NARROW_ASSIGN(plan.batch, broadcast(call, a_batch, b_batch));
  Dims all = plan.batch;
  all.insert(all.end(), {plan.rows, plan.columns});
  NARROW_ASSIGN(plan.elems, call.count(all, ElementType::kInt64));
  plan.a_strides = broadcast_strides(a_batch, plan.batch);
  plan.b_strides = broadcast_strides(b_batch, plan.batch);
  for (std::int64_t& stride : plan.a_strides) stride *= plan.rows * plan.depth;
  for (std::int64_t& stride : plan.b_strides) stride *= plan.depth * plan.columns;
  // Both factors are limited. Rows and columns count even if there is nothing to add up.
  NARROW_TRY(call.at_node(
      call.budget.spend_time(std::max<std::int64_t>(plan.rows, 1) * std::max<std::int64_t>(plan.columns, 1))));
  const base::Checked products = base::Checked(plan.elems) * plan.depth;
  NARROW_TRY(call.at_node(call.budget.spend_time(products.value().value_or(INT64_MAX))));
  return plan;
}

// Calls each(element of a, element of b, first) for every product, those of one result in a row.
template <class Each>
void for_each_product(const Product& plan, const Each& each) {
  if (plan.elems == 0) return;
  walk(plan.batch, plan.a_strides, plan.b_strides, [&](std::size_t a, std::size_t b) {
    const auto index = [](std::int64_t i) { return static_cast<std::size_t>(i); };
    for (std::int64_t i = 0; i < plan.rows; ++i) {
      for (std::int64_t j = 0; j < plan.columns; ++j) {
        for (std::int64_t k = 0; k < plan.depth; ++k) {
          each(a + index(i * plan.depth + k), b + index(k * plan.columns + j), k == 0);
        }
        if (plan.depth == 0) each(a, b, true);
      }
    }
  });
}

Outputs matmul(const Call& call) {
  NARROW_ASSIGN(const Tensor* a, call.required(0));
  NARROW_ASSIGN(const Tensor* b, call.required(1));
  if (a->dims.empty() || b->dims.empty() || a->type != b->type) return call.malformed("its matrices do not fit");
  // A vector is a row on the left and a column on the right, and its dimension of 1 is removed from the result.
  Dims a_dims = a->dims;
  Dims b_dims = b->dims;
  if (a_dims.size() == 1) a_dims.insert(a_dims.begin(), 1);
  if (b_dims.size() == 1) b_dims.push_back(1);
  NARROW_ASSIGN(const Product plan, plan_product(call, a_dims, b_dims));
  Dims dims = plan.batch;
  if (a->dims.size() > 1) dims.push_back(plan.rows);
  if (b->dims.size() > 1) dims.push_back(plan.columns);
  if (a->is_float()) {
    const std::vector<float> left = a->to_floats();
    const std::vector<float> right = b->to_floats();
    std::vector<double> sums;
    sums.reserve(static_cast<std::size_t>(plan.elems));
    for_each_product(plan, [&](std::size_t i, std::size_t j, bool first) {
      if (first) sums.push_back(0);
      if (plan.depth > 0) sums.back() += double{left[i]} * double{right[j]};
    });
    return single(float_tensor(a->type, std::move(dims), {sums.begin(), sums.end()}));
  }
  const std::vector<std::int64_t> left = a->to_ints();
  const std::vector<std::int64_t> right = b->to_ints();
  std::vector<std::int64_t> sums;
  sums.reserve(static_cast<std::size_t>(plan.elems));
  bool overflows = false;
  for_each_product(plan, [&](std::size_t i, std::size_t j, bool first) {
    if (first) sums.push_back(0);
    if (plan.depth == 0) return;
    const auto exact = (base::Checked(left[i]) * right[j] + sums.back()).value();
    overflows = overflows || !exact;
    sums.back() = exact.value_or(0);
  });
  if (overflows) return call.malformed("its sums overflow");
  NARROW_ASSIGN(Tensor result, int_tensor(call, a->type, std::move(dims), sums));
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
