// State dicts that do not fit: every problem is told, in one error.
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "importers/architectures/architectures.h"
#include "importers/architectures/recognise.h"
#include "tests/importers/architectures/state_dicts.h"
#include "tests/importers/torch/checkpoint_support.h"

using namespace narrow::testing;
using narrow::ArchitectureOptions;
using narrow::Error;
using narrow::ErrorCode;
using narrow::importers::build_network;
using narrow::importers::StateDict;
using narrow::importers::Tensor;

namespace {

Error refused(const StateDict& weights, const std::string& name = {}) {
  ArchitectureOptions options;
  options.name = name;
  const auto network = build_network(weights, options);
  return network.ok() ? Error{ErrorCode::kInternal, "accepted", {}} : network.error();
}

}  // namespace

TEST_CASE("architecture names are listed when one is unknown") {
  const Error error = refused(cifar_resnet_weights(3, {"", "linear"}), "resnet19");
  CHECK(error.code == ErrorCode::kNotFound);
  CHECK(contains(error.message, "'resnet19'"));
  for (const std::string& name : narrow::importers::architecture_names()) CHECK(contains(error.message, name));
  CHECK(contains(error.message, "cifar_resnet20, "));
}

TEST_CASE("architecture that the keys do not tell must be named") {
  StateDict other;
  other.entries.emplace_back("encoder.weight", Tensor{{1}, {1.0F}});
  for (const StateDict& weights :
       {StateDict{}, other, cifar_resnet_weights(4, {"", "linear"}), resnet_weights({1, 1, 1, 1}, false)}) {
    const Error error = refused(weights);
    CHECK(error.code == ErrorCode::kNotFound);
    CHECK(contains(error.message, "can't recognise the architecture"));
    CHECK(contains(error.message, "cifar_resnet110b"));
    CHECK(contains(error.message, "mobilenet_v2"));
  }
}

TEST_CASE("architecture error lists every missing and unexpected and misshapen key") {
  StateDict weights = cifar_resnet_weights(3, {"", "linear"});
  remove_key(weights, "layer1.0.conv1.weight");
  remove_key(weights, "layer3.2.bn2.running_var");
  tensor_of(weights, "layer2.1.conv2.weight") = Tensor{{32, 32, 1, 1}, std::vector<float>(1024, 0.0F)};
  tensor_of(weights, "linear.bias") = Tensor{{11}, std::vector<float>(11, 0.0F)};
  tensor_of(weights, "bn1.weight").shape = {4, 4};
  tensor_of(weights, "bn1.bias").values[3] = NAN;
  weights.entries.emplace_back("extra.alpha", Tensor{{}, {1.0F}});
  const Error error = refused(weights);
  CHECK(error.code == ErrorCode::kInvalidArgument);
  CHECK(error.where == "cifar_resnet20");
  CHECK(contains(error.message, "2 missing, 1 unexpected, 3 of another shape, 1 damaged"));
  CHECK(contains(error.message, "missing: 'layer1.0.conv1.weight' [16, 16, 3, 3]"));
  CHECK(contains(error.message, "missing: 'layer3.2.bn2.running_var' [64]"));
  CHECK(contains(error.message, "shape: 'layer2.1.conv2.weight' has [32, 32, 1, 1], expected [32, 32, 3, 3]"));
  CHECK(contains(error.message, "shape: 'linear.bias' has [11], expected [10]"));
  CHECK(contains(error.message, "shape: 'bn1.weight' has [4, 4], expected [16]"));
  CHECK(contains(error.message, "damaged: 'bn1.bias' has a value that is not a finite number, at index 3"));
  CHECK(contains(error.message, "unexpected: 'extra.alpha' []"));
  CHECK_FALSE(contains(error.message, "num_batches_tracked"));
}

TEST_CASE("architecture ignores weights of its own under another name and says so") {
  struct Case {
    std::vector<std::pair<std::string, std::string>> same;  // a key and the earlier one it equals
    std::string note;                                       // empty: refused
  };
  for (const Case& item : std::vector<Case>{
           {{{"head.weight", "linear.weight"}}, "ignored 'head.weight', which is 'linear.weight' under another name"},
           {{{"head.weight", "linear.weight"}, {"head.bias", "linear.bias"}, {"other.bias", "linear.bias"}},
            "ignored 'head.weight', which is 'linear.weight' under another name, and 2 more of this kind"},
           {{{"other.weight", "head.weight"}}, ""},
           {{{"head.weight", "linear.weight"}, {"other.weight", "unused.weight"}}, ""},
       }) {
    StateDict weights = cifar_resnet_weights(3, {"", "linear"});
    const auto add = [&](const std::string& name) {
      if (weights.find(name) == nullptr) weights.entries.emplace_back(name, Tensor{{1}, {1.0F}});
    };
    for (const auto& [name, first] : item.same) {
      CAPTURE(name);
      add(first);
      add(name);
    }
    weights.same = item.same;
    const auto network = build_network(weights, {});
    REQUIRE(network.ok() != item.note.empty());
    if (network.ok()) CHECK(network->notes == std::vector<std::string>{item.note});
  }
  // The network may read the second of two names.
  StateDict weights = cifar_resnet_weights(3, {"", "linear"});
  weights.entries.insert(weights.entries.begin(), {"head.weight", weights.find("linear.weight")[0]});
  weights.same = {{"linear.weight", "head.weight"}};
  CHECK(build_network(weights, {}).ok());
}

TEST_CASE("architecture error says what to do about weights that training tools rename") {
  const auto message = [](const std::string& suffix) {
    StateDict weights = cifar_resnet_weights(3, {"", "linear"});
    weights.entries.emplace_back("conv1." + suffix, Tensor{{1}, {1.0F}});
    return refused(weights).message;
  };
  for (const auto& row : std::vector<std::pair<std::string, std::string>>{
           {"weight_g", "remove_weight_norm"},
           {"parametrizations.weight.original0", "remove_parametrizations"},
           {"weight_mask", "prune.remove"},
           {"lora_A.default.weight", "merge_and_unload"},
           {"weight_fake_quant.scale", "torch.onnx.export"},
           {"other", "if the network was changed, export it to ONNX"}}) {
    const std::string& suffix = row.first;
    CAPTURE(suffix);
    CHECK(contains(message(suffix), "1 unexpected; "));
    CHECK(contains(message(suffix), row.second));
  }
}

TEST_CASE("architecture error gives the shapes it can know when channel counts are the weights own") {
  StateDict weights = mobilenet_v2_weights(1.0);
  remove_key(weights, "features.2.conv.0.0.weight");
  const Error error = refused(weights, "mobilenet_v2");
  CHECK(contains(error.message, "1 missing"));
  CHECK(contains(error.message, "'features.2.conv.0.0.weight' [?, 16, 1, 1]"));
  CHECK_FALSE(contains(error.message, "another shape"));
}

TEST_CASE("architecture that is plainly another one says which") {
  const Error error = refused(resnet_weights({2, 2, 2, 2}, false), "mobilenet_v2");
  CHECK(error.code == ErrorCode::kInvalidArgument);
  CHECK(contains(error.message, "they look like those of 'resnet18'"));
  CHECK(contains(error.message, "more"));
  CHECK(error.message.size() < 2000);
  CHECK(contains(refused(mobilenet_v2_weights(0.35), "resnet50").message, "'mobilenet_v2'"));
  CHECK(contains(refused(StateDict{}, "resnet18").message, "another network"));
}

TEST_CASE("architecture of another depth is told by its keys") {
  CHECK(contains(refused(cifar_resnet_weights(5, {"", "linear"}), "cifar_resnet20").message,
                 "unexpected: 'layer1.3.conv1.weight' [16, 16, 3, 3]"));
  CHECK(contains(refused(cifar_resnet_weights(3, {"", "linear"}), "cifar_resnet20b").message,
                 "missing: 'layer2.0.downsample.0.weight' [32, 16, 1, 1]"));
  CHECK(contains(refused(cifar_resnet_weights(3, {"downsample", "fc"}), "cifar_resnet20").message,
                 "unexpected: 'layer2.0.downsample.0.weight' [32, 16, 1, 1]"));
}

TEST_CASE("architecture error stays readable with hostile key names") {
  StateDict weights = cifar_resnet_weights(3, {"", "linear"});
  for (int i = 0; i < 1000; ++i) {
    weights.entries.emplace_back("\x1b[2J" + std::string(500, 'x') + std::to_string(i), Tensor{{}, {1.0F}});
  }
  const Error error = refused(weights);
  CHECK(contains(error.message, "1000 unexpected"));
  CHECK(contains(error.message, "and 900 more"));
  CHECK_FALSE(contains(error.message, "\x1b"));
  CHECK(error.message.size() < 30000);
}

TEST_CASE("architecture refuses weights that no network has") {
  StateDict empty = mobilenet_v2_weights(0.35);
  tensor_of(empty, "classifier.1.weight") = Tensor{{0, 1280}, {}};
  tensor_of(empty, "classifier.1.bias") = Tensor{{0}, {}};
  CHECK(refused(empty).code == ErrorCode::kInvalidArgument);
  StateDict negative = cifar_resnet_weights(3, {"", "linear"});
  tensor_of(negative, "bn1.running_var").values[0] = -1.0F;
  CHECK(refused(negative).message != "accepted");
}

TEST_CASE("architecture recognition looks at names only") {
  const auto names_of = [](const StateDict& weights) {
    StateDict names;
    for (const auto& entry : weights.entries) names.entries.emplace_back(entry.first, Tensor{});
    return names;
  };
  CHECK(narrow::importers::recognise(names_of(resnet_weights({3, 4, 23, 3}, true))) == "resnet101");
  CHECK(narrow::importers::recognise(names_of(resnet_weights({3, 8, 36, 3}, true))) == "resnet152");
  CHECK(narrow::importers::recognise(names_of(mobilenet_v2_weights(0.5))) == "mobilenet_v2");
  CHECK(narrow::importers::recognise({}).empty());
}
