// Networks that take pixels as 0..255 are told from those that take 0..1.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/importers/onnx/network.h"

using namespace narrow;
using namespace narrow::testing;
using narrow::onnx::Attribute;
using narrow::onnx::ElementType;
using narrow::onnx::InputNumbers;
using narrow::onnx::LowerOptions;

namespace {

LowerOptions scores_y() {
  LowerOptions options;
  options.classifier = true;
  options.output = "y";
  return options;
}

InputNumbers numbers_of(const OnnxNetwork& network) {
  return lower_model(network.model, scores_y()).value().input_numbers;
}

}  // namespace

TEST_CASE("a network that normalises bytes itself is given bytes") {
  OnnxNetwork bytes;
  bytes.input("x", {1, 4, 4, 3}, ElementType::kUint8).output("y").node("Cast", {"x"}, {"y"}, {{"to", std::int64_t{1}}});
  CHECK(numbers_of(bytes) == InputNumbers::kBytes);
  const std::vector<std::string> notes = lower_model(bytes.model, scores_y()).value().notes;
  CHECK(std::any_of(notes.begin(), notes.end(), [](const std::string& note) { return contains(note, "0..255"); }));
  CHECK(ops_of(bytes, scores_y()) == "Reshape");
  bytes.model.inputs[0].type = ElementType::kInt8;
  CHECK(numbers_of(bytes) == InputNumbers::kSignedBytes);

  const auto first = [&](const char* op, float value) {
    OnnxNetwork network;
    network.input("x", {1, 4, 4, 3}).output("y").constant("c", float_tensor({1}, {value}));
    network.node("Transpose", {"x"}, {"t"}, {{"perm", std::vector<std::int64_t>{0, 3, 1, 2}}});
    network.node(op, {"t", "c"}, {"y"});
    return numbers_of(network);
  };
  CHECK(first("Div", 255) == InputNumbers::kBytes);
  CHECK(first("Div", 127.5F) == InputNumbers::kBytes);
  CHECK(first("Mul", 1.0F / 255) == InputNumbers::kBytes);
  CHECK(first("Sub", 127.5F) == InputNumbers::kBytes);
  CHECK(first("Add", -103.9F) == InputNumbers::kBytes);
  CHECK(first("Div", 0.229F) == InputNumbers::kNotSpecified);
  CHECK(first("Sub", 0.485F) == InputNumbers::kNotSpecified);
  CHECK(first("Mul", 2) == InputNumbers::kNotSpecified);
  // The mean of each pixel: it may be 0 in a corner.
  for (const bool bytes_mean : {false, true}) {
    OnnxNetwork network;
    std::vector<float> mean(48, bytes_mean ? 100.0F : 0.5F);
    mean[0] = 0;
    network.input("x", {1, 3, 4, 4}).output("y").constant("c", float_tensor({1, 3, 4, 4}, mean));
    network.node("Sub", {"x", "c"}, {"y"});
    CHECK((numbers_of(network) == InputNumbers::kBytes) == bytes_mean);
  }
  // A sum or product may have the constant first, and pixels may be moved before it: here red and blue change places.
  struct Moved {
    const char* op;
    std::vector<std::string> inputs;
    std::vector<Attribute> attributes;
  };
  const std::vector<Moved> moves = {
      {"Gather", {"x", "back"}, {{"axis", std::int64_t{1}}}},
      {"Slice", {"x", "start", "end", "axis", "step"}, {}},
      {"Transpose", {"x"}, {{"perm", std::vector<std::int64_t>{0, 1, 3, 2}}}},
      {"Unsqueeze", {"x", "axis"}, {}},
      {"Concat", {"x"}, {{"axis", std::int64_t{1}}}},
  };
  for (const Moved& move : moves) {
    OnnxNetwork network;
    network.input("x", {1, 3, 4, 4}).output("y").constant("c", float_tensor({1}, {-110}));
    network.constant("back", int64_vector({2, 1, 0})).constant("start", int64_vector({-1}));
    network.constant("end", int64_vector({-4}))
        .constant("axis", int64_vector({1}))
        .constant("step", int64_vector({-1}));
    network.node(move.op, move.inputs, {"m"}, move.attributes).node("Add", {"c", "m"}, {"s"});
    network.node("Flatten", {"s"}, {"y"});
    CHECK_MESSAGE(numbers_of(network) == InputNumbers::kBytes, move.op);
  }
}

TEST_CASE("a first convolution that only normalises bytes is told from a layer") {
  struct Case {
    const char* what;
    OnnxDims dims;
    std::vector<float> weights, bias;
    std::vector<Attribute> attributes;
    bool bytes;
  };
  const float div = 1.0F / 255;
  const std::vector<float> imagenet = {1 / 58.395F, 1 / 57.12F, 1 / 57.375F};
  const std::vector<float> imagenet_bias = {-123.675F / 58.395F, -116.28F / 57.12F, -103.53F / 57.375F};
  const std::vector<Attribute> depthwise = {{"group", std::int64_t{3}}};
  const std::vector<Case> cases = {
      {"1 / 255", {3, 1, 1, 1}, {div, div, div}, {}, depthwise, true},
      {"1 / 127.5 - 1", {3, 1, 1, 1}, {2 * div, 2 * div, 2 * div}, {-1, -1, -1}, depthwise, true},
      {"mean and std of ImageNet", {3, 1, 1, 1}, imagenet, imagenet_bias, depthwise, true},
      {"the same, dense",
       {3, 3, 1, 1},
       {imagenet[0], 0, 0, 0, imagenet[1], 0, 0, 0, imagenet[2]},
       imagenet_bias,
       {},
       true},
      {"red and blue change places", {3, 3, 1, 1}, {0, 0, div, 0, div, 0, div, 0, 0}, {}, {}, true},
      {"a mean of bytes alone", {3, 1, 1, 1}, {1, 1, 1}, {-104, -117, -123}, depthwise, true},
      {"std of pixels in 0..1", {3, 1, 1, 1}, {4.4F, 4.5F, 4.4F}, {-2.1F, -2, -1.8F}, depthwise, false},
      {"a mean of pixels in 0..1", {3, 1, 1, 1}, {1, 1, 1}, {-0.5F, -0.5F, -0.5F}, depthwise, false},
      {"a bias that no mean of bytes gives", {3, 1, 1, 1}, {div, div, div}, {1, 1, 1}, depthwise, false},
      {"a mean above all bytes", {3, 1, 1, 1}, {div, div, div}, {-1, -1, -2}, depthwise, false},
      {"a negative weight", {3, 1, 1, 1}, {div, -div, div}, {}, depthwise, false},
      {"a dead channel", {3, 1, 1, 1}, {div, 0, div}, {}, depthwise, false},
      {"colours that are mixed", {3, 3, 1, 1}, {div, div, 0, 0, div, 0, 0, 0, div}, {}, {}, false},
      {"one colour twice", {3, 3, 1, 1}, {div, 0, 0, div, 0, 0, 0, 0, div}, {}, {}, false},
      {"steps of two pixels",
       {3, 1, 1, 1},
       {div, div, div},
       {},
       {{"group", std::int64_t{3}}, {"strides", std::vector<std::int64_t>{2, 2}}},
       false},
      {"padding",
       {3, 1, 1, 1},
       {div, div, div},
       {},
       {{"group", std::int64_t{3}}, {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}},
       false},
      {"six outputs", {6, 1, 1, 1}, {div, div, div, div, div, div}, {}, depthwise, false},
      {"a window", {3, 1, 1, 2}, {div, 0, div, 0, div, 0}, {}, depthwise, false},
  };
  for (const Case& c : cases) {
    OnnxNetwork network;
    network.input("x", {1, 3, 4, 4}).output("y").constant("w", float_tensor(c.dims, c.weights));
    std::vector<std::string> inputs = {"x", "w"};
    if (!c.bias.empty()) {
      network.constant("b", float_tensor({3}, c.bias));
      inputs.push_back("b");
    }
    network.node("Conv", inputs, {"y"}, c.attributes);
    CHECK_MESSAGE((numbers_of(network) == InputNumbers::kBytes) == c.bytes, c.what);
  }
}

TEST_CASE("a first BatchNormalization that only normalises bytes is told from a layer") {
  struct Case {
    const char* what;
    std::vector<float> scale, shift, mean, variance;
    bool bytes;
  };
  const float div = 1.0F / 255;
  for (const Case& c : std::vector<Case>{
           {"a mean of bytes", {1, 1, 1}, {0, 0, 0}, {124, 116, 104}, {3400, 3260, 3290}, true},
           {"1 / 255 as a scale", {div, div, div}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}, true},
           {"1 / 127.5 - 1", {2 * div, 2 * div, 2 * div}, {-1, -1, -1}, {0, 0, 0}, {1, 1, 1}, true},
           {"1 / 255 as a variance", {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {65025, 65025, 65025}, true},
           {"pixels in 0..1", {1, 1, 1}, {0, 0, 0}, {0.49F, 0.46F, 0.41F}, {0.05F, 0.05F, 0.05F}, false},
           {"a negative variance", {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {-1, -1, -1}, false},
           {"nothing", {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}, false},
       }) {
    OnnxNetwork network;
    network.input("x", {1, 3, 4, 4}).output("y");
    network.constant("s", float_tensor({3}, c.scale)).constant("b", float_tensor({3}, c.shift));
    network.constant("m", float_tensor({3}, c.mean)).constant("v", float_tensor({3}, c.variance));
    network.node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y"});
    const auto lowered = lower_model(network.model, scores_y());
    CHECK_MESSAGE((lowered.ok() && lowered->input_numbers == InputNumbers::kBytes) == c.bytes, c.what);
  }
}
