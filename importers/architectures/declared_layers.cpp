#include "importers/architectures/declared_layers.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>

#include "base/text.h"

namespace narrow::importers {
namespace {

using base::in_quotes;
using base::number_text;

constexpr std::string_view kLayers = "torch.nn.modules.";
constexpr std::size_t kMaxListed = 12;  // differences in a message

using Numbers = std::vector<double>;

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

std::string_view around(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
}

std::string text_of(const Numbers& numbers) {
  std::string text;
  for (const double number : numbers) text += (text.empty() ? "" : ", ") + number_text(number);
  return text;
}
std::string text_of(const DeclaredValue& value) {
  return value.numbers.empty() ? in_quotes(value.text) : text_of(value.numbers);
}

// A number stands for both directions.
Numbers both(const Numbers& numbers) { return numbers.size() == 1 ? Numbers{numbers[0], numbers[0]} : numbers; }

class Comparison {
 public:
  Comparison(std::span<const DeclaredModule> modules, const DeclaredLayersOptions& options, graph::Graph& graph)
      : options_(options), graph_(graph) {
    for (const DeclaredModule& module : modules) modules_.emplace(module.name, &module);
  }

  void compare() {
    for (graph::Node& node : graph_.nodes) {
      module_ = find(node);
      if (module_ == nullptr) continue;
      known_.insert(module_->name);
      std::visit([&](auto& op) { compare_op(node, op); }, node.op);
    }
    for (const auto& [name, module] : modules_) look_for_more(*module);
    // The order of a hash table is not the same everywhere.
    std::sort(more_.begin(), more_.end());
    differences_.insert(differences_.end(), more_.begin(), more_.end());
  }

  [[nodiscard]] const std::vector<std::string>& differences() const { return differences_; }
  [[nodiscard]] std::size_t compared() const { return known_.size(); }
  // Nothing: every BatchNorm has the epsilon of the architecture, or the file does not say it.
  [[nodiscard]] std::optional<std::string> note_on_epsilon() const {
    if (epsilons_ == 0) return std::nullopt;
    return (options_.keep_epsilon ? "the eps of BatchNorm in the file is not used, because another was given: "
                                  : "the eps of BatchNorm is that of the file: ") +
           first_epsilon_ + (epsilons_ > 1 ? ", and " + std::to_string(epsilons_ - 1) + " more" : "");
  }

 private:
  // A module that is called several times has one name in PyTorch and a number for each call here: "relu" and "relu2".
  const DeclaredModule* find(const graph::Node& node) const {
    auto found = modules_.find(node.name);
    if (found == modules_.end() && graph::is<graph::Activation, graph::Function>(node.op)) {
      std::string_view name = node.name;
      while (!name.empty() && std::isdigit(static_cast<unsigned char>(name.back())) != 0) name.remove_suffix(1);
      if (!name.empty() && name.back() != '.') found = modules_.find(name);
    }
    return found == modules_.end() ? nullptr : found->second;
  }

  void differ(const std::string& file, const std::string& network) {
    std::string text = in_quotes(module_->name) + " " + file + ", " + options_.architecture + " has " + network;
    // A module that is called several times is compared each time, and said once.
    if (differences_.empty() || differences_.back() != text) differences_.push_back(std::move(text));
  }

  // Whether the module's class is one of these, which compute the same.
  bool is_class(std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) {
      if (module_->type == std::string(kLayers) + std::string(name)) return true;
    }
    const std::string_view usual = *names.begin();
    differ("is of class " + in_quotes(module_->type), std::string(usual.substr(usual.find('.') + 1)));
    return false;
  }

  [[nodiscard]] bool has_class(std::string_view name) const {
    return module_->type == std::string(kLayers) + std::string(name);
  }

  void compare_setting(std::string_view name, const Numbers& expected) {
    const DeclaredValue* const declared = module_->find(name);
    if (declared == nullptr) return;
    const Numbers numbers = expected.size() == 2 ? both(declared->numbers) : declared->numbers;
    if (numbers != expected) differ("has " + std::string(name) + " " + text_of(*declared), text_of(expected));
  }

  void compare_padding(const graph::Window& window) {
    const DeclaredValue* const declared = module_->find("padding");
    if (declared == nullptr || options_.ignore_padding) return;
    Numbers numbers = both(declared->numbers);
    if (declared->text == "valid") numbers = {0, 0};
    // 'same' is only allowed with a stride of 1. An odd zero goes after.
    if (declared->text == "same") {
      const int above = (window.kernel_h - 1) / 2;
      const int left = (window.kernel_w - 1) / 2;
      numbers = {static_cast<double>(above), static_cast<double>(left)};
    }
    const Numbers expected{static_cast<double>(window.pad.top), static_cast<double>(window.pad.left)};
    if (numbers != expected) differ("has padding " + text_of(*declared), text_of(expected));
    const DeclaredValue* const mode = module_->find("padding_mode");
    const bool pads = window.pad != Padding{};
    if (mode != nullptr && pads && mode->text != "zeros") differ("has padding_mode " + text_of(*mode), "'zeros'");
  }

  void compare_window(const graph::Window& window) {
    compare_setting("kernel_size", {static_cast<double>(window.kernel_h), static_cast<double>(window.kernel_w)});
    compare_setting("stride", {static_cast<double>(window.stride_h), static_cast<double>(window.stride_w)});
    compare_setting("dilation", {static_cast<double>(window.dilation_h), static_cast<double>(window.dilation_w)});
    compare_padding(window);
  }

  // Windows at the end of the image: ceil_mode is the padding after it, which depends on the size of the image.
  void compare_ceil_mode(const graph::Node& node, const graph::Window& window) {
    const DeclaredValue* const declared = module_->find("ceil_mode");
    if (declared == nullptr || options_.ignore_padding || declared->numbers.size() != 1) return;
    const bool ceil = declared->numbers[0] != 0;
    const TensorShape in = graph_.value(node.inputs[0]).shape;
    const TensorShape out = graph_.value(node.output).shape;
    const auto windows = [&](std::int64_t size, int kernel, int stride, int pad) {
      const std::int64_t room = size + std::int64_t{2} * pad - kernel;
      const std::int64_t count = room / stride + (ceil && room % stride != 0 ? 1 : 0);
      // A window does not start in the padding after the image.
      return ceil && count * stride >= size + pad ? count : count + 1;
    };
    if (windows(in.height, window.kernel_h, window.stride_h, window.pad.top) != out.height ||
        windows(in.width, window.kernel_w, window.stride_w, window.pad.left) != out.width) {
      differ(std::string("has ceil_mode ") + (ceil ? "True" : "False"), ceil ? "False" : "True");
    }
  }

  void compare_op(const graph::Node&, graph::Convolution& op) {
    if (!is_class({"conv.Conv2d"})) return;
    compare_window(op.window);
    compare_setting("groups", {static_cast<double>(op.groups)});
  }

  void compare_op(const graph::Node&, graph::Linear&) {
    is_class({"linear.Linear", "linear.NonDynamicallyQuantizableLinear"});
  }

  void compare_op(const graph::Node&, graph::BatchNorm& op) {
    if (!is_class({"batchnorm.BatchNorm2d", "batchnorm.SyncBatchNorm"})) return;
    const DeclaredValue* const declared = module_->find("eps");
    if (declared == nullptr) return;
    const double epsilon = declared->numbers.size() == 1 ? declared->numbers[0] : -1;
    if (!(epsilon > 0 && epsilon <= 1)) {
      differ("has eps " + text_of(*declared), number_text(op.epsilon));
      return;
    }
    if (epsilon == op.epsilon) return;
    if (++epsilons_ == 1) first_epsilon_ = number_text(epsilon) + " in " + in_quotes(module_->name);
    if (!options_.keep_epsilon) op.epsilon = epsilon;
  }

  void compare_op(const graph::Node& node, graph::Activation&) {
    if (node.clamp.hi != 6.0F) {
      is_class({"activation.ReLU"});
    } else if (is_class({"activation.ReLU6", "activation.Hardtanh"})) {
      compare_setting("min_val", {0});
      compare_setting("max_val", {6});
    }
  }

  void compare_op(const graph::Node&, graph::Function& op) {
    switch (op.kind) {
      case graph::FunctionKind::kHardSwish:
        is_class({"activation.Hardswish"});
        break;
      case graph::FunctionKind::kHardSigmoid:
        is_class({"activation.Hardsigmoid"});
        break;
      case graph::FunctionKind::kSilu:
        is_class({"activation.SiLU"});
        break;
      case graph::FunctionKind::kSigmoid:
        is_class({"activation.Sigmoid"});
        break;
      default:
        break;
    }
  }

  void compare_op(const graph::Node& node, graph::MaxPool& op) {
    if (!is_class({"pooling.MaxPool2d"})) return;
    compare_window(op.window);
    compare_ceil_mode(node, op.window);
  }

  void compare_op(const graph::Node& node, graph::AveragePool& op) {
    const TensorShape out = graph_.value(node.output).shape;
    if (has_class("pooling.AdaptiveAvgPool2d")) {  // cells of equal size
      compare_setting("output_size", {static_cast<double>(out.height), static_cast<double>(out.width)});
      return;
    }
    if (!is_class({"pooling.AvgPool2d"})) return;
    compare_window(op.window);
    compare_ceil_mode(node, op.window);
    if (op.window.pad != Padding{}) compare_setting("count_include_pad", {op.count_include_pad ? 1.0 : 0.0});
    if (const DeclaredValue* const divisor = module_->find("divisor_override")) {
      differ("has divisor_override " + text_of(*divisor), "none");
    }
  }

  void compare_op(const graph::Node& node, graph::GlobalAveragePool&) {
    const TensorShape in = graph_.value(node.inputs[0]).shape;
    if (has_class("pooling.AvgPool2d")) {  // a window of the whole image
      compare_setting("kernel_size", {static_cast<double>(in.height), static_cast<double>(in.width)});
      compare_setting("padding", {0, 0});
      return;
    }
    if (is_class({"pooling.AdaptiveAvgPool2d"})) compare_setting("output_size", {1, 1});
  }

  // Dropout, which does nothing at inference.
  void compare_op(const graph::Node&, graph::Identity&) {
    if (!starts_with(module_->type, std::string(kLayers) + "dropout."))
      is_class({"dropout.Dropout", "linear.Identity"});
  }

  // Sums and the like are no modules: one of that name is another thing.
  template <class Op>
  void compare_op(const graph::Node&, Op&) {}

  // A Sequential runs all of its parts, so an activation or a pool there must be one of the network's.
  void look_for_more(const DeclaredModule& module) {
    const bool computes = std::any_of(kComputing.begin(), kComputing.end(), [&](std::string_view part) {
      return starts_with(module.type, std::string(kLayers) + std::string(part));
    });
    if (!computes || module.has_parts || known_.count(module.name) != 0) return;
    const auto parent = modules_.find(around(module.name));
    if (parent == modules_.end() || parent->second->type != std::string(kLayers) + "container.Sequential") return;
    more_.push_back(in_quotes(module.name) + " is of class " + in_quotes(module.type) + ", " + options_.architecture +
                    " has nothing there");
  }

  static constexpr std::array<std::string_view, 6> kComputing = {"activation.", "pooling.",       "padding.",
                                                                 "upsampling.", "normalization.", "pixelshuffle."};

  const DeclaredLayersOptions& options_;
  graph::Graph& graph_;
  std::unordered_map<std::string_view, const DeclaredModule*> modules_;  // by name
  std::unordered_set<std::string_view> known_;  // names of modules that are layers of the graph
  const DeclaredModule* module_ = nullptr;      // that of the node at hand
  std::vector<std::string> differences_, more_;
  std::string first_epsilon_;
  std::size_t epsilons_ = 0;
};

// A class whose code is not known; nullptr if there is none.
const DeclaredModule* foreign(std::span<const DeclaredModule> modules) {
  for (const DeclaredModule& module : modules) {
    if (!starts_with(module.type, "torch.nn.") && !starts_with(module.type, "torchvision.")) return &module;
  }
  return nullptr;
}

}  // namespace

Status apply_declared_layers(std::span<const DeclaredModule> modules, const DeclaredLayersOptions& options,
                             graph::Graph& graph, std::vector<std::string>& notes) {
  if (modules.empty()) return {};
  Comparison comparison(modules, options, graph);
  comparison.compare();
  const std::vector<std::string>& differences = comparison.differences();
  if (!differences.empty()) {
    std::string message = "the file holds a whole module, which is not " + options.architecture +
                          "; its code is not run, so export the network to ONNX (torch.onnx.export)";
    for (std::size_t i = 0; i < std::min(differences.size(), kMaxListed); ++i) {
      message += "\n  differs: " + differences[i];
    }
    if (differences.size() > kMaxListed) {
      message += "\n  differs: and " + std::to_string(differences.size() - kMaxListed) + " more";
    }
    return Error{ErrorCode::kUnsupported, std::move(message), options.architecture};
  }
  if (std::optional<std::string> note = comparison.note_on_epsilon()) notes.push_back(*std::move(note));
  const DeclaredModule* const other = foreign(modules);
  if (comparison.compared() == 0 || other != nullptr) {
    notes.push_back("the file holds a whole module, whose code is not run: the network is " + options.architecture +
                    (other != nullptr ? ", whatever " + in_quotes(other->type) + " computes" : ""));
  }
  return {};
}

}  // namespace narrow::importers
