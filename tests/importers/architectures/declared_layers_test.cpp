// Networks by name beside what a pickled module says about its layers.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "importers/architectures/architectures.h"
#include "tests/importers/architectures/state_dicts.h"
#include "tests/importers/torch/checkpoint_support.h"

using namespace narrow::testing;
using narrow::ArchitectureOptions;
using narrow::ErrorCode;
using narrow::importers::build_network;
using narrow::importers::DeclaredModule;
using narrow::importers::StateDict;
namespace graph = narrow::graph;

namespace {

constexpr const char* kConv = "torch.nn.modules.conv.Conv2d";
constexpr const char* kNorm = "torch.nn.modules.batchnorm.BatchNorm2d";
constexpr const char* kRelu = "torch.nn.modules.activation.ReLU";
constexpr const char* kSequential = "torch.nn.modules.container.Sequential";

// Some of what torchvision's ResNet-18 says about itself.
StateDict declared_resnet18() {
  StateDict weights = resnet_weights({2, 2, 2, 2}, false, 10);
  weights.modules = {
      {"", "torchvision.models.resnet.ResNet", true, {}},
      {"conv1",
       kConv,
       false,
       {{"kernel_size", {{7, 7}, {}}},
        {"stride", {{2, 2}, {}}},
        {"padding", {{3, 3}, {}}},
        {"dilation", {{1, 1}, {}}},
        {"groups", {{1}, {}}},
        {"padding_mode", {{}, "zeros"}}}},
      {"bn1", kNorm, false, {{"eps", {{1e-5}, {}}}}},
      {"relu", kRelu, false, {}},
      {"maxpool",
       "torch.nn.modules.pooling.MaxPool2d",
       false,
       {{"kernel_size", {{3}, {}}}, {"stride", {{2}, {}}}, {"padding", {{1}, {}}}, {"ceil_mode", {{0}, {}}}}},
      {"layer1.0.relu", kRelu, false, {}},
      {"layer2.0.downsample", kSequential, true, {}},
      {"layer2.0.downsample.0", kConv, false, {{"stride", {{2, 2}, {}}}, {"padding", {{0, 0}, {}}}}},
      {"avgpool", "torch.nn.modules.pooling.AdaptiveAvgPool2d", false, {{"output_size", {{1, 1}, {}}}}},
      {"fc", "torch.nn.modules.linear.Linear", false, {}}};
  return weights;
}

DeclaredModule& module_of(StateDict& weights, std::string_view name) {
  const auto found = std::find_if(weights.modules.begin(), weights.modules.end(),
                                  [&](const DeclaredModule& module) { return module.name == name; });
  REQUIRE(found != weights.modules.end());
  return *found;
}

void set(DeclaredModule& module, const std::string& setting, std::vector<double> numbers, std::string text = {}) {
  for (auto& [name, value] : module.settings) {
    if (name != setting) continue;
    value = {std::move(numbers), std::move(text)};
    return;
  }
  module.settings.push_back({setting, {std::move(numbers), std::move(text)}});
}

std::string refusal(const StateDict& weights, const ArchitectureOptions& options = {}) {
  const auto network = build_network(weights, options);
  if (network.ok()) return "accepted";
  CHECK(network.error().code == ErrorCode::kUnsupported);
  CHECK(contains(network.error().message, "torch.onnx.export"));
  return network.error().message;
}

std::vector<double> epsilons(const graph::Graph& graph) {
  std::vector<double> found;
  for (const graph::Node& node : graph.nodes) {
    if (const auto* const norm = std::get_if<graph::BatchNorm>(&node.op)) found.push_back(norm->epsilon);
  }
  return found;
}

}  // namespace

TEST_CASE("a whole module that says what the architecture has is read without a note") {
  StateDict weights = declared_resnet18();
  const auto network = build_network(weights, {});
  if (!network.ok()) FAIL(network.error().text());
  CHECK(network->notes.empty());
  // Other ways to write the same.
  set(module_of(weights, "conv1"), "stride", {2});
  set(module_of(weights, "maxpool"), "kernel_size", {3, 3});
  module_of(weights, "bn1").type = "torch.nn.modules.batchnorm.SyncBatchNorm";
  module_of(weights, "avgpool") = {
      "avgpool", "torch.nn.modules.pooling.AvgPool2d", false, {{"kernel_size", {{7}, {}}}, {"padding", {{0}, {}}}}};
  CHECK(refusal(weights) == "accepted");
}

TEST_CASE("a setting of a whole module that the architecture does not have is refused with both") {
  struct Case {
    const char* module;
    const char* setting;
    std::vector<double> numbers;
    std::string text;
    const char* message;
  };
  for (const Case& item : std::vector<Case>{
           {"conv1", "stride", {1, 1}, "", "'conv1' has stride 1, 1, resnet18 has 2, 2"},
           {"conv1", "padding", {2, 2}, "", "'conv1' has padding 2, 2, resnet18 has 3, 3"},
           {"conv1", "padding", {}, "valid", "'conv1' has padding 'valid', resnet18 has 3, 3"},
           {"conv1", "padding_mode", {}, "reflect", "'conv1' has padding_mode 'reflect', resnet18 has 'zeros'"},
           {"conv1", "dilation", {2}, "", "'conv1' has dilation 2, resnet18 has 1, 1"},
           {"conv1", "groups", {3}, "", "'conv1' has groups 3, resnet18 has 1"},
           {"conv1", "kernel_size", {}, "", "'conv1' has kernel_size '', resnet18 has 7, 7"},
           {"maxpool", "kernel_size", {2}, "", "'maxpool' has kernel_size 2, resnet18 has 3, 3"},
           {"maxpool", "ceil_mode", {1}, "", "'maxpool' has ceil_mode True, resnet18 has False"},
           {"avgpool", "output_size", {2}, "", "'avgpool' has output_size 2, resnet18 has 1, 1"},
           {"bn1", "eps", {0}, "", "'bn1' has eps 0, resnet18 has 1e-05"},
           {"layer2.0.downsample.0", "stride", {1}, "", "'layer2.0.downsample.0' has stride 1, resnet18 has 2, 2"}}) {
    StateDict weights = declared_resnet18();
    set(module_of(weights, item.module), item.setting, item.numbers, item.text);
    const std::string message = refusal(weights);
    CHECK_MESSAGE(contains(message, std::string("differs: ") + item.message), message);
  }
}

TEST_CASE("a module of another class where the architecture has a layer is refused") {
  for (const auto& [name, type] : {std::pair{"maxpool", "torch.nn.modules.linear.Identity"},
                                   {"relu", "torch.nn.modules.activation.SiLU"},
                                   {"layer1.0.relu", "torch.nn.modules.activation.SiLU"},
                                   {"avgpool", "torch.nn.modules.pooling.AdaptiveMaxPool2d"},
                                   {"bn1", "mine.Norm"},
                                   {"conv1", "mine.SameConv"}}) {
    StateDict weights = declared_resnet18();
    module_of(weights, name).type = type;
    const std::string message = refusal(weights);
    const std::string says = "'" + std::string(name) + "' is of class '" + type + "', resnet18 has ";
    CHECK_MESSAGE(contains(message, says), message);
    // A module that is called twice is said once.
    CHECK(message.find(says) == message.rfind(says));
  }
}

TEST_CASE("an activation that a Sequential has beside the architecture's layers is refused") {
  StateDict weights = declared_resnet18();
  weights.modules.push_back({"layer2.0.downsample.2", "torch.nn.modules.activation.Tanh", false, {}});
  CHECK(contains(refusal(weights),
                 "'layer2.0.downsample.2' is of class 'torch.nn.modules.activation.Tanh', resnet18 "
                 "has nothing there"));
  weights.modules.back().type = "torch.nn.modules.dropout.Dropout";
  CHECK(refusal(weights) == "accepted");
}

TEST_CASE("the eps of BatchNorm is that of the whole module, unless another was asked for") {
  StateDict weights = declared_resnet18();
  set(module_of(weights, "bn1"), "eps", {0.05});
  auto network = build_network(weights, {});
  REQUIRE(network.ok());
  CHECK(epsilons(network->graph).at(0) == 0.05);
  CHECK(epsilons(network->graph).at(1) == 1e-5);  // not declared
  CHECK(network->notes == std::vector<std::string>{"the eps of BatchNorm is that of the file: 0.05 in 'bn1'"});

  ArchitectureOptions options;
  options.batch_norm_epsilon = 1e-3;
  network = build_network(weights, options);
  REQUIRE(network.ok());
  CHECK(epsilons(network->graph).at(0) == 1e-3);
  CHECK(contains(network->notes.at(0), "is not used, because another was given: 0.05 in 'bn1'"));
}

TEST_CASE("a whole module that says nothing of the layers is read with a note that its code is not run") {
  StateDict weights = declared_resnet18();
  weights.modules = {{"", "mine.Net", true, {}}};
  auto network = build_network(weights, {});
  REQUIRE(network.ok());
  CHECK(network->notes ==
        std::vector<std::string>{"the file holds a whole module, whose code is not run: the network is resnet18, "
                                 "whatever 'mine.Net' computes"});
}
