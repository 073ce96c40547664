// Einsum, as the operators that it stands for: sums and transpositions of one tensor, products of elements, and
// products with a constant.
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/try.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/fold_node.h"
#include "importers/onnx/lower/lower_node.h"
#include "importers/onnx/lower/operators.h"

namespace narrow::onnx {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool has(const std::string& letters, char letter) { return letters.find(letter) != std::string::npos; }

// The letters of `of` that `keep` accepts, in their order.
template <class Keep>
std::string letters_of(const std::string& of, const Keep& keep) {
  std::string kept;
  std::copy_if(of.begin(), of.end(), std::back_inserter(kept), keep);
  return kept;
}

// "ab,bc->ac": the letters of each operand, and of the result.
struct Equation {
  std::vector<std::string> operands;
  std::string result;
};

Result<Equation> parse_equation(const Node& node) {
  NARROW_ASSIGN(std::string text, string_or(node, "equation", ""));
  std::erase(text, ' ');
  const std::size_t arrow = text.find("->");
  const std::string left = text.substr(0, arrow);
  Equation equation;
  equation.operands.emplace_back();
  for (const char c : left) {
    if (c == ',') {
      equation.operands.emplace_back();
    } else {
      equation.operands.back() += c;
    }
  }
  std::map<char, int> counts;
  for (const char c : left) counts[c] += is_letter(c) ? 1 : 0;
  if (arrow != std::string::npos) {
    equation.result = text.substr(arrow + 2);
  } else {
    for (const auto& [letter, count] : counts) {
      if (count == 1) equation.result += letter;
    }
  }
  const auto is_plain = [](const std::string& letters) {
    return std::all_of(letters.begin(), letters.end(),
                       [&](char c) { return is_letter(c) && std::count(letters.begin(), letters.end(), c) == 1; });
  };
  const bool plain =
      std::all_of(equation.operands.begin(), equation.operands.end(), is_plain) && is_plain(equation.result) &&
      std::all_of(equation.result.begin(), equation.result.end(), [&](char c) { return counts.count(c) != 0; });
  if (!plain) {
    return unsupported(node,
                       "the equation " + base::in_quotes(text) +
                           "; supported are letters, each at most once in an operand, without '...'",
                       next_step::kReplace);
  }
  if (equation.operands.size() != node.inputs.size()) {
    return malformed(node, "the equation " + base::in_quotes(text) + " is not one of " +
                               std::to_string(node.inputs.size()) + " operands");
  }
  return equation;
}

// A tensor by the name that it is bound to, and the letters of its dimensions.
struct EinsumOperand {
  std::string name;
  std::string letters;
};

class EinsumLowering {
 public:
  EinsumLowering(Lowering& lowering, const Node& node) : lowering_(lowering), node_(node) {}

  Status run() {
    NARROW_ASSIGN(const Equation equation, parse_equation(node_));
    result_ = equation.result;
    std::vector<EinsumOperand> operands;
    for (std::size_t i = 0; i < node_.inputs.size(); ++i) {
      operands.push_back({node_.inputs[i], equation.operands[i]});
      NARROW_TRY(check_sizes(operands.back(), i));
    }
    if (operands.size() > 2) {
      return unsupported(node_, std::to_string(operands.size()) + " operands; supported are one and two",
                         next_step::kReplace);
    }
    if (operands.size() == 1) {
      NARROW_ASSIGN(EinsumOperand summed, without(operands[0], result_));
      return finish(std::move(summed));
    }
    const std::string other = operands[1].letters;
    const std::string contracted =
        letters_of(operands[0].letters, [&](char letter) { return has(other, letter) && !has(result_, letter); });
    // A letter of one operand alone that the result has not is summed before.
    NARROW_ASSIGN(operands[0], without(operands[0], result_ + contracted));
    NARROW_ASSIGN(operands[1], without(operands[1], result_ + contracted));
    return contracted.empty() ? multiply(operands[0], operands[1]) : contract(operands[0], operands[1], contracted);
  }

 private:
  // The sizes of a tensor's dimensions. Each letter has one size.
  Status check_sizes(const EinsumOperand& operand, std::size_t input) {
    std::vector<std::int64_t> sizes;
    if (const Constant* constant = lowering_.names.constant_or_null(node_, input)) {
      sizes = constant->tensor->dims;
    } else {
      NARROW_ASSIGN(const View view, lowering_.names.real(node_, input));
      sizes = view.sizes();
    }
    if (sizes.size() != operand.letters.size()) {
      return malformed(node_, "operand " + std::to_string(input) + " is " + dims_text(sizes) +
                                  ", but the equation has " + base::in_quotes(operand.letters) + " for it");
    }
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const std::int64_t size = sizes_.emplace(operand.letters[i], sizes[i]).first->second;
      if (size != sizes[i] || size < 1) {
        return malformed(node_, "the dimension " + base::in_quotes(std::string(1, operand.letters[i])) + " is both " +
                                    std::to_string(size) + " and " + std::to_string(sizes[i]));
      }
    }
    return {};
  }

  // Runs an operator on bound names, of a constant if all are constants. The name of the result.
  Result<std::string> apply(const std::string& op_type, std::vector<std::string> inputs,
                            std::vector<Attribute> attributes = {}) {
    Node inner;
    inner.name = node_.name;
    inner.op_type = op_type;
    inner.inputs = std::move(inputs);
    // Its line break keeps it different from names of exporters.
    inner.outputs = {node_.outputs[0] + "\n" + std::to_string(++made_)};
    inner.attributes = std::move(attributes);
    NARROW_ASSIGN(const bool folded, fold_node(lowering_, inner));
    if (!folded) NARROW_TRY(lower_node(lowering_, inner));
    return inner.outputs[0];
  }

  std::string bind(std::vector<std::int64_t> numbers) {
    std::string name = node_.outputs[0] + "\n" + std::to_string(++made_);
    const auto count = static_cast<std::int64_t>(numbers.size());
    lowering_.names.bind(name,
                         Constant{lowering_.names.keep(Tensor{ElementType::kInt64, {count}, std::move(numbers)})});
    return name;
  }

  // An operator with axes, which are an input in later operator sets.
  Result<std::string> apply_on(const std::string& op_type, const std::string& name, std::vector<std::int64_t> axes,
                               std::vector<Attribute> attributes = {}) {
    constexpr std::int64_t kAxesAreInputSince = 13;
    if (lowering_.model.opset() < kAxesAreInputSince) {
      attributes.push_back({"axes", std::move(axes)});
      return apply(op_type, {name}, std::move(attributes));
    }
    return apply(op_type, {name, bind(std::move(axes))}, std::move(attributes));
  }

  // The sum over the letters that `kept` has not.
  Result<EinsumOperand> without(const EinsumOperand& operand, const std::string& kept) {
    std::vector<std::int64_t> axes;
    for (std::size_t i = 0; i < operand.letters.size(); ++i) {
      if (!has(kept, operand.letters[i])) axes.push_back(static_cast<std::int64_t>(i));
    }
    if (axes.empty()) return operand;
    NARROW_ASSIGN(std::string name,
                  apply_on("ReduceSum", operand.name, std::move(axes), {{"keepdims", std::int64_t{0}}}));
    return EinsumOperand{std::move(name), letters_of(operand.letters, [&](char letter) { return has(kept, letter); })};
  }

  // With the letters in this order, which are all that it has.
  Result<EinsumOperand> ordered(const EinsumOperand& operand, const std::string& order) {
    if (operand.letters == order) return operand;
    std::vector<std::int64_t> permutation;
    for (const char letter : order) permutation.push_back(static_cast<std::int64_t>(operand.letters.find(letter)));
    NARROW_ASSIGN(std::string name, apply("Transpose", {operand.name}, {{"perm", std::move(permutation)}}));
    return EinsumOperand{std::move(name), order};
  }

  Result<std::string> with_shape(const std::string& name, std::vector<std::int64_t> shape) {
    return apply("Reshape", {name, bind(std::move(shape))});
  }

  [[nodiscard]] std::int64_t size_of(const std::string& letters) const {
    std::int64_t size = 1;
    for (const char letter : letters) size *= sizes_.at(letter);
    return size;
  }

  Status finish(EinsumOperand operand) {
    NARROW_ASSIGN(const EinsumOperand last, ordered(operand, result_));
    const Item* item = lowering_.names.find(last.name);
    if (item != nullptr) lowering_.names.bind(node_, Item(*item));
    return {};
  }

  // Products of elements, each operand repeated along the letters that it has not.
  Status multiply(const EinsumOperand& a, const EinsumOperand& b) {
    std::vector<std::string> inputs;
    for (const EinsumOperand* operand : {&a, &b}) {
      NARROW_ASSIGN(const EinsumOperand in_order,
                    ordered(*operand, letters_of(result_, [&](char letter) { return has(operand->letters, letter); })));
      std::vector<std::int64_t> axes;
      for (std::size_t i = 0; i < result_.size(); ++i) {
        if (!has(operand->letters, result_[i])) axes.push_back(static_cast<std::int64_t>(i));
      }
      std::string name = in_order.name;
      if (!axes.empty()) {
        NARROW_ASSIGN(name, apply_on("Unsqueeze", name, std::move(axes)));
      }
      inputs.push_back(std::move(name));
    }
    NARROW_ASSIGN(std::string name, apply("Mul", std::move(inputs)));
    return finish({std::move(name), result_});
  }

  // A product with a constant: [batch, rows, contracted] times [batch, contracted, columns], where the batch is what
  // both have and the result too.
  Status contract(const EinsumOperand& a, const EinsumOperand& b, const std::string& contracted) {
    const auto is_constant = [&](const EinsumOperand& operand) {
      const Item* item = lowering_.names.find(operand.name);
      return item != nullptr && std::holds_alternative<Constant>(*item);
    };
    if (!is_constant(a) && !is_constant(b)) {
      return unsupported(node_, "both operands are computed; one of them must be a constant", next_step::kAttention);
    }
    const EinsumOperand& x = is_constant(b) ? a : b;
    const EinsumOperand& matrix = is_constant(b) ? b : a;
    const auto of_both = [&](char letter) { return has(x.letters, letter) && has(matrix.letters, letter); };
    const std::string batch = letters_of(result_, of_both);
    const std::string rows = letters_of(x.letters, [&](char letter) { return !of_both(letter); });
    const std::string columns = letters_of(matrix.letters, [&](char letter) { return !of_both(letter); });
    NARROW_ASSIGN(const EinsumOperand left, ordered(x, batch + rows + contracted));
    NARROW_ASSIGN(const EinsumOperand right, ordered(matrix, batch + contracted + columns));
    const bool has_batch = !batch.empty();
    std::vector<std::int64_t> left_shape{size_of(rows), size_of(contracted)};
    std::vector<std::int64_t> right_shape{size_of(contracted), size_of(columns)};
    if (has_batch) {
      left_shape.insert(left_shape.begin(), size_of(batch));
      right_shape.insert(right_shape.begin(), size_of(batch));
    }
    NARROW_ASSIGN(const std::string left_name, with_shape(left.name, std::move(left_shape)));
    NARROW_ASSIGN(const std::string right_name, with_shape(right.name, std::move(right_shape)));
    NARROW_ASSIGN(const std::string product, apply("MatMul", {left_name, right_name}));
    const std::string letters = batch + rows + columns;
    std::vector<std::int64_t> shape;
    for (const char letter : letters) shape.push_back(sizes_.at(letter));
    NARROW_ASSIGN(std::string name, with_shape(product, std::move(shape)));
    return finish({std::move(name), letters});
  }

  Lowering& lowering_;
  const Node& node_;
  std::string result_;
  std::map<char, std::int64_t> sizes_;
  int made_ = 0;  // names
};

}  // namespace

Status lower_einsum(Lowering& lowering, const Node& node) { return EinsumLowering(lowering, node).run(); }

}  // namespace narrow::onnx
