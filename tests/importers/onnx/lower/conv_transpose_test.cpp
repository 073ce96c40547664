// Transposed convolutions, against their defining sum and against values of the specification.
#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "tests/importers/onnx/network.h"

using namespace narrow;
using namespace narrow::testing;
using narrow::onnx::Attribute;

namespace {

using Row = std::vector<double>;

struct TransposedCase {
  std::int64_t channels = 2, height = 3, width = 2, out = 3, groups = 1, kernel_h = 2, kernel_w = 3;
  OnnxDims strides{1, 1}, dilations{1, 1}, pads{0, 0, 0, 0}, more{0, 0};
};

// Every pixel of the input, times the weights, is added to the output.
Row scattered(const TransposedCase& c, const Row& x, const std::vector<float>& w, const std::vector<float>& bias) {
  const std::int64_t rows = c.strides[0] * (c.height - 1) + c.more[0] + (c.kernel_h - 1) * c.dilations[0] + 1;
  const std::int64_t columns = c.strides[1] * (c.width - 1) + c.more[1] + (c.kernel_w - 1) * c.dilations[1] + 1;
  const std::int64_t out_h = rows - c.pads[0] - c.pads[2];
  const std::int64_t out_w = columns - c.pads[1] - c.pads[3];
  const std::int64_t outs_of_group = c.out / c.groups;
  Row y;
  for (std::int64_t o = 0; o < c.out; ++o)
    y.insert(y.end(), static_cast<std::size_t>(out_h * out_w), bias[static_cast<std::size_t>(o)]);
  for (std::int64_t i = 0; i < c.channels; ++i) {
    for (std::int64_t m = 0; m < outs_of_group; ++m) {
      const std::int64_t o = i / (c.channels / c.groups) * outs_of_group + m;
      for (std::int64_t at = 0; at < c.height * c.width * c.kernel_h * c.kernel_w; ++at) {
        const std::int64_t tap = at % (c.kernel_h * c.kernel_w);
        const std::int64_t pixel = at / (c.kernel_h * c.kernel_w);
        const std::int64_t row = pixel / c.width * c.strides[0] + tap / c.kernel_w * c.dilations[0] - c.pads[0];
        const std::int64_t column = pixel % c.width * c.strides[1] + tap % c.kernel_w * c.dilations[1] - c.pads[1];
        if (row < 0 || row >= out_h || column < 0 || column >= out_w) continue;
        const auto weight = static_cast<std::size_t>((i * outs_of_group + m) * c.kernel_h * c.kernel_w + tap);
        y[static_cast<std::size_t>((o * out_h + row) * out_w + column)] +=
            x[static_cast<std::size_t>(i * c.height * c.width + pixel)] * double{w[weight]};
      }
    }
  }
  return y;
}

void check_transposed(const TransposedCase& c) {
  const std::int64_t taps = c.kernel_h * c.kernel_w;
  const auto w = small_integers(c.channels * c.out / c.groups * taps, 5);
  const auto bias = small_integers(c.out, 6);
  const auto x = as_doubles(small_integers(c.channels * c.height * c.width, 7));
  OnnxNetwork network;
  network.input("x", {1, c.channels, c.height, c.width}).output("y").constant("b", float_tensor({c.out}, bias));
  network.constant("w", float_tensor({c.channels, c.out / c.groups, c.kernel_h, c.kernel_w}, w));
  network.node("ConvTranspose", {"x", "w", "b"}, {"y"},
               {{"group", c.groups},
                {"strides", c.strides},
                {"dilations", c.dilations},
                {"pads", c.pads},
                {"output_padding", c.more}});
  CHECK(run_network(network, x, kAsItIs) == scattered(c, x, w, bias));
}

// A row 0, 1, 2 with weights of 1.
OnnxNetwork row_network(std::vector<Attribute> attributes, std::int64_t kernel = 3) {
  OnnxNetwork network;
  network.input("x", {1, 1, 1, 3}).output("y");
  network.constant("w", float_tensor({1, 1, 1, kernel}, std::vector<float>(static_cast<std::size_t>(kernel), 1)));
  network.node("ConvTranspose", {"x", "w"}, {"y"}, std::move(attributes));
  return network;
}

Row transposed_row(std::vector<Attribute> attributes, std::int64_t kernel = 3) {
  return run_network(row_network(std::move(attributes), kernel), iota(3), kAsItIs);
}

}  // namespace

TEST_CASE("a transposed convolution with one weight multiplies") { check_transposed({1, 1, 1, 1, 1, 1, 1}); }

TEST_CASE("transposed convolutions are their defining sum for every attribute") {
  check_transposed({});
  check_transposed({2, 3, 4, 2, 1, 2, 2, {2, 2}});
  check_transposed({4, 3, 2, 6, 2, 3, 3, {2, 3}, {1, 1}, {1, 0, 1, 2}});
  check_transposed({3, 4, 3, 3, 3, 4, 4, {2, 2}, {1, 1}, {1, 1, 1, 1}});
  check_transposed({1, 3, 3, 2, 1, 3, 2, {2, 1}, {2, 3}, {2, 1, 0, 1}, {1, 0}});
  check_transposed({2, 2, 2, 2, 1, 1, 1, {3, 4}, {1, 1}, {0, 0, 0, 0}, {2, 3}});  // most of the output is the bias
  check_transposed({2, 5, 4, 2, 1, 5, 5, {2, 3}, {1, 1}, {7, 4, 2, 3}});          // pixels of the input do not count
}

TEST_CASE("a transposed convolution of rows [N, C, L] is that of an image with one row") {
  OnnxNetwork network;
  network.input("x", {1, 1, 3}).output("y").constant("w", float_tensor({1, 2, 2}, {1, 10, 2, 20}));
  network.node("ConvTranspose", {"x", "w"}, {"y"}, {{"strides", OnnxDims{2}}, {"kernel_shape", OnnxDims{2}}});
  CHECK(run_network(network, iota(3, 1), kAsItIs) == Row{1, 10, 2, 20, 3, 30, 2, 20, 4, 40, 6, 60});
}

TEST_CASE("auto_pad and output_shape of a transposed convolution are those of the specification") {
  const Attribute stride{"strides", OnnxDims{1, 2}};
  CHECK(transposed_row({stride}) == Row{0, 0, 1, 1, 3, 2, 2});
  CHECK(transposed_row({stride, {"auto_pad", std::string("SAME_UPPER")}}) == Row{0, 0, 1, 1, 3, 2});
  CHECK(transposed_row({stride, {"auto_pad", std::string("SAME_LOWER")}}) == Row{0, 1, 1, 3, 2, 2});
  CHECK(transposed_row({stride, {"auto_pad", std::string("VALID")}}) == Row{0, 0, 1, 1, 3, 2, 2});
  CHECK(transposed_row({stride, {"output_shape", OnnxDims{1, 5}}}) == Row{0, 1, 1, 3, 2});
  CHECK(transposed_row({stride, {"output_shape", OnnxDims{1, 1, 1, 8}}}) == Row{0, 0, 1, 1, 3, 2, 2, 0});
  CHECK(transposed_row({stride, {"output_padding", OnnxDims{0, 1}}}) == Row{0, 0, 1, 1, 3, 2, 2, 0});
}

TEST_CASE("a transposed convolution is a layer and movement, which are integers after quantizing") {
  CHECK(ops_of(row_network({})) == "Convolution Reshape");
  OnnxNetwork network;
  network.input("x", {1, 2, 4, 4}).output("y");
  network.constant("w", float_tensor({2, 3, 2, 2}, std::vector<float>(24, 1)));
  network.node("ConvTranspose", {"x", "w"}, {"c"}, {{"strides", OnnxDims{2, 2}}})
      .node("GlobalAveragePool", {"c"}, {"y"});
  const graph::Graph graph = lower_network(network);
  CHECK(std::get<graph::Convolution>(node_with<graph::Convolution>(graph).op).out_channels == 12);
  CHECK_FALSE(contains(ops_of(graph), "Slice"));  // nothing is computed that is not wanted
}

TEST_CASE("the integers of quantized weights stay with the layer, with one scale or one per output") {
  const std::vector<std::int8_t> integers{1, -2, 3, -4, 5, 6, -7, 8, 127, -128, 0, 9, 11, -12, 13, 14, 15, 16};
  for (const bool per_output : {false, true}) {
    CAPTURE(per_output);
    const std::vector<float> scales = per_output ? std::vector<float>{0.5F, 2.0F, 0.25F} : std::vector<float>{0.5F};
    const std::vector<std::int8_t> zeros =
        per_output ? std::vector<std::int8_t>{0, 3, -1} : std::vector<std::int8_t>{2};
    const auto count = static_cast<std::int64_t>(scales.size());
    const OnnxDims of_scales = per_output ? OnnxDims{count} : OnnxDims{};
    OnnxNetwork network;
    network.input("x", {1, 2, 2, 2}).output("y").constant("w", int8_tensor({2, 3, 1, 3}, integers));
    network.constant("s", float_tensor(of_scales, scales)).constant("z", int8_tensor(of_scales, zeros));
    network.node("DequantizeLinear", {"w", "s", "z"}, {"real"}, {{"axis", std::int64_t{1}}});
    network.node("ConvTranspose", {"x", "real"}, {"y"}, {{"strides", OnnxDims{1, 2}}});
    std::vector<float> real;
    for (std::size_t i = 0; i < integers.size(); ++i) {
      const std::size_t at = per_output ? i / 3 % 3 : 0;
      real.push_back(scales[at] * static_cast<float>(integers[i] - zeros[at]));
    }
    TransposedCase c{2, 2, 2, 3, 1, 1, 3};
    c.strides = {1, 2};
    const Row x = iota(8, 1);
    CHECK(run_network(network, x, kAsItIs) == scattered(c, x, real, {0, 0, 0}));
    const graph::Graph graph = lower_network(network, kAsItIs);
    const graph::Filter& filter = std::get<graph::Convolution>(node_with<graph::Convolution>(graph).op).filter;
    REQUIRE(filter.pre_quantized);
    REQUIRE(filter.pre_quantized->scales.size() == 6);  // two remainders of each output
    for (std::size_t o = 0; o < 6; ++o) CHECK(filter.pre_quantized->scales[o] == scales[per_output ? o / 2 : 0]);
  }
}

TEST_CASE("transposed convolutions that do not fit or cost too much are refused") {
  const auto error = [](std::vector<Attribute> attributes, std::int64_t kernel = 3) {
    return lowering_error(row_network(std::move(attributes), kernel), kAsItIs);
  };
  CHECK(contains(error({{"group", std::int64_t{2}}}).message, "do not fit"));
  CHECK(contains(error({{"group", std::int64_t{0}}}).message, "do not fit"));
  CHECK(contains(error({{"kernel_shape", OnnxDims{1, 2}}}).message, "kernel_shape"));
  CHECK(contains(error({{"pads", OnnxDims{0, 3, 0, 2}}}).message, "cuts off the whole output"));
  CHECK(contains(error({{"output_padding", OnnxDims{1}}}).message, "output_padding has 1 numbers"));
  CHECK(contains(error({{"output_padding", OnnxDims{0, -1}}}).message, "output_padding holds -1"));
  CHECK(contains(error({{"output_shape", OnnxDims{0, 65537}}}).message, "output_shape holds 65537"));
  // 65536 remainders of 1 weight each are one tensor; of both sides they would be 2^32.
  CHECK(error({{"strides", OnnxDims{65536, 65536}}}).code == ErrorCode::kLimit);
  CHECK(error({{"strides", OnnxDims{1, 65536}}}).code == ErrorCode::kLimit);
  CHECK(error({{"dilations", OnnxDims{1, 65536}}}).code == ErrorCode::kLimit);
  OnnxNetwork bias = row_network({});
  bias.constant("b", float_tensor({2}, {1, 1}));
  bias.model.nodes[0].inputs.emplace_back("b");
  CHECK(contains(lowering_error(bias, kAsItIs).message, "2 biases for 1 channels"));
  OnnxNetwork computed;
  computed.input("x", {1, 1, 2, 2}).output("y").node("ConvTranspose", {"x", "x"}, {"y"});
  CHECK(contains(lowering_error(computed, kAsItIs).message, "must be a constant"));
}
