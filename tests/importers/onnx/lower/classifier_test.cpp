// The ends of classifiers: images that are no [N, C, H, W], several outputs, and outputs that are no scores.
#include <doctest/doctest.h>

#include <optional>

#include "tests/importers/onnx/network.h"

using namespace narrow;
using namespace narrow::testing;
using narrow::onnx::Attribute;
using narrow::onnx::ElementType;
using narrow::onnx::LowerOptions;

namespace {

LowerOptions classifier(std::vector<int> input_shape = {}, std::string output = {}) {
  LowerOptions options;
  options.classifier = true;
  options.input_shape = std::move(input_shape);
  options.output = std::move(output);
  return options;
}

OnnxNetwork relu(const OnnxDims& dims) {
  OnnxNetwork network;
  network.input("x", dims).output("y").node("Relu", {"x"}, {"y"});
  return network;
}

std::string notes_of(const OnnxNetwork& network, const LowerOptions& options) {
  std::string text;
  for (const std::string& note : lower_model(network.model, options).value().notes) text += note + "\n";
  return text;
}

TensorShape input_shape(const OnnxNetwork& network, const LowerOptions& options) {
  const graph::Graph graph = lower_network(network, options);
  return graph.value(graph.input).shape;
}

}  // namespace

TEST_CASE("a vector of pixels becomes an image, and the log says so") {
  CHECK(input_shape(relu({-1, 784}), classifier()) == TensorShape{28, 28, 1});
  CHECK(contains(notes_of(relu({-1, 784}), classifier()), "is a gray image of 28x28 pixels; --input-shape"));
  CHECK(input_shape(relu({1, 784}), classifier({14, 56})) == TensorShape{14, 56, 1});
  CHECK(notes_of(relu({1, 784}), classifier({14, 56})).empty());
  CHECK(lowering_error(relu({1, 784}), classifier({14, 57})).code == ErrorCode::kInvalidArgument);
  // Planes: red, green and blue of pixel (row, column) are a plane apart.
  const std::vector<double> image = iota(75);
  const std::vector<double> scores = run_network(relu({1, 75}), image, classifier());
  for (std::size_t i = 0; i < 75; ++i) CHECK(scores[i] == image[i % 25 * 3 + i / 25]);
  CHECK(run_network(relu({1, 75}), image, classifier({5, 5, 3})) == image);
}

TEST_CASE("images of four dimensions are what they were") {
  CHECK(input_shape(relu({1, 3, 1, 7}), classifier({}, "y")) == TensorShape{1, 7, 3});
  CHECK(input_shape(relu({1, 1, 28, 28}), classifier({}, "y")) == TensorShape{28, 28, 1});
  CHECK(input_shape(relu({1, 4, 5, 7}), classifier({}, "y")) == TensorShape{5, 7, 4});
}

TEST_CASE("scores keep the file's order, and maps are no scores unless asked for") {
  const std::vector<double> expected{0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11};
  CHECK(run_network(relu({1, 3, 2, 2}), iota(12), classifier({}, "y")) == expected);
  const Error refused = lowering_error(relu({1, 3, 2, 2}), classifier());
  CHECK(refused.code == ErrorCode::kUnsupported);
  CHECK(contains(refused.message, "[1, 3, 2, 2]"));
  CHECK(contains(refused.message, "--output-name y"));
  OnnxNetwork pooled = relu({1, 3, 2, 2});
  pooled.output("p").node("GlobalAveragePool", {"y"}, {"p"});
  pooled.model.outputs.erase(pooled.model.outputs.begin());
  CHECK(run_network(pooled, iota(12), classifier()) == std::vector<double>{4.5, 5.5, 6.5});
}

TEST_CASE("of several outputs the one that looks like scores is taken") {
  struct Case {
    std::vector<std::string> outputs;  // 'a' is computed from 'x', 'b' from 'a', 'c' from 'x'
    std::string chosen;
  };
  const std::vector<Case> cases = {
      {{"a", "b"}, "b"},  // features, then what is made of them
      {{"b", "a"}, "b"},
      {{"a", "c"}, "a"},            // equal: the first
      {{"c", "scores"}, "scores"},  // by name
      {{"features", "c"}, "c"},
      {{"aux_logits", "c"}, "aux_logits"},
      {{"class_labels", "c"}, "c"},  // integers
      {{"prob_map", "c"}, "c"},      // maps
      {{"age_score", "c"}, "c"},     // one number, whatever its name
      {{"loss", "c"}, "c"},          // a scalar
      {{"c", "entropy"}, "c"},       // a number for each image
      {{"b", "of_b"}, "b"},          // what a number is computed from
      {{"gate", "cls"}, "cls"},
  };
  for (const Case& c : cases) {
    OnnxNetwork network;
    network.input("x", {1, 3, 4, 4}).node("GlobalAveragePool", {"x"}, {"p"}).node("Flatten", {"p"}, {"f"});
    network.node("Relu", {"f"}, {"a"})
        .node("Neg", {"a"}, {"b"})
        .node("Neg", {"f"}, {"c"})
        .node("Tanh", {"f"}, {"scores"});
    network.node("Sigmoid", {"f"}, {"features"})
        .node("HardSwish", {"f"}, {"aux_logits"})
        .node("Elu", {"f"}, {"class_labels"});
    network.node("Relu", {"x"}, {"prob_map"});
    network.node("ReduceMean", {"f"}, {"age_score"}).node("Sigmoid", {"f"}, {"gate"}).node("Neg", {"f"}, {"cls"});
    for (const auto& [from, to] : {std::pair{"f", "loss"}, {"f", "entropy"}, {"b", "of_b"}}) {
      network.node("ReduceMean", {from}, {to}, {{"keepdims", std::int64_t{0}}});
    }
    for (const std::string& name : c.outputs) network.output(name);
    for (narrow::onnx::Port& port : network.model.outputs) {
      if (port.name == "class_labels") port.type = ElementType::kInt64;
      port.dims = port.name == "prob_map"    ? OnnxDims{1, 3, 4, 4}
                  : port.name == "age_score" ? OnnxDims{1, 1}
                  : port.name == "loss"      ? OnnxDims{}
                  : port.name == "entropy"   ? OnnxDims{-1}
                  : port.name == "of_b"      ? OnnxDims{1}
                                             : OnnxDims{1, 3};
    }
    const std::string notes = notes_of(network, classifier());
    CHECK(contains(notes, "the scores are the output '" + c.chosen + "'; ignored: "));
    CHECK_FALSE(contains(notes, "ignored: '" + c.chosen + "'"));
    CHECK(notes_of(network, classifier({}, "a")).empty());
    CHECK(ops_of(network, classifier({}, "f")) == "GlobalAveragePool");
  }
  const Error unknown = lowering_error(relu({1, 3, 1, 1}), classifier({}, "z"));
  CHECK(unknown.code == ErrorCode::kNotFound);
  CHECK(contains(unknown.message, "outputs are 'y'"));
}

TEST_CASE("what picks the best class at the end is left out") {
  for (const char* op : {"ArgMax", "TopK", "Hardmax"}) {
    OnnxNetwork network;
    network.input("x", {1, 3, 1, 1}).output("y").constant("k", int64_vector({1}));
    network.node("Flatten", {"x"}, {"f"}).node("Neg", {"f"}, {"scores"});
    network.node(op, {"scores", "k"}, {"best"}).node("Identity", {"best"}, {"y"});
    CHECK(run_network(network, {1, 2, 3}, classifier()) == std::vector<double>{-1, -2, -3});
    CHECK(contains(notes_of(network, classifier()), std::string("ends in ") + op));
    CHECK(contains(notes_of(network, classifier()), "'scores'"));
  }
}

TEST_CASE("what picks the class of the smallest number is left out and the numbers change their sign") {
  struct Case {
    const char* op;
    std::vector<Attribute> attributes;
    bool smallest;
  };
  for (const Case& c : std::vector<Case>{
           {"ArgMin", {{"axis", std::int64_t{1}}}, true},
           {"TopK", {{"largest", std::int64_t{0}}}, true},
           {"TopK", {{"largest", std::int64_t{1}}}, false},
           {"ArgMax", {{"largest", std::int64_t{0}}}, false},
       }) {
    CAPTURE(c.op);
    OnnxNetwork network;
    network.input("x", {1, 3, 1, 1}).output("y").constant("k", int64_vector({1}));
    network.node("Flatten", {"x"}, {"f"}).node("Abs", {"f"}, {"distances"});
    network.node(c.op, {"distances", "k"}, {"best"}, c.attributes).node("Identity", {"best"}, {"y"});
    const double sign = c.smallest ? -1 : 1;
    CHECK(run_network(network, {1, -2, 3}, classifier()) == std::vector<double>{sign, 2 * sign, 3 * sign});
    CHECK(contains(notes_of(network, classifier()), "because the smallest is best") == c.smallest);
  }
}

TEST_CASE("what names scores or compares them with a threshold at the end is left out") {
  for (const bool names : {true, false}) {
    OnnxNetwork network;
    network.input("x", {1, 3, 1, 1}).output("y").constant("k", float_tensor({}, {0.5F}));
    network.node("Flatten", {"x"}, {"f"}).node("Sigmoid", {"f"}, {"scores"});
    if (names) {
      network.node("ai.onnx.ml.ZipMap", {"scores"}, {"y"});
    } else {
      network.node("Greater", {"scores", "k"}, {"above"}).node("Cast", {"above"}, {"y"}, {{"to", std::int64_t{6}}});
    }
    CHECK(run_network(network, {0, 0, 0}, classifier()) == std::vector<double>{0.5, 0.5, 0.5});
    CHECK(contains(notes_of(network, classifier()), names ? "names the scores" : "picks classes"));
  }
}

TEST_CASE("scores that are rounded to integers at the end are taken before that") {
  OnnxNetwork network;
  network.input("x", {1, 3, 1, 1}).output("y").constant("k", float_tensor({}, {100}));
  network.node("Flatten", {"x"}, {"f"}).node("Mul", {"f", "k"}, {"scores"});
  network.node("Cast", {"scores"}, {"y"}, {{"to", std::int64_t{6}}});
  CHECK(run_network(network, {0.5, 0.125, 0.25}, classifier()) == std::vector<double>{50, 12.5, 25});
  CHECK(contains(notes_of(network, classifier()), "Cast 'n2', which rounds the scores"));
  // Real numbers again: the rounding is part of the network.
  network.output("z").node("Cast", {"y"}, {"r"}, {{"to", std::int64_t{1}}}).node("Flatten", {"r"}, {"z"});
  network.model.outputs.erase(network.model.outputs.begin());
  CHECK(run_network(network, {0.5, 0.125, 0.25}, classifier()) == std::vector<double>{50, 12, 25});
}

TEST_CASE("an output that depends on no input is not taken for scores") {
  OnnxNetwork network;
  network.input("x", {1, 3, 1, 1}).output("logits").output("y").constant("k", float_tensor({1, 3}, {1, 2, 3}));
  network.node("Identity", {"k"}, {"logits"}).node("Flatten", {"x"}, {"y"});
  CHECK(run_network(network, {4, 5, 6}, classifier()) == std::vector<double>{4, 5, 6});
}

TEST_CASE("dimensions of which the file says nothing are ordered as the network reads them") {
  // Pixel by pixel: the network brings them into the order of ONNX's operators first.
  const auto read_by = [](std::optional<OnnxDims> dims, bool transposes) {
    OnnxNetwork network;
    network.input("x", {1, 3, 2, 2}).output("y").constant("k", float_tensor({}, {1}));
    network.model.inputs[0].dims = std::move(dims);
    network.node("Mul", {"x", "k"}, {"m"});
    if (transposes) {
      network.node("Transpose", {"m"}, {"t"}, {{"perm", OnnxDims{0, 3, 1, 2}}});
    } else {
      network.node("Identity", {"m"}, {"t"});
    }
    network.constant("w", float_tensor({2, 3, 1, 1}, {1, 0, 0, 0, 0, 1})).node("Conv", {"t", "w"}, {"c"});
    network.node("GlobalAveragePool", {"c"}, {"y"});
    return network;
  };
  LowerOptions sized = classifier();
  sized.input_height = 1;
  sized.input_width = 2;
  const std::vector<double> pixels{1, 2, 3, 5, 6, 7};
  const std::vector<double> red_and_blue{3, 5};
  for (const auto& dims : {std::optional<OnnxDims>(), std::optional<OnnxDims>({-1, -1, -1, -1})}) {
    CHECK(run_network(read_by(dims, true), pixels, sized) == red_and_blue);
    CHECK(run_network(read_by(dims, true), pixels, classifier({1, 2, 3})) == red_and_blue);
    CHECK(run_network(read_by(dims, false), pixels, sized) == red_and_blue);
    CHECK(run_network(read_by(dims, false), pixels, classifier({1, 2, 3})) == red_and_blue);
  }
}

TEST_CASE("images of more than four dimensions lose those of 1, and others are refused with the next step") {
  CHECK(input_shape(relu({1, 1, 3, 5, 7}), classifier({}, "y")) == TensorShape{5, 7, 3});
  CHECK(input_shape(relu({-1, 5, 7, 3, 1}), classifier({}, "y")) == TensorShape{5, 7, 3});
  CHECK(input_shape(relu({1, 1, 1, 28, 28}), classifier({}, "y")) == TensorShape{28, 28, 1});
  for (const OnnxDims& dims : {OnnxDims{1, 3, 8, 24, 24}, OnnxDims{-1, -1, -1, -1, -1}, OnnxDims{1, 2, 3, 4, 5, 6}}) {
    const Error error = lowering_error(relu(dims), classifier({}, "y"));
    CHECK(error.code == ErrorCode::kUnsupported);
    CHECK_MESSAGE(contains(error.message, "export the network for one image"), error.message);
    CHECK_FALSE(contains(error.message, "--input-shape"));
  }
}

TEST_CASE("a vector is the image that the network makes of it") {
  struct Case {
    OnnxDims input, target;
    TensorShape image;
    bool channels_first;
  };
  const std::vector<Case> cases = {
      {{-1, 75}, {-1, 5, 5, 3}, {5, 5, 3}, false},  // pixel by pixel, where planes are more likely
      {{-1, 75}, {0, 3, 5, 5}, {5, 5, 3}, true},
      {{-1, 30}, {-1, 3, 2, 5}, {2, 5, 3}, true},  // no square
      {{-1, 30}, {1, 2, -1, 3}, {2, 5, 3}, false},
      {{-1, 784}, {-1, 14, 56, 1}, {14, 56, 1}, false},  // another gray image of as many pixels
      {{36}, {1, 1, 4, 9}, {4, 9, 1}, true},
      {{-1, 75}, {-1, 25, 3, 1}, {25, 3, 1}, false},
      {{-1, 75}, {-1, 5, 15, 1}, {5, 15, 1}, false},
      {{-1, 75}, {5, 1, 5, 3}, {5, 5, 3}, true},  // rows as a batch: makes no image, so planes
  };
  for (const Case& c : cases) {
    OnnxNetwork network;
    network.input("x", c.input).output("y").constant("shape", int64_vector(c.target));
    network.constant("k", float_tensor({}, {2})).node("Mul", {"x", "k"}, {"m"});
    network.node("Reshape", {"m", "shape"}, {"r"}).node("Flatten", {"r"}, {"y"}, {{"axis", std::int64_t{0}}});
    CHECK_MESSAGE(input_shape(network, classifier()) == c.image, c.target[1]);
    CHECK(contains(notes_of(network, classifier()), "--input-shape decides otherwise"));
    const auto elems = static_cast<std::size_t>(c.image.elems());
    const std::vector<double> image = iota(static_cast<std::int64_t>(elems));
    const std::vector<double> scores = run_network(network, image, classifier());
    const auto channels = static_cast<std::size_t>(c.image.channels);
    const std::size_t pixels = elems / channels;
    for (std::size_t i = 0; i < elems; ++i) {
      CHECK(scores[i] == 2 * image[c.channels_first ? i % pixels * channels + i / pixels : i]);
    }
  }
}

TEST_CASE("outputs of which the file does not say the shape are maps or scores by what computes them") {
  struct Case {
    const char* name;
    std::vector<std::vector<std::string>> nodes;  // operator, input, output
    bool maps;
  };
  const std::vector<Case> cases = {
      {"of a convolution", {{"Sigmoid", "c", "other"}}, true},
      {"of a pool", {{"MaxPool", "c", "p"}, {"Softmax", "p", "other"}}, true},
      {"a mean over pixels", {{"GlobalAveragePool", "c", "other"}}, false},
      {"a convolution of a mean", {{"GlobalAveragePool", "c", "p"}, {"Conv", "p", "other"}}, false},
      {"flattened", {{"Flatten", "c", "other"}}, false},
  };
  for (const Case& c : cases) {
    for (const bool is_open : {false, true}) {
      OnnxNetwork network;
      network.input("x", {1, 3, 4, 4}).output("other").output("last");
      network.constant("w", float_tensor({3, 3, 1, 1}, {1, 0, 0, 0, 1, 0, 0, 0, 1}));
      network.node("Conv", {"x", "w"}, {"c"});
      for (const std::vector<std::string>& node : c.nodes) {
        std::vector<std::string> inputs{node[1]};
        std::vector<Attribute> attributes;
        if (node[0] == "Conv") inputs.push_back("w");
        if (node[0] == "MaxPool") attributes.push_back({"kernel_shape", OnnxDims{2, 2}});
        network.node(node[0], inputs, {node[2]}, attributes);
      }
      network.node("ReduceMean", {"c"}, {"last"}, {{"axes", OnnxDims{2, 3}}, {"keepdims", std::int64_t{0}}});
      network.model.outputs[0].dims.reset();
      if (is_open) network.model.outputs[0].dims = OnnxDims{1, 3, -1, -1};
      network.model.outputs[1].dims.reset();
      const std::string chosen = c.maps ? "last" : "other";
      CHECK_MESSAGE(contains(notes_of(network, classifier()), "the scores are the output '" + chosen + "'"), c.name);
    }
  }
}

TEST_CASE("what stands for the best class at the end is left out") {
  const auto network_of = [] {
    OnnxNetwork network;
    network.input("x", {1, 3, 1, 1}).constant("names", int64_vector({7, 8, 9}));
    network.constant("depth", int64_vector({3})).constant("values", float_tensor({2}, {0, 1}));
    network.node("Flatten", {"x"}, {"f"}).node("Neg", {"f"}, {"scores"});
    network.node("ArgMax", {"scores"}, {"best"}, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}});
    return network;
  };
  const std::vector<double> expected{-1, -2, -3};
  OnnxNetwork looked_up = network_of();
  looked_up.output("y").node("Gather", {"names", "best"}, {"y"});
  CHECK(run_network(looked_up, {1, 2, 3}, classifier()) == expected);
  OnnxNetwork one_hot = network_of();
  one_hot.output("y").node("OneHot", {"best", "depth", "values"}, {"y"});
  CHECK(run_network(one_hot, {1, 2, 3}, classifier()) == expected);
  OnnxNetwork with_score = network_of();
  with_score.node("ReduceMax", {"scores"}, {"y"}, {{"axes", OnnxDims{1}}, {"keepdims", std::int64_t{0}}});
  with_score.output("y").output("best");
  with_score.model.outputs[1].type = ElementType::kInt64;
  CHECK(run_network(with_score, {1, 2, 3}, classifier()) == expected);
  CHECK(contains(notes_of(with_score, classifier()), "ends in ReduceMax"));
  // The largest of three without a class: one number.
  with_score.model.outputs.pop_back();
  CHECK(run_network(with_score, {1, 2, 3}, classifier()) == std::vector<double>{-1});
  OnnxNetwork rounded = network_of();
  rounded.output("y").node("Sigmoid", {"scores"}, {"s"}).node("Round", {"s"}, {"y"});
  CHECK(ops_of(rounded, classifier()).find("Function Function") == std::string::npos);
  CHECK(contains(notes_of(rounded, classifier()), "rounds the scores"));
  // Rows of a constant by index are no classes.
  OnnxNetwork rows = network_of();
  rows.output("y")
      .constant("order", int64_vector({2, 0}))
      .node("Gather", {"scores", "order"}, {"y"}, {{"axis", std::int64_t{1}}});
  CHECK(run_network(rows, {1, 2, 3}, classifier()) == std::vector<double>{-3, -1});
}
