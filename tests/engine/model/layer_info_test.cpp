#include <doctest/doctest.h>

#include <algorithm>

#include "narrow/inspect.h"
#include "narrow/model.h"
#include "tests/engine/integer_graph_builder.h"

using narrow::LayerInfo;
using narrow::Model;
using narrow::testing::IntegerGraphBuilder;
using narrow::testing::window;

TEST_CASE("layers report shape and bits and stored bytes") {
  IntegerGraphBuilder b(2, {8, 8, 3});
  const auto first = b.float_convolution(b.input(), window(3, 2, 1), 1, 4);
  const auto second = b.convolution(b.quantize(first, 8), {3, 1, 1, 2, 1, 1, {1, 0, 1, 0}}, 2, 6, 3, 5);
  const auto third = b.max_pool(second, window(2, 2));
  const auto fourth = b.linear_scores(third, 10, 8);
  const Model model = narrow::testing::to_model(b.finish(fourth));
  const std::vector<LayerInfo> layers = model.layers();
  REQUIRE(layers.size() == 5);

  CHECK(layers[0].op == "Convolution");
  CHECK(layers[0].detail == "3x3 s2 p1 g1");
  CHECK(layers[0].output == narrow::TensorShape{4, 4, 4});
  CHECK(layers[0].weight_bits == 32);
  CHECK(layers[0].activation_bits == 32);
  CHECK(layers[0].weight_bytes == 4 * 3 * 3 * 3 * sizeof(float));
  CHECK(layers[0].macs == 4 * 4 * 4 * 27);

  CHECK(layers[1].op == "Quantize");
  CHECK(layers[1].weight_bits == 0);
  CHECK(layers[1].activation_bits == 8);
  CHECK(layers[1].weight_bytes == 0);

  CHECK(layers[2].detail == "3x1 s1x2 p1,0,1,0 g2");
  CHECK(layers[2].weight_bits == 3);
  CHECK(layers[2].activation_bits == 5);
  CHECK(layers[2].weight_bytes == (6 * 3 * 2 * 3 + 7) / 8);
  const auto& quantization = layers[2].quantization;
  CHECK(layers[2].clamp_lo == quantization.scale * static_cast<float>(-quantization.zero_point));
  CHECK(layers[2].clamp_hi == quantization.scale * static_cast<float>(31 - quantization.zero_point));
  CHECK(layers[2].weight_scale_min > 0);
  CHECK(layers[2].weight_scale_max >= layers[2].weight_scale_min);

  CHECK(layers[3].detail == "2x2 s2 p0");
  CHECK(layers[4].op == "Linear");
  CHECK(layers[4].detail == "12 -> 10");
  CHECK(layers[4].activation_bits == 32);
  CHECK(model.classes() == 10);
}

TEST_CASE("layers without weights say what they do") {
  using Kind = narrow::graph::FunctionKind;
  const auto detail = [](const auto& append) {
    IntegerGraphBuilder b(2, {4, 6, 3});
    append(b);
    const Model model = narrow::testing::to_model(b.finish(b.softmax(b.input())));
    return model.layers()[0].detail;
  };
  CHECK(detail([](IntegerGraphBuilder& b) { b.function(b.input(), Kind::kSigmoid); }) == "Sigmoid");
  CHECK(detail([](IntegerGraphBuilder& b) { b.function(b.input(), Kind::kSilu); }) == "Silu");
  CHECK(detail([](IntegerGraphBuilder& b) { b.function(b.input(), Kind::kTanh); }) == "Tanh");
  CHECK(detail([](IntegerGraphBuilder& b) { b.function(b.input(), Kind::kPRelu); }) == "PRelu");
  CHECK(detail([](IntegerGraphBuilder& b) { b.function(b.input(), Kind::kElu); }).find("Elu 0.") == 0);
  CHECK(detail([](IntegerGraphBuilder& b) { b.function(b.input(), Kind::kLeakyRelu); }).find("LeakyRelu 0.") == 0);
  const std::string swish = detail([](IntegerGraphBuilder& b) { b.function(b.input(), Kind::kHardSwish); });
  CHECK(swish.find("HardSwish 0.") == 0);
  CHECK(swish.find(" 0.5") == swish.size() - 4);
  CHECK(detail([](IntegerGraphBuilder& b) { b.function(b.input(), Kind::kHardSigmoid); }).find("HardSigmoid 0.") == 0);
  CHECK(detail([](IntegerGraphBuilder& b) { b.add(b.input(), b.input()); }).empty());
  CHECK(detail([](IntegerGraphBuilder& b) { b.pad(b.input(), {1, 1, 1, 1}); }) == "p1");
  CHECK(detail([](IntegerGraphBuilder& b) { b.pad(b.input(), {1, 2, 0, 3}); }) == "p1,2,0,3");
  CHECK(detail([](IntegerGraphBuilder& b) { b.slice(b.input(), {1, 0, 2}, {2, 6, 1}); }) == "from 1x0x2");
  CHECK(detail([](IntegerGraphBuilder& b) { b.transpose(b.input(), {2, 0, 1}); }) == "2,0,1");
  CHECK(detail([](IntegerGraphBuilder& b) { b.lrn(b.input(), {7, 1.0F, 0.75F, 1.0F}); }) == "size 7");
  CHECK(detail([](IntegerGraphBuilder& b) { b.layer_norm(b.input(), 0.25F); }) == "epsilon 0.25");
  CHECK(detail([](IntegerGraphBuilder& b) { b.reshape(b.input(), {6, 4, 3}); }).empty());

  IntegerGraphBuilder b(2, {4, 6, 3});
  const auto scale = b.global_average_pool(b.input());
  const Model model = narrow::testing::to_model(b.finish(b.flatten(b.multiply(b.input(), scale))));
  CHECK(model.layers()[1].detail == "4x6x3, 1x1x3");
}
