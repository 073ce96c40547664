// What the first operators of a network say about the range of its pixels: 0..255, 0..1, or nothing.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/importers/onnx/network.h"

using namespace narrow;
using namespace narrow::testing;
using narrow::onnx::Attribute;
using narrow::onnx::ElementType;
using narrow::onnx::LowerOptions;
using narrow::onnx::PixelRange;

namespace {

LowerOptions scores_y() {
  LowerOptions options;
  options.classifier = true;
  options.output = "y";
  return options;
}

PixelRange range_of(const OnnxNetwork& network) { return lower_model(network.model, scores_y()).value().pixel_range; }

}  // namespace

TEST_CASE("a network that normalises bytes itself is given bytes") {
  OnnxNetwork bytes;
  bytes.input("x", {1, 4, 4, 3}, ElementType::kUint8).output("y").node("Cast", {"x"}, {"y"}, {{"to", std::int64_t{1}}});
  CHECK(range_of(bytes) == PixelRange::kBytes);
  const std::vector<std::string> notes = lower_model(bytes.model, scores_y()).value().notes;
  CHECK(std::any_of(notes.begin(), notes.end(), [](const std::string& note) { return contains(note, "0..255"); }));
  CHECK(ops_of(bytes, scores_y()) == "Reshape");
  bytes.model.inputs[0].type = ElementType::kInt8;
  CHECK(range_of(bytes) == PixelRange::kSignedBytes);

  const auto first = [&](const char* op, float value) {
    OnnxNetwork network;
    network.input("x", {1, 4, 4, 3}).output("y").constant("c", float_tensor({1}, {value}));
    network.node("Transpose", {"x"}, {"t"}, {{"perm", std::vector<std::int64_t>{0, 3, 1, 2}}});
    network.node(op, {"t", "c"}, {"y"});
    return range_of(network);
  };
  CHECK(first("Div", 255) == PixelRange::kBytes);
  CHECK(first("Div", 127.5F) == PixelRange::kBytes);
  CHECK(first("Mul", 1.0F / 255) == PixelRange::kBytes);
  CHECK(first("Sub", 127.5F) == PixelRange::kBytes);
  CHECK(first("Add", -103.9F) == PixelRange::kBytes);
  CHECK(first("Div", 0.229F) == PixelRange::kNotSpecified);
  CHECK(first("Sub", 0.485F) == PixelRange::kNotSpecified);
  CHECK(first("Mul", 2) == PixelRange::kNotSpecified);
  // The mean of each pixel: it may be 0 in a corner.
  for (const bool bytes_mean : {false, true}) {
    OnnxNetwork network;
    std::vector<float> mean(48, bytes_mean ? 100.0F : 0.5F);
    mean[0] = 0;
    network.input("x", {1, 3, 4, 4}).output("y").constant("c", float_tensor({1, 3, 4, 4}, mean));
    network.node("Sub", {"x", "c"}, {"y"});
    CHECK((range_of(network) == PixelRange::kBytes) == bytes_mean);
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
    CHECK_MESSAGE(range_of(network) == PixelRange::kBytes, move.op);
  }
}

TEST_CASE("a first convolution that only normalises bytes is told from a layer") {
  struct Case {
    const char* what;
    OnnxDims dims;
    std::vector<float> weights, bias;
    std::vector<Attribute> attributes;
    PixelRange range;
  };
  const float div = 1.0F / 255;
  const std::vector<float> imagenet = {1 / 58.395F, 1 / 57.12F, 1 / 57.375F};
  const std::vector<float> imagenet_bias = {-123.675F / 58.395F, -116.28F / 57.12F, -103.53F / 57.375F};
  const std::vector<Attribute> depthwise = {{"group", std::int64_t{3}}};
  const std::vector<Case> cases = {
      {"1 / 255", {3, 1, 1, 1}, {div, div, div}, {}, depthwise, PixelRange::kBytes},
      {"1 / 127.5 - 1", {3, 1, 1, 1}, {2 * div, 2 * div, 2 * div}, {-1, -1, -1}, depthwise, PixelRange::kBytes},
      {"mean and std of ImageNet", {3, 1, 1, 1}, imagenet, imagenet_bias, depthwise, PixelRange::kBytes},
      {"the same, dense",
       {3, 3, 1, 1},
       {imagenet[0], 0, 0, 0, imagenet[1], 0, 0, 0, imagenet[2]},
       imagenet_bias,
       {},
       PixelRange::kBytes},
      {"red and blue change places", {3, 3, 1, 1}, {0, 0, div, 0, div, 0, div, 0, 0}, {}, {}, PixelRange::kBytes},
      {"a mean of bytes alone", {3, 1, 1, 1}, {1, 1, 1}, {-104, -117, -123}, depthwise, PixelRange::kBytes},
      {"mean and std of pixels in 0..1",
       {3, 1, 1, 1},
       {4.4F, 4.5F, 4.4F},
       {-2.1F, -2, -1.8F},
       depthwise,
       PixelRange::kUnit},
      {"a mean of pixels in 0..1",
       {3, 1, 1, 1},
       {1, 1, 1},
       {-0.5F, -0.5F, -0.5F},
       depthwise,
       PixelRange::kNotSpecified},
      {"a bias that no mean of bytes gives",
       {3, 1, 1, 1},
       {div, div, div},
       {1, 1, 1},
       depthwise,
       PixelRange::kNotSpecified},
      {"a mean above all bytes", {3, 1, 1, 1}, {div, div, div}, {-1, -1, -2}, depthwise, PixelRange::kNotSpecified},
      {"a negative weight", {3, 1, 1, 1}, {div, -div, div}, {}, depthwise, PixelRange::kNotSpecified},
      {"a dead channel", {3, 1, 1, 1}, {div, 0, div}, {}, depthwise, PixelRange::kNotSpecified},
      {"colours that are mixed", {3, 3, 1, 1}, {div, div, 0, 0, div, 0, 0, 0, div}, {}, {}, PixelRange::kNotSpecified},
      {"one colour twice", {3, 3, 1, 1}, {div, 0, 0, div, 0, 0, 0, 0, div}, {}, {}, PixelRange::kNotSpecified},
      {"steps of two pixels",
       {3, 1, 1, 1},
       {div, div, div},
       {},
       {{"group", std::int64_t{3}}, {"strides", std::vector<std::int64_t>{2, 2}}},
       PixelRange::kNotSpecified},
      {"padding",
       {3, 1, 1, 1},
       {div, div, div},
       {},
       {{"group", std::int64_t{3}}, {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}},
       PixelRange::kNotSpecified},
      {"six outputs", {6, 1, 1, 1}, {div, div, div, div, div, div}, {}, depthwise, PixelRange::kNotSpecified},
      {"a window", {3, 1, 1, 2}, {div, 0, div, 0, div, 0}, {}, depthwise, PixelRange::kNotSpecified},
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
    CHECK_MESSAGE(range_of(network) == c.range, c.what);
  }
}

TEST_CASE("a first BatchNormalization that only normalises bytes is told from a layer") {
  struct Case {
    const char* what;
    std::vector<float> scale, shift, mean, variance;
    PixelRange range;
  };
  const float div = 1.0F / 255;
  for (const Case& c : std::vector<Case>{
           {"a mean of bytes", {1, 1, 1}, {0, 0, 0}, {124, 116, 104}, {3400, 3260, 3290}, PixelRange::kBytes},
           {"1 / 255 as a scale", {div, div, div}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}, PixelRange::kBytes},
           {"1 / 127.5 - 1", {2 * div, 2 * div, 2 * div}, {-1, -1, -1}, {0, 0, 0}, {1, 1, 1}, PixelRange::kBytes},
           {"1 / 255 as a variance", {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {65025, 65025, 65025}, PixelRange::kBytes},
           {"pixels in 0..1", {1, 1, 1}, {0, 0, 0}, {0.49F, 0.46F, 0.41F}, {0.05F, 0.05F, 0.05F}, PixelRange::kUnit},
           {"a layer that was trained on 0..1",
            {-2, 3, 0.1F},
            {7, 0, 1},
            {0.49F, 0.46F, 0.41F},
            {0.05F, 0.05F, 0.05F},
            PixelRange::kUnit},
           {"a layer that was trained on normalised pixels",
            {4, 5, 4},
            {0, 1, 0},
            {-0.03F, 0.01F, 0.04F},
            {1.02F, 1.01F, 0.97F},
            PixelRange::kNotSpecified},
           {"1 / std as a scale",
            {4.37F, 4.46F, 4.44F},
            {-2.12F, -2.04F, -1.80F},
            {0, 0, 0},
            {1, 1, 1},
            PixelRange::kUnit},
           {"a negative variance", {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {-1, -1, -1}, PixelRange::kNotSpecified},
           {"nothing", {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}, PixelRange::kNotSpecified},
       }) {
    OnnxNetwork network;
    network.input("x", {1, 3, 4, 4}).output("y");
    network.constant("s", float_tensor({3}, c.scale)).constant("b", float_tensor({3}, c.shift));
    network.constant("m", float_tensor({3}, c.mean)).constant("v", float_tensor({3}, c.variance));
    network.node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y"});
    const auto lowered = lower_model(network.model, scores_y());
    CHECK_MESSAGE((lowered.ok() ? lowered->pixel_range : PixelRange::kNotSpecified) == c.range, c.what);
  }
}

TEST_CASE("a network that normalises pixels in 0..1 itself is given these, and not normalised ones") {
  struct Case {
    const char* what;
    const char* first;
    std::vector<float> with;
    const char* second;
    std::vector<float> and_with;
    PixelRange range;
  };
  const std::vector<float> mean = {0.485F, 0.456F, 0.406F};
  const std::vector<float> std = {0.229F, 0.224F, 0.225F};
  const std::vector<float> byte_mean = {123.675F, 116.28F, 103.53F};
  const std::vector<float> byte_std = {58.395F, 57.12F, 57.375F};
  for (const Case& c : std::vector<Case>{
           {"ImageNet's mean and std", "Sub", mean, "Div", std, PixelRange::kUnit},
           {"a sum and a product", "Add", {-0.485F, -0.456F, -0.406F}, "Mul", {4.37F, 4.46F, 4.44F}, PixelRange::kUnit},
           {"the std first", "Div", std, "Sub", {2.118F, 2.036F, 1.804F}, PixelRange::kUnit},
           {"one number for all colours", "Sub", {0.5F}, "Div", {0.5F}, PixelRange::kUnit},
           {"2 x - 1", "Mul", {2}, "Add", {-1}, PixelRange::kUnit},
           {"the same of bytes", "Sub", byte_mean, "Div", byte_std, PixelRange::kBytes},
           {"the std of bytes first", "Div", byte_std, "Sub", {2.118F, 2.036F, 1.804F}, PixelRange::kBytes},
           {"normalised pixels normalised in another way",
            "Mul",
            {0.458F, 0.448F, 0.45F},
            "Add",
            {-0.03F, -0.088F, -0.188F},
            PixelRange::kNotSpecified},
           {"a mean without std", "Sub", mean, "Mul", {1}, PixelRange::kNotSpecified},
           {"a std without mean", "Div", std, "Add", {0}, PixelRange::kNotSpecified},
           {"a mean of pixels in -1..1",
            "Sub",
            {-0.03F, -0.09F, -0.19F},
            "Div",
            {0.458F, 0.448F, 0.45F},
            PixelRange::kNotSpecified},
           {"a std that images do not have", "Sub", mean, "Div", {1, 1, 1}, PixelRange::kNotSpecified},
           {"a division by 0", "Sub", mean, "Div", {0.229F, 0, 0.225F}, PixelRange::kNotSpecified},
       }) {
    const auto numbers = [](const std::vector<float>& values) {
      return values.size() == 1 ? float_tensor({1}, values) : float_tensor({1, 3, 1, 1}, values);
    };
    OnnxNetwork network;
    network.input("x", {1, 3, 4, 4}).output("y").constant("a", numbers(c.with)).constant("b", numbers(c.and_with));
    network.node(c.first, {"x", "a"}, {"s"}).node(c.second, {"s", "b"}, {"t"}).node("Flatten", {"t"}, {"y"});
    const auto lowered = lower_model(network.model, scores_y());
    CHECK_MESSAGE((lowered.ok() ? lowered->pixel_range : PixelRange::kNotSpecified) == c.range, c.what);
  }
}

TEST_CASE("an operator that the scores do not depend on says nothing about the pixels") {
  OnnxNetwork network;
  network.input("x", {1, 3, 4, 4}).output("y").constant("c", float_tensor({1}, {255}));
  network.node("Div", {"x", "c"}, {"unused"}).node("Flatten", {"x"}, {"y"});
  CHECK(range_of(network) == PixelRange::kNotSpecified);
}

TEST_CASE("the range of a first Clip is that of the pixels, if it is one of pixels") {
  struct Case {
    float lowest, highest;
    PixelRange range;
  };
  for (const Case& c :
       {Case{0, 255, PixelRange::kBytes}, Case{0, 1, PixelRange::kUnit}, Case{0, 6, PixelRange::kNotSpecified},
        Case{-1, 1, PixelRange::kNotSpecified}, Case{-255, 255, PixelRange::kNotSpecified}}) {
    CAPTURE(c.highest);
    OnnxNetwork network;
    network.input("x", {1, 3, 4, 4}).output("y").constant("lo", float_tensor({}, {c.lowest}));
    network.constant("hi", float_tensor({}, {c.highest})).node("Clip", {"x", "lo", "hi"}, {"c"});
    network.node("Flatten", {"c"}, {"y"});
    CHECK(range_of(network) == c.range);
    OnnxNetwork old(6);  // bounds were attributes
    old.input("x", {1, 3, 4, 4}).output("y").node("Clip", {"x"}, {"c"}, {{"min", c.lowest}, {"max", c.highest}});
    old.node("Flatten", {"c"}, {"y"});
    CHECK(range_of(old) == c.range);
  }
  OnnxNetwork open;
  open.input("x", {1, 3, 4, 4}).output("y").constant("hi", float_tensor({}, {255}));
  open.node("Clip", {"x", "", "hi"}, {"c"}).node("Flatten", {"c"}, {"y"});
  CHECK(range_of(open) == PixelRange::kNotSpecified);
}

TEST_CASE("the range of a quantized input is that of the pixels, if it is one of pixels") {
  struct Case {
    const char* what;
    float scale;
    int zero_point;
    bool is_signed;
    PixelRange range;
  };
  const float div = 1.0F / 255;
  for (const Case& c : {Case{"bytes", 1, 0, false, PixelRange::kBytes},
                        Case{"signed integers from the lowest", 1, -128, true, PixelRange::kBytes},
                        Case{"0..1", div, 0, false, PixelRange::kUnit},
                        Case{"0..1 of signed integers", div, -128, true, PixelRange::kUnit},
                        Case{"steps of 1 / 256", 1.0F / 256, 0, false, PixelRange::kUnit},
                        Case{"the brightest of some images", 0.98F * div, 0, false, PixelRange::kUnit},
                        Case{"normalised pixels", 0.0187F, 114, false, PixelRange::kNotSpecified},
                        Case{"-1..1", 2 * div, 128, false, PixelRange::kNotSpecified},
                        Case{"-128..127", 1, 0, true, PixelRange::kNotSpecified},
                        Case{"0..6", 6 * div, 0, false, PixelRange::kNotSpecified}}) {
    const auto zero = c.is_signed ? int8_tensor({}, {static_cast<std::int8_t>(c.zero_point)})
                                  : uint8_tensor({}, {static_cast<std::uint8_t>(c.zero_point)});
    OnnxNetwork integers;
    integers.input("x", {1, 3, 4, 4}, c.is_signed ? ElementType::kInt8 : ElementType::kUint8).output("y");
    integers.constant("s", float_tensor({}, {c.scale})).constant("z", zero);
    integers.node("DequantizeLinear", {"x", "s", "z"}, {"d"}).node("Flatten", {"d"}, {"y"});
    CHECK_MESSAGE(range_of(integers) == c.range, c.what);
    OnnxNetwork real;
    real.input("x", {1, 3, 4, 4}).output("y").constant("s", float_tensor({}, {c.scale})).constant("z", zero);
    real.node("QuantizeLinear", {"x", "s", "z"}, {"q"}).node("DequantizeLinear", {"q", "s", "z"}, {"d"});
    real.node("Flatten", {"d"}, {"y"});
    CHECK_MESSAGE(range_of(real) == c.range, c.what);
    const std::vector<std::string> notes = lower_model(real.model, scores_y()).value().notes;
    CHECK(std::any_of(notes.begin(), notes.end(), [](const std::string& note) {
            return contains(note, "its first QuantizeLinear");
          }) == (c.range != PixelRange::kNotSpecified));
  }
}
