// Conv, Gemm and MatMul: against their defining sums, from NCHW data.
#include <doctest/doctest.h>

#include "tests/importers/onnx/network.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace narrow::testing;
using narrow::onnx::Attribute;

namespace {

struct ConvCase {
  std::int64_t channels = 2, height = 5, width = 4, outs = 3, groups = 1, kernel_h = 3, kernel_w = 2;
  OnnxDims strides{1, 1}, dilations{1, 1}, pads{0, 0, 0, 0};
};

// The definition, on [C, H, W] and [OC, IC, KH, KW].
std::vector<double> convolved(const ConvCase& c, const std::vector<double>& x, const std::vector<float>& w,
                              const std::vector<float>& bias) {
  const std::int64_t out_h =
      (c.height + c.pads[0] + c.pads[2] - (c.kernel_h - 1) * c.dilations[0] - 1) / c.strides[0] + 1;
  const std::int64_t out_w =
      (c.width + c.pads[1] + c.pads[3] - (c.kernel_w - 1) * c.dilations[1] - 1) / c.strides[1] + 1;
  const std::int64_t in = c.channels / c.groups;
  std::vector<double> y;
  for (std::int64_t o = 0; o < c.outs; ++o) {
    for (std::int64_t row = 0; row < out_h; ++row) {
      for (std::int64_t column = 0; column < out_w; ++column) {
        double sum = double{bias[static_cast<std::size_t>(o)]};
        for (std::int64_t i = 0; i < in; ++i) {
          for (std::int64_t kh = 0; kh < c.kernel_h; ++kh) {
            for (std::int64_t kw = 0; kw < c.kernel_w; ++kw) {
              const std::int64_t h = row * c.strides[0] + kh * c.dilations[0] - c.pads[0];
              const std::int64_t v = column * c.strides[1] + kw * c.dilations[1] - c.pads[1];
              if (h < 0 || h >= c.height || v < 0 || v >= c.width) continue;
              const std::int64_t channel = o / (c.outs / c.groups) * in + i;
              sum += x[static_cast<std::size_t>((channel * c.height + h) * c.width + v)] *
                     double{w[static_cast<std::size_t>(((o * in + i) * c.kernel_h + kh) * c.kernel_w + kw)]};
            }
          }
        }
        y.push_back(sum);
      }
    }
  }
  return y;
}

OnnxNetwork conv_network(const ConvCase& c, const std::vector<float>& w, const std::vector<float>& bias,
                         std::vector<Attribute> attributes = {}) {
  OnnxNetwork network;
  network.input("x", {1, c.channels, c.height, c.width}).output("y");
  network.constant("w", float_tensor({c.outs, c.channels / c.groups, c.kernel_h, c.kernel_w}, w));
  network.constant("b", float_tensor({c.outs}, bias));
  attributes.insert(attributes.end(), {{"group", c.groups}, {"strides", c.strides}, {"dilations", c.dilations}});
  network.node("Conv", {"x", "w", "b"}, {"y"}, attributes);
  return network;
}

void check_conv(const ConvCase& c) {
  const auto w = small_integers(c.outs * c.channels / c.groups * c.kernel_h * c.kernel_w, seed());
  const auto bias = small_integers(c.outs, seed() + 1);
  const auto x = as_doubles(small_integers(c.channels * c.height * c.width, seed() + 2));
  const OnnxNetwork network = conv_network(c, w, bias, {{"pads", c.pads}});
  CHECK(run_network(network, x, kAsItIs) == convolved(c, x, w, bias));
}

}  // namespace

TEST_CASE("a convolution with one weight multiplies") { check_conv({1, 1, 1, 1, 1, 1, 1}); }

TEST_CASE("convolutions are their defining sum for every attribute") {
  check_conv({});
  check_conv({4, 5, 4, 6, 2});
  check_conv({4, 5, 4, 4, 4, 3, 3, {1, 1}, {1, 1}, {1, 1, 1, 1}});
  check_conv({2, 7, 6, 3, 1, 3, 2, {2, 3}, {1, 1}, {1, 0, 2, 1}});
  check_conv({2, 7, 6, 3, 1, 2, 3, {1, 2}, {3, 2}, {0, 1, 1, 2}});
}

TEST_CASE("a convolution of rows [N, C, L] is that of an image with one row") {
  struct Case {
    std::int64_t groups, stride, dilation;
    OnnxDims pads;
  };
  for (const Case& c : {Case{1, 1, 1, {0, 0}}, Case{2, 2, 1, {1, 2}}, Case{4, 1, 3, {3, 0}}, Case{1, 3, 2, {0, 4}}}) {
    ConvCase image{4, 1, 11, 4, c.groups, 1, 3};
    image.strides = {1, c.stride};
    image.dilations = {1, c.dilation};
    image.pads = {0, c.pads[0], 0, c.pads[1]};
    const auto w = small_integers(4 * 4 / c.groups * 3, seed());
    const auto bias = small_integers(4, seed() + 1);
    const auto x = as_doubles(small_integers(4 * 11, seed() + 2));
    OnnxNetwork network;
    network.input("x", {1, 4, 11}).output("y").constant("w", float_tensor({4, 4 / c.groups, 3}, w));
    network.constant("b", float_tensor({4}, bias));
    network.node("Conv", {"x", "w", "b"}, {"y"},
                 {{"group", c.groups},
                  {"strides", OnnxDims{c.stride}},
                  {"dilations", OnnxDims{c.dilation}},
                  {"pads", c.pads},
                  {"kernel_shape", OnnxDims{3}}});
    CHECK(run_network(network, x, kAsItIs) == convolved(image, x, w, bias));
  }
}

TEST_CASE("efficient channel attention convolves along the channels of a pooled image") {
  OnnxNetwork network;
  network.input("x", {1, 4, 2, 2}).output("y").constant("k", float_tensor({1, 1, 3}, {1, 10, 100}));
  network.constant("last", int64_vector({-1})).node("GlobalAveragePool", {"x"}, {"g"});
  network.node("Squeeze", {"g", "last"}, {"a"}).node("Transpose", {"a"}, {"b"}, {{"perm", OnnxDims{0, 2, 1}}});
  network.node("Conv", {"b", "k"}, {"c"}, {{"pads", OnnxDims{1, 1}}, {"kernel_shape", OnnxDims{3}}});
  network.node("Transpose", {"c"}, {"d"}, {{"perm", OnnxDims{0, 2, 1}}}).node("Unsqueeze", {"d", "last"}, {"e"});
  network.node("Mul", {"x", "e"}, {"f"}).node("GlobalAveragePool", {"f"}, {"y"});
  std::vector<double> x;
  for (const double mean : {1.0, 2.0, 3.0, 4.0}) x.insert(x.end(), {mean - 1, mean, mean, mean + 1});
  CHECK(run_network(network, x, kAsItIs) == std::vector<double>{210, 2 * 321, 3 * 432, 4 * 43});
}

TEST_CASE("auto_pad puts the odd pixel where its name says") {
  for (const char* mode : {"SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"}) {
    ConvCase c{2, 5, 4, 3, 1, 2, 4, {2, 1}};
    const auto w = small_integers(3 * 2 * 2 * 4, seed());
    const auto bias = small_integers(3, seed());
    const auto x = as_doubles(small_integers(2 * 5 * 4, seed()));
    const OnnxNetwork network = conv_network(c, w, bias, {{"auto_pad", std::string(mode)}});
    // Height: 3 windows of 2 at stride 2 need 6 rows; width: 4 windows of 4 need 7 columns.
    if (mode == std::string("SAME_UPPER")) c.pads = {0, 1, 1, 2};
    if (mode == std::string("SAME_LOWER")) c.pads = {1, 2, 0, 1};
    CAPTURE(mode);
    CHECK(run_network(network, x, kAsItIs) == convolved(c, x, w, bias));
  }
}

TEST_CASE("an image network reads height and width and channels") {
  const auto w = small_integers(3 * 2 * 9, seed());
  ConvCase c{2, 4, 4, 3, 1, 3, 3};
  const OnnxNetwork network = conv_network(c, w, {1, 2, 3}, {{"auto_pad", std::string("SAME_UPPER")}});
  CHECK(ops_of(network) == "Convolution");
  CHECK(lower_network(network).values[0].shape == TensorShape{4, 4, 2});
}

TEST_CASE("a linear layer after Flatten permutes its columns and not the data") {
  OnnxNetwork network;
  network.input("x", {1, 2, 3, 2}).output("y");
  const auto w = small_integers(5 * 12, seed());
  network.constant("w", float_tensor({5, 12}, w));
  network.node("Flatten", {"x"}, {"f"}).node("Gemm", {"f", "w"}, {"y"}, {{"transB", std::int64_t{1}}});
  CHECK(ops_of(network) == "Linear");
  const auto x = as_doubles(small_integers(12, seed()));  // [C, H, W]
  std::vector<double> image;                              // [H, W, C]
  for (const std::size_t pixel : {0, 1, 2, 3, 4, 5}) image.insert(image.end(), {x[pixel], x[6 + pixel]});
  std::vector<double> expected(5, 0.0);
  for (std::size_t i = 0; i < 60; ++i) expected[i / 12] += double{w[i]} * x[i % 12];
  CHECK(run_network(network, image) == expected);
}

TEST_CASE("Gemm is alpha A B plus beta C with any of them transposed") {
  const auto a = small_integers(6, seed());
  const auto b = small_integers(12, seed() + 1);
  for (const bool transpose_a : {false, true}) {
    for (const bool transpose_b : {false, true}) {
      for (const OnnxDims& c_dims : {OnnxDims{}, {1}, {4}, {1, 4}, {2, 1}, {2, 4}}) {
        CAPTURE(transpose_a);
        CAPTURE(transpose_b);
        CAPTURE(c_dims.size());
        std::int64_t count = 1;
        for (const std::int64_t dim : c_dims) count *= dim;
        const auto c = small_integers(count, seed() + 2);
        OnnxNetwork network;
        network.input("a", transpose_a ? OnnxDims{3, 2} : OnnxDims{2, 3}).output("y");
        network.constant("b", float_tensor(transpose_b ? OnnxDims{4, 3} : OnnxDims{3, 4}, b));
        network.constant("c", float_tensor(c_dims, c));
        network.node("Gemm", {"a", "b", "c"}, {"y"},
                     {{"alpha", 0.5F},
                      {"beta", 2.0F},
                      {"transA", std::int64_t{transpose_a}},
                      {"transB", std::int64_t{transpose_b}}});
        std::vector<double> expected;
        const std::int64_t c_rows = c_dims.size() == 2 ? c_dims[0] : 1;
        const std::int64_t c_columns = c_dims.empty() ? 1 : c_dims.back();
        for (std::size_t row = 0; row < 2; ++row) {
          for (std::size_t column = 0; column < 4; ++column) {
            double sum = 0;
            for (std::size_t k = 0; k < 3; ++k) {
              sum += double{a[transpose_a ? k * 2 + row : row * 3 + k]} *
                     double{b[transpose_b ? column * 3 + k : k * 4 + column]};
            }
            const std::size_t at =
                (c_rows == 1 ? 0 : row) * static_cast<std::size_t>(c_columns) + (c_columns == 1 ? 0 : column);
            expected.push_back(0.5 * sum + 2 * double{c[at]});
          }
        }
        CHECK(run_network(network, as_doubles(a), kAsItIs) == expected);
      }
    }
  }
}

TEST_CASE("MatMul takes a constant on either side and a batch of them on the right") {
  const auto x = small_integers(24, seed());  // [2, 3, 4]
  const auto m = small_integers(40, seed() + 1);
  const auto product = [&](std::size_t batch_step) {
    std::vector<double> expected;
    for (std::size_t b = 0; b < 2; ++b) {
      for (std::size_t row = 0; row < 3; ++row) {
        for (std::size_t column = 0; column < 5; ++column) {
          double sum = 0;
          for (std::size_t k = 0; k < 4; ++k) {
            sum += double{x[(b * 3 + row) * 4 + k]} * double{m[b * batch_step + k * 5 + column]};
          }
          expected.push_back(sum);
        }
      }
    }
    return expected;
  };
  OnnxNetwork right;
  right.input("x", {2, 3, 4}).output("y").constant("m", float_tensor({4, 5}, {m.begin(), m.begin() + 20}));
  right.node("MatMul", {"x", "m"}, {"y"});
  CHECK(ops_of(right, kAsItIs) == "Convolution");
  CHECK(run_network(right, as_doubles(x), kAsItIs) == product(0));
  OnnxNetwork batched;
  batched.input("x", {2, 3, 4}).output("y").constant("m", float_tensor({2, 4, 5}, m));
  batched.node("MatMul", {"x", "m"}, {"y"});
  CHECK(run_network(batched, as_doubles(x), kAsItIs) == product(20));
  // The transpose of a product is the product of the transposes, the other way round.
  OnnxNetwork left;
  left.input("x", {2, 3, 4}).output("y").constant("m", float_tensor({4, 5}, {m.begin(), m.begin() + 20}));
  left.node("Transpose", {"m"}, {"mt"}, {{"perm", OnnxDims{1, 0}}});
  left.node("Transpose", {"x"}, {"xt"}, {{"perm", OnnxDims{0, 2, 1}}});
  left.node("MatMul", {"mt", "xt"}, {"yt"}).node("Transpose", {"yt"}, {"y"}, {{"perm", OnnxDims{0, 2, 1}}});
  CHECK(run_network(left, as_doubles(x), kAsItIs) == product(0));
  OnnxNetwork vector;
  vector.input("x", {2, 3, 4}).output("y").constant("m", float_tensor({4}, {1, 0, 0, 2}));
  vector.node("MatMul", {"x", "m"}, {"y"});
  CHECK(run_network(vector, iota(24), kAsItIs) == std::vector<double>{6, 18, 30, 42, 54, 66});
}

TEST_CASE("layers that do not fit are refused with the node's name") {
  const auto conv = [](const OnnxDims& x, const OnnxDims& w, const std::vector<Attribute>& attributes = {}) {
    std::int64_t count = 1;
    for (const std::int64_t dim : w) count *= dim;
    OnnxNetwork network;
    network.input("x", x).output("y");
    network.constant("w", float_tensor(w, std::vector<float>(static_cast<std::size_t>(count), 1.0F)));
    network.node("Conv", {"x", "w"}, {"y"}, attributes);
    Error error = lowering_error(network, kAsItIs);
    CHECK(contains(error.message, "Conv 'n0'"));
    return error;
  };
  CHECK(conv({1, 2, 9}, {3, 2, 3, 3}).code == ErrorCode::kUnsupported);
  CHECK(contains(conv({1, 2, 9}, {3, 2, 3, 3}).message, "not those of a 1-D convolution"));
  CHECK(contains(conv({1, 2, 9, 9}, {3, 2, 3}).message, "not those of a 2-D convolution"));
  CHECK(contains(conv({1, 2, 9, 9, 9}, {3, 2, 3, 3, 3}).message, "5 dimensions"));
  CHECK(contains(conv({1, 2, 9, 9}, {3, 1, 3, 3}).message, "do not fit"));
  CHECK(contains(conv({1, 2, 9, 9}, {3, 1, 3, 3}, {{"group", std::int64_t{2}}}).message, "do not fit"));
  CHECK(contains(conv({1, 2, 9, 9}, {3, 2, 3, 3}, {{"group", std::int64_t{0}}}).message, "0 groups"));
  CHECK(contains(conv({1, 2, 9, 9}, {3, 2, 3, 3}, {{"kernel_shape", OnnxDims{3, 2}}}).message, "kernel_shape"));
  CHECK(contains(conv({1, 2, 9, 9}, {3, 2, 3, 3}, {{"strides", OnnxDims{0, 1}}}).message, "strides"));
  CHECK(contains(conv({1, 2, 9, 9}, {3, 2, 3, 3}, {{"strides", OnnxDims{1}}}).message, "strides"));
  CHECK(contains(conv({1, 2, 9, 9}, {3, 2, 3, 3}, {{"pads", OnnxDims{0, 0, 0, -1}}}).message, "pads"));
  CHECK(contains(conv({1, 2, 9, 9}, {3, 2, 3, 3}, {{"dilations", OnnxDims{70000, 1}}}).message, "dilations"));
  CHECK(contains(conv({1, 2, 9, 9}, {3, 2, 3, 3}, {{"auto_pad", std::string("SAME")}}).message, "auto_pad"));
  CHECK(contains(conv({1, 2, 2, 2}, {3, 2, 3, 3}).message, "does not fit"));
  CHECK(contains(conv({2, 2, 9, 9}, {3, 2, 3, 3}).message, "batch of 2"));
  CHECK(contains(conv({1, 2, 9, 9}, {0, 2, 3, 3}).message, "do not fit"));
}

TEST_CASE("products of two computed tensors are refused") {
  OnnxNetwork network;
  network.input("x", {4, 4}).node("MatMul", {"x", "x"}, {"y"}).output("y");
  CHECK(contains(lowering_error(network, kAsItIs).message, "both sides are computed"));
}
