// Named architectures on random weights: shapes, layers, padding, layout of weights, options.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "importers/architectures/architectures.h"
#include "importers/architectures/weight_layout.h"
#include "tests/importers/architectures/state_dicts.h"
#include "tests/importers/torch/checkpoint_support.h"

using namespace narrow::testing;
using narrow::ArchitectureOptions;
using narrow::ErrorCode;
using narrow::Padding;
using narrow::TensorShape;
using narrow::importers::build_network;
using narrow::importers::Network;
using narrow::importers::StateDict;
namespace graph = narrow::graph;

namespace {

Network built(const StateDict& weights, const ArchitectureOptions& options = {}) {
  auto network = build_network(weights, options);
  if (!network.ok()) FAIL(network.error().text());
  return *std::move(network);
}

const graph::Node& node_of(const Network& network, std::string_view name) {
  const auto& nodes = network.graph.nodes;
  const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const auto& node) { return node.name == name; });
  if (found == nodes.end()) FAIL("no node " << std::string(name));
  return *found;
}

TensorShape shape_after(const Network& network, const std::string& name) {
  return network.graph.value(node_of(network, name).output).shape;
}

const graph::Convolution& convolution_of(const Network& network, std::string_view name) {
  return std::get<graph::Convolution>(node_of(network, name).op);
}

template <class Op>
int count(const Network& network) {
  return static_cast<int>(std::count_if(network.graph.nodes.begin(), network.graph.nodes.end(),
                                        [](const auto& node) { return std::holds_alternative<Op>(node.op); }));
}

TensorShape output_shape(const Network& network) { return network.graph.value(network.graph.output).shape; }
TensorShape input_shape(const Network& network) { return network.graph.value(network.graph.input).shape; }

}  // namespace

TEST_CASE("architecture cifar_resnet with parameter-free shortcuts") {
  const Network network = built(cifar_resnet_weights(3, {"", "linear"}));
  CHECK(network.architecture == "cifar_resnet20");
  CHECK(input_shape(network) == TensorShape{32, 32, 3});
  CHECK(output_shape(network) == TensorShape{1, 1, 10});
  CHECK(count<graph::Convolution>(network) == 19);
  CHECK(count<graph::BatchNorm>(network) == 19);
  CHECK(count<graph::Add>(network) == 9);
  CHECK(shape_after(network, "layer1.2.add") == TensorShape{32, 32, 16});
  CHECK(shape_after(network, "layer2.0.add") == TensorShape{16, 16, 32});
  CHECK(shape_after(network, "layer3.2.relu2") == TensorShape{8, 8, 64});
  // x[:, :, ::2, ::2] and planes / 4 zero channels on both sides.
  const auto& subsample = std::get<graph::MaxPool>(node_of(network, "layer3.0.shortcut.subsample").op);
  CHECK(subsample.window.kernel_h == 1);
  CHECK(subsample.window.stride_w == 2);
  CHECK(subsample.window.pad == Padding{});
  const auto& pad = std::get<graph::PadChannels>(node_of(network, "layer3.0.shortcut.pad").op);
  CHECK(pad.before == 16);
  CHECK(pad.after == 16);
  CHECK(node_of(network, "layer3.0.relu2").clamp.lo == 0.0F);
  CHECK(network.labels.size() == 10);
  CHECK(network.labels.front() == "airplane");
  CHECK(network.labels.back() == "truck");
  CHECK(network.preprocessing == *narrow::preprocessing_preset("cifar10-imagenet"));
}

TEST_CASE("architecture cifar_resnet with convolution shortcuts under either name") {
  for (const CifarNames& names : {CifarNames{"downsample", "fc"}, CifarNames{"shortcut", "linear"}}) {
    const Network network = built(cifar_resnet_weights(9, names));
    CHECK(network.architecture == "cifar_resnet56b");
    CHECK(count<graph::Convolution>(network) == 57);
    CHECK(count<graph::PadChannels>(network) == 0);
    const auto& shortcut = convolution_of(network, "layer2.0." + names.shortcut + ".0");
    CHECK(shortcut.window.kernel_h == 1);
    CHECK(shortcut.window.stride_h == 2);
    CHECK(shortcut.window.pad == Padding{});
    CHECK(network.preprocessing == *narrow::preprocessing_preset("cifar10"));
  }
  CHECK(built(cifar_resnet_weights(3, {"", "fc"})).architecture == "cifar_resnet20");
}

TEST_CASE("architecture cifar_resnet of every depth is recognised") {
  for (const auto& [blocks, name] : {std::pair{3, "20"}, {5, "32"}, {7, "44"}, {9, "56"}, {18, "110"}}) {
    CHECK(built(cifar_resnet_weights(blocks, {"", "linear"}, 100)).architecture == std::string("cifar_resnet") + name);
    CHECK(built(cifar_resnet_weights(blocks, {"downsample", "fc"}, 100)).architecture ==
          std::string("cifar_resnet") + name + "b");
  }
  CHECK(built(cifar_resnet_weights(3, {"", "linear"}, 100)).labels.empty());
}

TEST_CASE("the table of architectures has the parameters of every cifar_resnet") {
  const auto table = narrow::importers::architecture_table();
  CHECK(table.size() == narrow::importers::architecture_names().size());
  for (const auto& [blocks, depth] : {std::pair{3, "20"}, {5, "32"}, {7, "44"}, {9, "56"}, {18, "110"}}) {
    for (const std::string shortcut : {"", "downsample"}) {
      std::int64_t learned = 0;
      for (const auto& [key, tensor] : cifar_resnet_weights(blocks, {shortcut, "fc"}).entries) {
        const bool counted = key.find("running_") == std::string::npos && key.find("num_") == std::string::npos;
        if (counted) learned += static_cast<std::int64_t>(tensor.values.size());
      }
      const std::string name = std::string("cifar_resnet") + depth + (shortcut.empty() ? "" : "b");
      const auto row = std::find_if(table.begin(), table.end(), [&](const auto& info) { return info.name == name; });
      REQUIRE(row != table.end());
      CHECK(row->parameters == learned);
      CHECK(row->classes == 10);
      CHECK(row->preprocessing.crop_height == 32);
    }
  }
}

TEST_CASE("architecture resnet18 has the layers of torchvision") {
  const Network network = built(resnet_weights({2, 2, 2, 2}, false));
  CHECK(network.architecture == "resnet18");
  CHECK(input_shape(network) == TensorShape{224, 224, 3});
  CHECK(output_shape(network) == TensorShape{1, 1, 1000});
  CHECK(shape_after(network, "conv1") == TensorShape{112, 112, 64});
  CHECK(convolution_of(network, "conv1").window.pad == Padding{3, 3, 3, 3});
  CHECK(shape_after(network, "maxpool") == TensorShape{56, 56, 64});
  CHECK(shape_after(network, "layer2.0.downsample.1") == TensorShape{28, 28, 128});
  CHECK(shape_after(network, "layer4.1.relu2") == TensorShape{7, 7, 512});
  CHECK(count<graph::Convolution>(network) == 20);
  CHECK(network.preprocessing == *narrow::preprocessing_preset("imagenet"));
  CHECK(network.labels.empty());
}

TEST_CASE("architecture resnet50 has its stride in the 3x3 convolution") {
  const Network network = built(resnet_weights({3, 4, 6, 3}, true, 5));
  CHECK(network.architecture == "resnet50");
  CHECK(count<graph::Convolution>(network) == 53);
  CHECK(shape_after(network, "layer1.0.downsample.0") == TensorShape{56, 56, 256});
  CHECK(convolution_of(network, "layer2.0.conv1").window.stride_h == 1);
  CHECK(convolution_of(network, "layer2.0.conv2").window.stride_h == 2);
  CHECK(shape_after(network, "layer4.2.relu3") == TensorShape{7, 7, 2048});
  CHECK(output_shape(network) == TensorShape{1, 1, 5});
}

TEST_CASE("architecture resnet34 is told from resnet50") {
  CHECK(built(resnet_weights({3, 4, 6, 3}, false, 10)).architecture == "resnet34");
}

TEST_CASE("architecture mobilenet_v2 has depthwise layers and residuals at any width") {
  for (const double width : {1.0, 0.35, 1.4}) {
    CAPTURE(width);
    const Network network = built(mobilenet_v2_weights(width));
    CHECK(network.architecture == "mobilenet_v2");
    CHECK(count<graph::Convolution>(network) == 52);
    CHECK(count<graph::Activation>(network) == 35);
    CHECK(count<graph::Add>(network) == 10);
    CHECK(count<graph::Identity>(network) == 1);
    CHECK(shape_after(network, "features.0.0").height == 112);
    CHECK(shape_after(network, "features.18.0").height == 7);
    const auto& depthwise = convolution_of(network, "features.2.conv.1.0");
    CHECK(depthwise.groups == depthwise.out_channels);
    CHECK(depthwise.window.stride_h == 2);
    CHECK(node_of(network, "features.2.conv.1.2").clamp.hi == 6.0F);
  }
  const Network network = built(mobilenet_v2_weights(1.0));
  CHECK(shape_after(network, "features.3.add") == TensorShape{56, 56, 24});
  CHECK(shape_after(network, "features.17.conv.3") == TensorShape{7, 7, 320});
}

TEST_CASE("architecture mobilenet_v2 takes its strides and input size from options") {
  ArchitectureOptions options;
  options.input_size = {32, 32};
  options.stride_2_blocks = std::vector<int>{0, 4, 14};
  const Network network = built(mobilenet_v2_weights(0.35, 10), options);
  CHECK(shape_after(network, "features.0.0").height == 16);
  CHECK(shape_after(network, "features.3.conv.3").height == 16);
  CHECK(shape_after(network, "features.4.conv.3").height == 8);
  CHECK(shape_after(network, "features.18.0").height == 4);
  CHECK(network.preprocessing == *narrow::preprocessing_preset("cifar10"));
  CHECK(network.labels.size() == 10);
  options.stride_2_blocks = std::vector<int>{};
  CHECK(shape_after(built(mobilenet_v2_weights(0.35, 10), options), "features.18.0").height == 32);
}

TEST_CASE("architecture with TensorFlow padding pads bottom and right at stride 2") {
  ArchitectureOptions options;
  options.tf_padding = true;
  options.batch_norm_epsilon = 1e-3;
  options.input_size = {128, 128};
  const Network network = built(mobilenet_v2_weights(0.35, 200), options);
  CHECK(convolution_of(network, "features.0.0").window.pad == Padding{0, 0, 1, 1});
  CHECK(convolution_of(network, "features.2.conv.1.0").window.pad == Padding{0, 0, 1, 1});
  CHECK(convolution_of(network, "features.3.conv.1.0").window.pad == Padding{1, 1, 1, 1});
  CHECK(convolution_of(network, "features.3.conv.0.0").window.pad == Padding{});
  CHECK(std::get<graph::BatchNorm>(node_of(network, "features.0.1").op).epsilon == 1e-3);
  CHECK(network.preprocessing.crop_height == 128);
  CHECK(network.preprocessing.resize == 146);
  CHECK(network.preprocessing.mean[0] == 0.5F);
  // An odd size has the same number of pixels on both sides.
  options.input_size = {129, 129};
  CHECK(convolution_of(built(mobilenet_v2_weights(0.35, 200), options), "features.0.0").window.pad ==
        Padding{1, 1, 1, 1});
  // A subsampling has no padding in either system.
  options.input_size = {};
  const Network cifar = built(cifar_resnet_weights(3, {"", "linear"}), options);
  CHECK(std::get<graph::MaxPool>(node_of(cifar, "layer2.0.shortcut.subsample").op).window.pad == Padding{});
}

TEST_CASE("architecture weights change from channels first to channels last") {
  // [2, 3, 1, 2]: value = 100 o + 10 c + x.
  narrow::importers::Tensor tensor{{2, 3, 1, 2}, {0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121}};
  CHECK(narrow::importers::convolution_weights(tensor) ==
        std::vector<float>{0, 10, 20, 1, 11, 21, 100, 110, 120, 101, 111, 121});
  tensor.shape = {2, 6};
  CHECK(narrow::importers::linear_weights(tensor, {1, 2, 3}) ==
        std::vector<float>{0, 10, 20, 1, 11, 21, 100, 110, 120, 101, 111, 121});
  CHECK(narrow::importers::linear_weights(tensor, {1, 1, 6}) == tensor.values);

  StateDict weights = cifar_resnet_weights(3, {"", "linear"});
  const Network network = built(weights);
  const auto& values = tensor_of(weights, "layer2.0.conv1.weight").values;  // [32, 16, 3, 3]
  const auto& filter = convolution_of(network, "layer2.0.conv1").filter;
  REQUIRE(filter.weights.size() == values.size());
  CHECK(filter.weights[((5 * 3 + 1) * 3 + 2) * 16 + 7] == values[((5 * 16 + 7) * 3 + 1) * 3 + 2]);
  CHECK(filter.bias == std::vector<float>(32, 0.0F));
}

TEST_CASE("architecture convolutions may have a bias") {
  StateDict weights = cifar_resnet_weights(3, {"", "linear"});
  weights.entries.emplace_back("conv1.bias", narrow::importers::Tensor{{16}, std::vector<float>(16, 2.5F)});
  CHECK(convolution_of(built(weights), "conv1").filter.bias == std::vector<float>(16, 2.5F));
}

TEST_CASE("architecture options out of range are refused") {
  const StateDict weights = cifar_resnet_weights(3, {"", "linear"});
  const auto refused = [&](const ArchitectureOptions& options, const StateDict& of) {
    const auto network = build_network(of, options);
    REQUIRE_FALSE(network.ok());
    CHECK(network.error().code == ErrorCode::kInvalidArgument);
    return network.error();
  };
  ArchitectureOptions options;
  for (const int size : {-1, 5000, INT32_MAX}) {
    options.input_size = {size, size};
    CHECK(refused(options, weights).where == "input_size");
  }
  options = {};
  for (const double epsilon : {0.0, -1e-5, 2.0, static_cast<double>(NAN), HUGE_VAL}) {
    options.batch_norm_epsilon = epsilon;
    CHECK(refused(options, weights).where == "batch_norm_epsilon");
  }
  options = {};
  options.stride_2_blocks = std::vector<int>{0};
  CHECK(contains(refused(options, weights).text(), "mobilenet_v2"));
  for (const int block : {-1, 18}) {
    options.stride_2_blocks = std::vector<int>{block};
    CHECK(refused(options, mobilenet_v2_weights(0.35)).where == "stride_2_blocks");
  }
  // Any size works for a network that ends in global pooling, down to one pixel.
  options = {};
  options.input_size = {1, 1};
  CHECK(build_network(weights, options).ok());
}
