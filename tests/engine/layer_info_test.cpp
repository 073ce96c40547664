#include <doctest/doctest.h>

#include <algorithm>

#include "narrow/model.h"
#include "tests/engine/graph_builder.h"

using narrow::LayerInfo;
using narrow::Model;
using narrow::testing::GraphBuilder;
using narrow::testing::square;

TEST_CASE("layers say shape and widths and stored bytes") {
  GraphBuilder b(2, {8, 8, 3});
  const auto first = b.float_convolution(b.input(), square(3, 2, 1), 1, 4);
  const auto second = b.convolution(b.quantize(first, 8), {3, 1, 1, 2, 1, 1, {1, 0, 1, 0}}, 2, 6, 3, 5);
  const auto third = b.max_pool(second, square(2, 2));
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
