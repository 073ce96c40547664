// Shape inference: window arithmetic, limits, and what does not fit.
#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "graph/ir.h"
#include "graph/limits.h"
#include "tests/support/graph/random_graph.h"

using namespace narrow;
using namespace narrow::graph;
using narrow::testing::window;

namespace {

Convolution convolution(const Window& w, int out_channels = 8, int groups = 1) {
  Convolution op;
  op.window = w;
  op.out_channels = out_channels;
  op.groups = groups;
  return op;
}

void check_shape(const Op& op, const std::vector<TensorShape>& inputs, TensorShape expected) {
  const auto shape = infer_shape(op, inputs);
  REQUIRE_MESSAGE(shape.ok(), shape.error().text());
  CHECK(shape->height == expected.height);
  CHECK(shape->width == expected.width);
  CHECK(shape->channels == expected.channels);
}

void check_refused(const Op& op, const std::vector<TensorShape>& inputs, const std::string& reason,
                   ErrorCode code = ErrorCode::kMalformed) {
  const auto shape = infer_shape(op, inputs);
  REQUIRE_FALSE(shape.ok());
  INFO(shape.error().message);
  CHECK(shape.error().message.find(reason) != std::string::npos);
  CHECK(shape.error().code == code);
}

}  // namespace

TEST_CASE("windows that do not fit evenly round down") {
  check_shape(convolution(window(3, 2, 1)), {{32, 31, 3}}, {16, 16, 8});
  check_shape(convolution(window(3, 2)), {{32, 31, 3}}, {15, 15, 8});
  check_shape(MaxPool{window(2, 2)}, {{5, 4, 3}}, {2, 2, 3});
  check_shape(MaxPool{window(3, 2, 1)}, {{112, 112, 64}}, {56, 56, 64});
  check_shape(MaxPool{window(1, 2)}, {{5, 4, 3}}, {3, 2, 3});
  check_shape(AveragePool{window(2, 3), false}, {{5, 4, 3}}, {2, 1, 3});
}

TEST_CASE("padding may differ on every side") {
  Window w = window(3, 2);
  w.pad = Padding{0, 0, 1, 1};  // TensorFlow's SAME on an even image
  check_shape(convolution(w), {{32, 32, 3}}, {16, 16, 8});
  w.pad = Padding{4, 0, 0, 1};
  check_shape(convolution(w), {{5, 6, 3}}, {4, 3, 8});
}

TEST_CASE("height and width have their own kernel and stride and dilation") {
  Window w;
  w.kernel_h = 3;
  w.kernel_w = 5;
  w.stride_h = 1;
  w.stride_w = 3;
  w.dilation_h = 4;
  w.dilation_w = 2;
  check_shape(convolution(w), {{9, 30, 2}}, {1, 8, 8});
  check_refused(convolution(w), {{8, 30, 2}}, "9 pixels high does not fit into an input of 8");
}

TEST_CASE("a window as large as the padded image leaves one pixel") {
  check_shape(convolution(window(7)), {{7, 7, 4}}, {1, 1, 8});
  check_refused(convolution(window(7)), {{6, 7, 4}}, "does not fit");
  check_shape(convolution(window(7, 100, 3)), {{1, 1, 4}}, {1, 1, 8});
}

TEST_CASE("groups divide both sides") {
  check_shape(convolution(window(1), 6, 3), {{2, 2, 9}}, {2, 2, 6});
  check_refused(convolution(window(1), 6, 3), {{2, 2, 8}}, "3 groups do not divide 8 input");
  check_refused(convolution(window(1), 7, 3), {{2, 2, 9}}, "7 output channels");
  check_refused(convolution(window(1), 6, 0), {{2, 2, 9}}, "groups 0");
  check_refused(convolution(window(1), 6, -3), {{2, 2, 9}}, "groups -3");
}

TEST_CASE("attributes out of range are refused") {
  for (const int bad : {0, -1, std::numeric_limits<int>::min(), 65537, std::numeric_limits<int>::max()}) {
    const TensorShape in{64, 64, 4};
    const std::string text = " " + std::to_string(bad) + " is not within";
    const ErrorCode code = bad > 0 ? ErrorCode::kLimit : ErrorCode::kMalformed;
    Window w;
    w.kernel_h = bad;
    check_refused(convolution(w), {in}, "kernel height" + text, code);
    w = {};
    w.kernel_w = bad;
    check_refused(MaxPool{w}, {in}, "kernel width" + text, code);
    w = {};
    w.stride_h = bad;
    check_refused(convolution(w), {in}, "vertical stride" + text, code);
    w = {};
    w.stride_w = bad;
    check_refused(AveragePool{w, false}, {in}, "horizontal stride" + text, code);
    w = {};
    w.dilation_h = bad;
    check_refused(convolution(w), {in}, "vertical dilation" + text, code);
    w = {};
    w.dilation_w = bad;
    check_refused(convolution(w), {in}, "horizontal dilation" + text, code);
    check_refused(convolution(window(1), bad), {in}, "out_channels" + text, code);
    check_refused(Linear{bad, {}}, {in}, "out_features" + text, code);
    if (bad == 0) continue;
    for (int Padding::*side : {&Padding::top, &Padding::left, &Padding::bottom, &Padding::right}) {
      w = {};
      w.pad.*side = bad;
      check_refused(convolution(w), {in}, "padding" + text, code);
    }
    check_refused(PadChannels{bad, 0}, {in}, "channels before" + text, code);
    check_refused(PadChannels{0, bad}, {in}, "channels after" + text, code);
  }
}

TEST_CASE("shapes beyond the limits are refused before they overflow") {
  check_refused(Identity{}, {{0, 1, 1}}, "below 1");
  check_refused(Identity{}, {{1, -5, 1}}, "below 1");
  check_refused(Identity{}, {{1, kMaxDimension + 1, 1}}, "above 65536", ErrorCode::kLimit);
  check_refused(Identity{}, {{1, 1, kMaxChannels + 1}}, "more channels than 1048576", ErrorCode::kLimit);
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  check_refused(Identity{}, {{kHuge, kHuge, kHuge}}, "above 65536", ErrorCode::kLimit);
  check_shape(Identity{}, {{65536, 32767, 1}}, {65536, 32767, 1});
  check_refused(Identity{}, {{65536, 32768, 1}}, "elements", ErrorCode::kLimit);
  check_refused(convolution(window(1), 65536), {{512, 512, 1}}, "output shape [512, 512, 65536]", ErrorCode::kLimit);
  check_refused(Flatten{}, {{1024, 1025, 1}}, "more channels than 1048576", ErrorCode::kLimit);
  check_shape(Flatten{}, {{1024, 1024, 1}}, {1, 1, 1048576});
  check_refused(PadChannels{65536, 65536}, {{1, 1, kMaxChannels - 65536}}, "more channels", ErrorCode::kLimit);
  check_refused(Concat{}, {{1, 1, kMaxChannels}, {1, 1, 1}}, "1048576 channels", ErrorCode::kLimit);
  Window w;
  w.kernel_h = w.dilation_h = 65536;
  check_refused(convolution(w), {{65536, 1, 1}}, "4294901761 pixels high");
  w = window(1);
  w.pad.top = 65536;
  check_refused(convolution(w), {{65536, 1, 1}}, "above 65536", ErrorCode::kLimit);
}

TEST_CASE("pooling windows hold a real pixel at every position") {
  check_refused(MaxPool{window(2, 1, 2)}, {{4, 4, 1}}, "smaller than the pooling window");
  check_refused(AveragePool{window(1, 1, 1), false}, {{4, 4, 1}}, "smaller than the pooling window");
  Window w = window(2, 1, 0);
  w.pad.right = 2;
  check_refused(MaxPool{w}, {{4, 4, 1}}, "padding of 0 and 2");
  w = window(2, 1, 2);
  w.dilation_h = w.dilation_w = 3;
  check_shape(MaxPool{w}, {{4, 3, 1}}, {5, 4, 1});
  // Taps at -1 and 2 of two pixels.
  check_refused(MaxPool{w}, {{4, 2, 1}}, "may miss every pixel");
}

TEST_CASE("averaging windows are bounded and not dilated") {
  Window w = window(2);
  w.dilation_h = 2;
  check_refused(AveragePool{w, false}, {{8, 8, 1}}, "dilation");
  check_shape(GlobalAveragePool{}, {{4096, 2048, 1}}, {1, 1, 1});
  check_refused(GlobalAveragePool{}, {{4096, 2049, 1}}, "8388608 pixels", ErrorCode::kLimit);
  check_refused(AveragePool{window(2897), false}, {{2897, 2897, 1}}, "8388608 pixels", ErrorCode::kLimit);
}

TEST_CASE("inputs are counted and must agree") {
  const TensorShape s{4, 4, 3};
  check_refused(Identity{}, {}, "needs 1 input, has 0");
  check_refused(Identity{}, {s, s}, "needs 1 input, has 2");
  check_refused(Add{}, {s}, "needs 2 inputs, has 1");
  check_refused(Concat{}, {s}, "two or more");
  for (const Op& op : {Op(Add{}), Op(Subtract{}), Op(Multiply{}), Op(Maximum{}), Op(Minimum{})}) {
    check_refused(op, {s, s, s}, "needs 2 inputs, has 3");
    check_refused(op, {s, {4, 4, 2}}, "differ in a dimension that is 1 in neither");
    check_refused(op, {s, {2, 1, 1}}, "differ in a dimension that is 1 in neither");
    check_shape(op, {s, {4, 4, 1}}, s);
    check_shape(op, {{1, 4, 1}, {4, 1, 3}}, s);
  }
  check_shape(Concat{}, {s, {4, 4, 1}, s}, {4, 4, 7});
  check_refused(Concat{}, {s, {4, 5, 3}}, "differ in height or width");
  BatchNorm norm;
  norm.gamma = norm.beta = norm.mean = norm.variance = std::vector<float>(3, 1.0F);
  check_shape(norm, {s}, s);
  norm.mean.pop_back();
  check_refused(norm, {s}, "have 3, 3, 2 and 3 elements for 3 channels");
}

TEST_CASE("elements are padded and sliced and reshaped and transposed") {
  const TensorShape s{4, 5, 6};
  check_shape(Pad{{1, 2, 3, 4}}, {s}, {8, 11, 6});
  check_refused(Pad{{-1, 0, 0, 0}}, {s}, "top padding");
  check_refused(Pad{{65536, 0, 0, 0}}, {s}, "above 65536", ErrorCode::kLimit);
  check_shape(Slice{{0, 0, 0}, s}, {s}, s);
  check_shape(Slice{{3, 4, 5}, {1, 1, 1}}, {s}, {1, 1, 1});
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  for (const Slice& slice : {Slice{{4, 0, 0}, {1, 5, 6}}, Slice{{0, 0, 1}, {4, 5, 6}}, Slice{{0, -1, 0}, {4, 5, 6}},
                             Slice{{0, 0, 0}, {4, 5, 0}}, Slice{{0, 0, kHuge}, {4, 5, kHuge}}}) {
    check_refused(slice, {s}, "are not in [4, 5, 6]");
  }
  check_shape(Reshape{{1, 60, 2}}, {s}, {1, 60, 2});
  check_refused(Reshape{{1, 60, 3}}, {s}, "another number of elements");
  check_refused(Reshape{{1, -60, -2}}, {s}, "below 1");
  check_shape(Transpose{{2, 0, 1}}, {s}, {6, 4, 5});
  check_refused(Transpose{{0, 1, 1}}, {s}, "not a permutation");
  check_refused(Transpose{{0, 1, 3}}, {s}, "not a permutation");
}

TEST_CASE("functions keep the shape and a PRelu has a slope for every channel") {
  const TensorShape s{4, 5, 3};
  for (const Op& op : {Op(Function{}), Op(Softmax{}), Op(LogSoftmax{}), Op(Lrn{})}) check_shape(op, {s}, s);
  check_refused(Lrn{0}, {s}, "size 0");
  check_shape(LayerNorm{{1, 2, 3}, {1, 2, 3}}, {s}, s);
  check_refused(LayerNorm{{1, 2, 3}, {1, 2}}, {s}, "has 3 scales and 2 shifts for 3 channels");
  check_refused(LayerNorm{}, {s}, "has 0 scales");
  Function prelu{FunctionKind::kPRelu, 0, 0, {1, 2, 3}, {}};
  check_shape(prelu, {s}, s);
  prelu.slopes.pop_back();
  check_refused(prelu, {s}, "has 2 slopes for 3 channels");
  prelu.kind = FunctionKind::kSilu;
  check_refused(prelu, {s}, "has 2 slopes");
}

TEST_CASE("the other operators keep or flatten the shape") {
  const TensorShape s{4, 5, 3};
  for (const Op& op : {Op(Activation{}), Op(Identity{}), Op(Quantize{}), Op(Dequantize{})}) check_shape(op, {s}, s);
  check_shape(Add{}, {s, s}, s);
  check_shape(Flatten{}, {s}, {1, 1, 60});
  check_shape(GlobalAveragePool{}, {s}, {1, 1, 3});
  check_shape(Linear{7, {}}, {s}, {1, 1, 7});
  check_shape(PadChannels{2, 3}, {s}, {4, 5, 8});
}
