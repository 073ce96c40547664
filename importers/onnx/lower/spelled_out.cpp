#include "importers/onnx/lower/spelled_out.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "importers/onnx/lower/node_parts.h"

namespace narrow::onnx {
namespace {

class SpelledOutMatcher : private NodeParts {
 public:
  explicit SpelledOutMatcher(const Lowering& lowering) : NodeParts(lowering) {}

  std::optional<SpelledOut> match(std::size_t last) {
    const Node& node = this->node(last);
    forget();
    std::optional<Node> whole;
    if (node.inputs.empty() || node.outputs.empty()) return std::nullopt;
    if (is(node, "Div") && node.inputs.size() == 2) {
      whole = number(node, 0) == 1.0F ? sigmoid(node.inputs[1]) : softmax(node.inputs[0], node.inputs[1]);
    } else if (is(node, "Reciprocal")) {
      whole = sigmoid(node.inputs[0]);
    } else if (is(node, "Mul") && node.inputs.size() == 2) {
      for (std::size_t side = 0; side < 2 && !whole; ++side) {
        forget();
        const Node* reciprocal = made_by(node.inputs[side], "Reciprocal");
        if (reciprocal != nullptr) whole = softmax(node.inputs[1 - side], reciprocal->inputs[0]);
      }
    } else if (is(node, "MaxPool") && node.outputs.size() == 1) {
      whole = padded_pool(node);
    }
    if (!whole || !no_other_node_reads(others(), last)) return std::nullopt;
    whole->name = node.name;
    whole->outputs = node.outputs;
    return SpelledOut{*std::move(whole), others()};
  }

 private:
  // Of numerator / denominator.
  std::optional<Node> softmax(const std::string& numerator, const std::string& denominator) {
    const Node* exp = made_by(numerator, "Exp");
    const Node* sum = exp != nullptr ? made_by(denominator, "ReduceSum") : nullptr;
    if (sum == nullptr || sum->inputs[0] != numerator) return std::nullopt;
    const auto axes = kept_axes(*sum);
    if (!axes || axes->size() != 1) return std::nullopt;
    std::string x = exp->inputs[0];
    const std::size_t mark = others().size();
    const Node* sub = made_by(x, "Sub");
    const Node* most = sub != nullptr && sub->inputs.size() == 2 ? made_by(sub->inputs[1], "ReduceMax") : nullptr;
    if (most != nullptr && most->inputs[0] == sub->inputs[0] && kept_axes(*most) == axes) {
      x = sub->inputs[0];
    } else {
      forget(mark);
    }
    // Since operator set 13 a Softmax is over one axis; earlier ones take all from there on.
    constexpr std::int64_t kOneAxisSince = 13;
    return Node{{}, "Softmax", "", {x}, {}, {{"axis", axes->front()}, {"opset", kOneAxisSince}}};
  }

  // Of 1 / denominator.
  std::optional<Node> sigmoid(const std::string& denominator) {
    const Node* add = made_by(denominator, "Add");
    if (add == nullptr || add->inputs.size() != 2) return std::nullopt;
    const std::size_t one = number(*add, 0) ? 0 : 1;
    const Node* exp = number(*add, one) == 1.0F ? made_by(add->inputs[1 - one], "Exp") : nullptr;
    if (exp == nullptr) return std::nullopt;
    const Node* minus = made_by(exp->inputs[0], "Neg");
    if (minus != nullptr) return Node{{}, "Sigmoid", "", {minus->inputs[0]}, {}, {}};
    minus = made_by(exp->inputs[0], "Mul");
    if (minus == nullptr || minus->inputs.size() != 2) return std::nullopt;
    const std::size_t factor = number(*minus, 0) ? 0 : 1;
    if (number(*minus, factor) != -1.0F) return std::nullopt;
    return Node{{}, "Sigmoid", "", {minus->inputs[1 - factor]}, {}, {}};
  }

  std::optional<Node> padded_pool(const Node& pool) {
    const auto automatic = pool.find_string("auto_pad");
    const auto ceil = pool.find_int("ceil_mode");
    const auto own = pool.find_ints("pads");
    const Node* pad = made_by(pool.inputs[0], "Pad");
    if (pad == nullptr || !automatic.ok() || !ceil.ok() || !own.ok() || ceil->value_or(0) != 0) return std::nullopt;
    const std::string way = automatic->value_or("NOTSET");
    if ((way != "NOTSET" && way != "VALID") || Names::has_input(*pad, 3)) return std::nullopt;
    const auto mode = pad->find_string("mode");
    const auto pads = numbers(*pad, "pads", 1);
    if (!mode.ok() || mode->value_or("constant") != "constant" || !pads) return std::nullopt;
    const auto attribute = pad->find_float("value");
    std::optional<float> value = number(*pad, 2);
    if (!value && attribute.ok()) value = *attribute;
    if (!value || !(*value <= std::numeric_limits<float>::lowest())) return std::nullopt;
    // [N, C, H, W] or [N, C, L]: the batch and the channels have none.
    const std::vector<std::int64_t>& all = *pads;
    const std::size_t rank = all.size() / 2;
    if ((rank != 3 && rank != 4) || all.size() != 2 * rank) return std::nullopt;
    if (std::any_of(all.begin(), all.end(), [](std::int64_t n) { return n < 0; })) return std::nullopt;
    if (all[0] != 0 || all[1] != 0 || all[rank] != 0 || all[rank + 1] != 0) return std::nullopt;
    std::vector<std::int64_t> sum = own->value_or(std::vector<std::int64_t>(2 * (rank - 2), 0));
    if (sum.size() != 2 * (rank - 2)) return std::nullopt;
    for (std::size_t i = 0; i < rank - 2; ++i) {
      sum[i] += all[i + 2];
      sum[i + rank - 2] += all[rank + i + 2];
    }
    Node whole = pool;
    whole.inputs = {pad->inputs[0]};
    std::erase_if(whole.attributes, [](const Attribute& a) { return a.name == "pads" || a.name == "auto_pad"; });
    whole.attributes.push_back({"pads", std::move(sum)});
    return whole;
  }
};

}  // namespace

std::unordered_map<std::size_t, SpelledOut> find_spelled_out(const Lowering& lowering) {
  std::unordered_map<std::size_t, SpelledOut> found;
  const std::vector<Node>& nodes = lowering.model.nodes;
  // Most networks have none.
  const auto may_be_part = [](const Node& node) { return node.op_type == "Exp" || node.op_type == "Pad"; };
  if (std::none_of(nodes.begin(), nodes.end(), may_be_part)) return found;
  SpelledOutMatcher matcher(lowering);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (auto spelled = matcher.match(i)) found.emplace(i, *std::move(spelled));
  }
  return found;
}

}  // namespace narrow::onnx
