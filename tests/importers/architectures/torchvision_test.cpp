// Every network of torchvision: the keys of its own program are accepted, and nothing else.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>

#include "importers/architectures/architectures.h"
#include "importers/architectures/recognise.h"
#include "tests/importers/architectures/state_dicts.h"
#include "tests/importers/architectures/torchvision.h"
#include "tests/importers/torch/checkpoint_support.h"
#include "tests/support/data.h"

using namespace narrow::testing;
using narrow::ArchitectureOptions;
using narrow::Error;
using narrow::ErrorCode;
using narrow::importers::build_network;
using narrow::importers::StateDict;
namespace graph = narrow::graph;

namespace {

Error refused(const StateDict& weights, const ArchitectureOptions& options) {
  const auto network = build_network(weights, options);
  return network.ok() ? Error{ErrorCode::kInternal, "accepted", {}} : network.error();
}

// Counters are of no use, and heads for training only are left out.
bool is_used(const std::string& key) {
  return !contains(key, "num_batches_tracked") && key.rfind("aux", 0) != 0 && key.rfind("AuxLogits.", 0) != 0;
}

std::int64_t total_macs(const graph::Graph& graph) {
  std::int64_t total = 0;
  for (const graph::Node& node : graph.nodes) total += graph::macs(graph, node);
  return total;
}

void check_refusals(StateDict& weights, const ArchitectureOptions& options, int attempts) {
  std::minstd_rand random(seed());
  for (int attempt = 0; attempt < attempts; ++attempt) {
    std::size_t index = 0;
    do {
      index = random() % weights.entries.size();
    } while (!is_used(weights.entries[index].first));
    const std::string key = weights.entries[index].first;
    CAPTURE(key);

    weights.entries[index].first = "elsewhere";
    const Error missing = refused(weights, options);
    CHECK(missing.code == ErrorCode::kInvalidArgument);
    CHECK(contains(missing.message, "missing: '" + key + "'"));
    CHECK(contains(missing.message, "1 unexpected"));
    weights.entries[index].first = key;

    weights.entries.push_back({key + "_more", {{1}, {1.0F}}});
    const Error extra = refused(weights, options);
    CHECK(extra.code == ErrorCode::kInvalidArgument);
    CHECK(contains(extra.message, "unexpected: '" + key + "_more' [1]"));
    weights.entries.pop_back();

    auto& tensor = weights.entries[index].second;
    const auto right = tensor;
    std::int64_t& size = tensor.shape[random() % tensor.shape.size()];
    tensor.values.resize(tensor.values.size() / static_cast<std::size_t>(size) * static_cast<std::size_t>(size + 1));
    ++size;
    const Error misshapen = refused(weights, options);
    CHECK(misshapen.code == ErrorCode::kInvalidArgument);
    // Where a layer's width is the weights' own, it is the next layer that does not fit.
    CHECK(contains(misshapen.message, "of another shape"));
    tensor = right;
  }
}

// What training changes by gradients: not the statistics of BatchNorm.
std::int64_t learned_elements(const StateDict& weights) {
  std::int64_t total = 0;
  for (const auto& [key, tensor] : weights.entries) {
    if (is_used(key) && !contains(key, ".running_")) total += static_cast<std::int64_t>(tensor.values.size());
  }
  return total;
}

narrow::ArchitectureInfo row_of(const std::string& name) {
  for (const narrow::ArchitectureInfo& row : narrow::importers::architecture_table()) {
    if (row.name == name) return row;
  }
  return {};
}

void check_network(const std::string& name) {
  CAPTURE(name);
  const TorchvisionNetwork& expected = torchvision_network(name);
  StateDict weights = random_weights(expected);
  CHECK(row_of(name).parameters == learned_elements(weights));
  CHECK(row_of(name).classes == 1000);
  CHECK(row_of(name).input_size == expected.input_size);
  CHECK(narrow::importers::recognise(weights) == name);
  ArchitectureOptions options;
  options.name = name;
  {
    const auto network = build_network(weights, options);
    if (!network.ok()) FAIL(network.error().text());
    CHECK(network->architecture == name);
    CHECK(network->graph.value(network->graph.input).shape ==
          narrow::TensorShape{expected.input_size, expected.input_size, 3});
    CHECK(network->graph.value(network->graph.output).shape == narrow::TensorShape{1, 1, 1000});
    CHECK(network->preprocessing.crop_height == expected.input_size);
    CHECK(total_macs(network->graph) == expected.macs);
    for (const graph::Node& node : network->graph.nodes) {
      if (const auto* norm = std::get_if<graph::BatchNorm>(&node.op)) {
        const bool large = name == "googlenet" || name == "inception_v3" || contains(name, "mobilenet_v3");
        CHECK(norm->epsilon == (large ? 1e-3 : 1e-5));
      }
    }
  }
  check_refusals(weights, options, contains(name, "vgg") ? 1 : 5);
}

}  // namespace

TEST_CASE("torchvision names are all known") {
  const auto known = narrow::importers::architecture_names();
  CHECK(torchvision_networks().size() == 30);
  for (const TorchvisionNetwork& network : torchvision_networks()) {
    CAPTURE(network.name);
    CHECK(std::count(known.begin(), known.end(), network.name) == 1);
  }
}

TEST_CASE("torchvision alexnet") { check_network("alexnet"); }
TEST_CASE("torchvision vgg11") { check_network("vgg11"); }
TEST_CASE("torchvision vgg13") { check_network("vgg13"); }
TEST_CASE("torchvision vgg16") { check_network("vgg16"); }
TEST_CASE("torchvision vgg19") { check_network("vgg19"); }
TEST_CASE("torchvision vgg11_bn") { check_network("vgg11_bn"); }
TEST_CASE("torchvision vgg13_bn") { check_network("vgg13_bn"); }
TEST_CASE("torchvision vgg16_bn") { check_network("vgg16_bn"); }
TEST_CASE("torchvision vgg19_bn") { check_network("vgg19_bn"); }
TEST_CASE("torchvision resnet18 and resnet34") {
  check_network("resnet18");
  check_network("resnet34");
}
TEST_CASE("torchvision resnet50 and resnet101") {
  check_network("resnet50");
  check_network("resnet101");
}
TEST_CASE("torchvision resnet152") { check_network("resnet152"); }
TEST_CASE("torchvision resnext50_32x4d and wide_resnet50_2") {
  check_network("resnext50_32x4d");
  check_network("wide_resnet50_2");
}
TEST_CASE("torchvision squeezenet") {
  check_network("squeezenet1_0");
  check_network("squeezenet1_1");
}
TEST_CASE("torchvision densenet121") { check_network("densenet121"); }
TEST_CASE("torchvision googlenet") { check_network("googlenet"); }
TEST_CASE("torchvision inception_v3") { check_network("inception_v3"); }
TEST_CASE("torchvision shufflenet_v2") {
  check_network("shufflenet_v2_x0_5");
  check_network("shufflenet_v2_x1_0");
}
TEST_CASE("torchvision mobilenet") {
  check_network("mobilenet_v2");
  check_network("mobilenet_v3_small");
  check_network("mobilenet_v3_large");
}
TEST_CASE("torchvision mnasnet and efficientnet") {
  check_network("mnasnet1_0");
  check_network("efficientnet_b0");
}
TEST_CASE("torchvision regnet") {
  check_network("regnet_x_400mf");
  check_network("regnet_y_400mf");
}

TEST_CASE("torchvision googlenet and inception_v3 need no auxiliary heads") {
  for (const std::string name : {"googlenet", "inception_v3"}) {
    CAPTURE(name);
    StateDict weights = random_weights(torchvision_network(name));
    const auto removed = std::erase_if(weights.entries, [](const auto& entry) {
      return contains(entry.first, "aux") || contains(entry.first, "Aux");
    });
    CHECK(removed > 10);
    const auto network = build_network(weights, {});
    if (!network.ok()) FAIL(network.error().text());
    CHECK(network->architecture == name);
    // Pixels from -1 to 1.
    CHECK(network->preprocessing.mean[2] == 0.5F);
    CHECK(network->preprocessing.std[0] == 0.5F);
    CHECK(network->preprocessing.resize == (name == "googlenet" ? 256 : 342));
  }
}

TEST_CASE("torchvision densenet121 is known under its published keys too") {
  StateDict weights = random_weights(torchvision_network("densenet121"));
  int renamed = 0;
  for (auto& [key, tensor] : weights.entries) {
    for (const std::string part : {"norm1", "norm2", "conv1", "conv2"}) {
      const std::size_t at = key.find("." + part + ".");
      if (at == std::string::npos) continue;
      key.insert(at + 5, ".");
      ++renamed;
    }
  }
  CHECK(renamed == 58 * 12);
  const auto network = build_network(weights, {});
  if (!network.ok()) FAIL(network.error().text());
  CHECK(network->architecture == "densenet121");
}

TEST_CASE("torchvision networks take images of other sizes") {
  const auto size_of = [](const std::string& name, int size) {
    ArchitectureOptions options;
    options.input_size = {size, size};
    const auto network = build_network(random_weights(torchvision_network(name)), options);
    return network.ok() ? network->graph.value(network->graph.output).shape.channels : 0;
  };
  // The smallest that torchvision states for its weights (min_size), and odd ones.
  CHECK(size_of("squeezenet1_1", 17) == 1000);
  CHECK(size_of("squeezenet1_1", 16) == 0);
  CHECK(size_of("squeezenet1_0", 21) == 1000);
  CHECK(size_of("squeezenet1_0", 20) == 0);
  CHECK(size_of("googlenet", 15) == 1000);
  CHECK(size_of("densenet121", 29) == 1000);
  CHECK(size_of("inception_v3", 75) == 1000);
  CHECK(size_of("inception_v3", 74) == 0);
  CHECK(size_of("alexnet", 63) == 1000);
  CHECK(size_of("alexnet", 62) == 0);
  CHECK(size_of("shufflenet_v2_x0_5", 1) == 1000);
  CHECK(size_of("mobilenet_v3_small", 1) == 1000);
  CHECK(size_of("efficientnet_b0", 161) == 1000);
}
