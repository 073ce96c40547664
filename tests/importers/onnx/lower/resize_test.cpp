// Resize and Upsample, against the formulas of the specification, in double.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/importers/onnx/network.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace narrow::testing;
using narrow::onnx::Attribute;

namespace {

using Row = std::vector<double>;

struct Resizing {
  std::string mode = "nearest";
  std::string coordinates = "half_pixel";
  std::string nearest = "round_prefer_floor";
  double cubic_a = -0.75;
  bool exclude_outside = false;
};

double original(const Resizing& how, double x, double scale, double in, double out) {
  if (how.coordinates == "asymmetric") return x / scale;
  if (how.coordinates == "align_corners") return out == 1 ? 0 : x * (in - 1) / (out - 1);
  if (how.coordinates == "pytorch_half_pixel" && out == 1) return 0;
  if (how.coordinates == "tf_half_pixel_for_nn") return (x + 0.5) / scale;
  if (how.coordinates == "half_pixel_symmetric") {
    return in / 2 * (1 - out / (scale * in)) + (x + 0.5) / scale - 0.5;
  }
  return (x + 0.5) / scale - 0.5;
}

double nearest(const Resizing& how, double x) {
  if (how.nearest == "floor") return std::floor(x);
  if (how.nearest == "ceil") return std::ceil(x);
  const bool is_tie = x - std::floor(x) == 0.5;
  if (how.nearest == "round_prefer_ceil") return is_tie ? std::ceil(x) : std::round(x);
  return is_tie ? std::floor(x) : std::round(x);
}

double at(const Row& row, double index) {
  return row[static_cast<std::size_t>(std::clamp(index, 0.0, static_cast<double>(row.size()) - 1))];
}

// A row resized to `out` elements.
Row resized(const Resizing& how, const Row& row, std::size_t out, double scale) {
  Row result;
  const auto in = static_cast<double>(row.size());
  for (std::size_t i = 0; i < out; ++i) {
    const double x = original(how, static_cast<double>(i), scale, in, static_cast<double>(out));
    if (how.mode == "nearest") {
      result.push_back(at(row, nearest(how, x)));
    } else if (how.mode == "linear") {
      const double inside = std::clamp(x, 0.0, in - 1);
      const double fraction = inside - std::floor(inside);
      result.push_back(at(row, std::floor(inside)) * (1 - fraction) + at(row, std::floor(inside) + 1) * fraction);
    } else {
      double sum = 0;
      double weights = 0;
      for (double k = std::floor(x) - 1; k <= std::floor(x) + 2; ++k) {
        if (how.exclude_outside && (k < 0 || k >= in)) continue;
        const double d = std::fabs(x - k);
        const double a = how.cubic_a;
        const double w = d <= 1 ? (a + 2) * d * d * d - (a + 3) * d * d + 1 : a * (d * d * d - 5 * d * d + 8 * d - 4);
        sum += at(row, k) * w;
        weights += w;
      }
      result.push_back(how.exclude_outside ? sum / weights : sum);
    }
  }
  return result;
}

std::vector<Attribute> attributes_of(const Resizing& how) {
  return {{"mode", how.mode},
          {"coordinate_transformation_mode", how.coordinates},
          {"nearest_mode", how.nearest},
          {"cubic_coeff_a", static_cast<float>(how.cubic_a)},
          {"exclude_outside", std::int64_t{how.exclude_outside ? 1 : 0}}};
}

const Row kRow{3, -1, 4, 1, -5, 9};

// Resizes a row that lies along one dimension of a tensor whose other dimensions stay.
void check(const Resizing& how, float scale, std::int64_t size) {
  CAPTURE(how.mode);
  CAPTURE(how.coordinates);
  CAPTURE(how.nearest);
  CAPTURE(scale);
  CAPTURE(size);
  const auto in = static_cast<std::int64_t>(kRow.size());
  const std::size_t out =
      static_cast<std::size_t>(size > 0 ? size : static_cast<std::int64_t>(std::floor(scale * static_cast<float>(in))));
  const double real_scale = size > 0 ? static_cast<double>(size) / static_cast<double>(in) : double{scale};
  const Row wanted = resized(how, kRow, out, real_scale);
  for (const std::size_t axis : {1U, 2U, 3U}) {
    CAPTURE(axis);
    OnnxDims dims{1, 1, 1, 1};
    dims[axis] = in;
    std::vector<float> scales{1, 1, 1, 1};
    scales[axis] = scale;
    OnnxDims sizes{1, 1, 1, 1};
    sizes[axis] = size;
    OnnxNetwork network(13);
    network.input("x", dims).output("y").constant("scales", float_tensor({4}, scales));
    network.constant("sizes", int64_vector(sizes));
    network.node(
        "Resize",
        size > 0 ? std::vector<std::string>{"x", "", "", "sizes"} : std::vector<std::string>{"x", "", "scales"}, {"y"},
        attributes_of(how));
    const Row y = run_network(network, kRow, kAsItIs);
    REQUIRE(y.size() == wanted.size());
    for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::fabs(y[i] - wanted[i]) <= 2e-5);
  }
}

}  // namespace

TEST_CASE("resizing follows every combination of the specification's modes") {
  for (const std::string coordinates : {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric",
                                        "tf_half_pixel_for_nn", "half_pixel_symmetric"}) {
    for (const auto& [scale, size] : {std::pair(2.0F, 0), std::pair(1.5F, 0), std::pair(0.5F, 0), std::pair(1.25F, 0),
                                      std::pair(1.0F, 13), std::pair(1.0F, 4), std::pair(1.0F, 1)}) {
      for (const std::string rule : {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}) {
        check({"nearest", coordinates, rule}, scale, size);
      }
      check({"linear", coordinates}, scale, size);
      check({"cubic", coordinates}, scale, size);
      check({"cubic", coordinates, "floor", -0.5, true}, scale, size);
    }
  }
}

TEST_CASE("an image is resized along height and width") {
  OnnxNetwork network;
  network.input("x", {1, 2, 2, 2}).output("y").constant("s", float_tensor({4}, {1, 1, 2, 1.5F}));
  network.node("Resize", {"x", "", "s"}, {"y"},
               {{"coordinate_transformation_mode", std::string("asymmetric")}, {"nearest_mode", std::string("floor")}});
  CHECK(run_network(network, iota(8), kAsItIs) ==
        Row{0, 0, 1, 0, 0, 1, 2, 2, 3, 2, 2, 3, 4, 4, 5, 4, 4, 5, 6, 6, 7, 6, 6, 7});
  CHECK(ops_of(network) == "Gather Gather");
}

TEST_CASE("old operator sets have other inputs, attributes and rules") {
  const auto run = [](const std::string& op, std::int64_t opset, const std::vector<float>& scales, bool as_attribute,
                      const std::string& mode) {
    OnnxNetwork network(opset);
    network.input("x", {1, 1, 1, 4}).output("y");
    std::vector<Attribute> attributes{{"mode", mode}};
    if (as_attribute) {
      attributes.push_back({"scales", scales});
    } else {
      network.constant("s", float_tensor({4}, scales));
    }
    network.node(op, as_attribute ? std::vector<std::string>{"x"} : std::vector<std::string>{"x", "s"}, {"y"},
                 attributes);
    return run_network(network, {0, 10, 20, 30}, kAsItIs);
  };
  const Row twice{0, 0, 10, 10, 20, 20, 30, 30};
  CHECK(run("Upsample", 8, {1, 1, 1, 2}, true, "nearest") == twice);
  CHECK(run("Upsample", 9, {1, 1, 1, 2}, false, "nearest") == twice);
  CHECK(run("Resize", 10, {1, 1, 1, 2}, false, "nearest") == twice);
  CHECK(run("Resize", 10, {1, 1, 1, 0.5F}, false, "nearest") == Row{0, 20});
  for (const char* op : {"Upsample", "Resize"}) {
    const Row y = run(op, op == std::string("Resize") ? 10 : 9, {1, 1, 1, 2}, false, "linear");
    CHECK(y == Row{0, 5, 10, 15, 20, 25, 30, 30});
  }
  CHECK(run("Upsample", 8, {1, 1, 1, 2}, true, "bilinear") == Row{0, 5, 10, 15, 20, 25, 30, 30});
  // Since operator set 18 some axes can be named.
  OnnxNetwork axes(18);
  axes.input("x", {1, 1, 2, 2}).output("y").constant("sizes", int64_vector({4, 2}));
  axes.node("Resize", {"x", "", "", "sizes"}, {"y"}, {{"axes", OnnxDims{-1, 2}}});
  CHECK(run_network(axes, iota(4), kAsItIs) == Row{0, 0, 1, 1, 2, 2, 3, 3});
}

TEST_CASE("sizes may be those of the largest or smallest image that keeps its proportions") {
  const auto run = [](const std::string& policy) {
    OnnxNetwork network(18);
    network.input("x", {1, 1, 2, 2}).output("y").constant("z", int64_vector({4, 3}));
    network.node("Resize", {"x", "", "", "z"}, {"y"},
                 {{"axes", OnnxDims{2, 3}},
                  {"keep_aspect_ratio_policy", policy},
                  {"coordinate_transformation_mode", std::string("asymmetric")},
                  {"nearest_mode", std::string("floor")}});
    return run_network(network, iota(4), kAsItIs);
  };
  CHECK(run("stretch") == Row{0, 0, 1, 0, 0, 1, 2, 2, 3, 2, 2, 3});
  CHECK(run("not_larger") == Row{0, 0, 1, 0, 0, 1, 2, 2, 3});
  CHECK(run("not_smaller") == Row{0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3});
}

TEST_CASE("resizings that are not supported or do not fit are refused with the node's name") {
  const auto error = [](std::vector<Attribute> attributes, const std::vector<float>& scales,
                        const std::vector<std::int64_t>& sizes = {}) {
    OnnxNetwork network(18);
    network.input("x", {1, 1, 2, 2}).output("y");
    network.constant("s", float_tensor({static_cast<std::int64_t>(scales.size())}, scales));
    network.constant("z", int64_vector(sizes));
    network.node("Resize",
                 sizes.empty() ? std::vector<std::string>{"x", "", "s"} : std::vector<std::string>{"x", "", "", "z"},
                 {"y"}, std::move(attributes));
    const Error found = lowering_error(network, kAsItIs);
    CHECK(contains(found.message, "Resize 'n0'"));
    return found.message;
  };
  const auto text = [](const char* name, const char* value) { return Attribute{name, std::string(value)}; };
  CHECK(contains(error({text("mode", "area")}, {1, 1, 2, 2}), "mode 'area' does not exist"));
  CHECK(contains(error({text("nearest_mode", "any")}, {1, 1, 2, 2}), "nearest_mode 'any'"));
  CHECK(contains(error({text("coordinate_transformation_mode", "tf_crop_and_resize")}, {1, 1, 2, 2}), "export with"));
  CHECK(contains(error({text("mode", "linear"), {"antialias", std::int64_t{1}}}, {1, 1, 2, 2}), "antialias off"));
  CHECK(contains(error({text("keep_aspect_ratio_policy", "any")}, {}, {1, 1, 2, 4}), "policy 'any' does not exist"));
  CHECK(contains(error({}, {1, 1, 2}), "3 scales or sizes for 4 dimensions"));
  CHECK(contains(error({}, {}, {1, 1}), "2 scales or sizes for 4 dimensions"));
  CHECK(contains(error({}, {}), "neither scales nor sizes"));
  CHECK(contains(error({{"axes", OnnxDims{4}}}, {2}), "axis 4"));
  for (const float scale : {0.0F, -1.0F, 0.25F, 1e9F, std::nanf(""), INFINITY}) {
    CHECK(contains(error({}, {1, 1, scale, 1}), "leaves nothing of it, or too much"));
  }
  for (const std::int64_t size : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{65537}}) {
    CHECK(contains(error({}, {}, {1, 1, size, 2}), "is not within 1..65536"));
  }
  CHECK(contains(error({}, {}, {1, 1, INT64_MAX, 2}), "beyond 2^31"));
}

TEST_CASE("matrices of a resizing are counted before they are made") {
  OnnxNetwork network;
  network.input("x", {1, 1, 1, 60000}).output("y").constant("z", int64_vector({1, 1, 1, 60000}));
  network.constant("up", int64_vector({1, 1, 1, 59999}));
  network.node("Resize", {"x", "", "", "up"}, {"y"}, {{"mode", std::string("linear")}});
  CHECK(lowering_error(network, kAsItIs).code == ErrorCode::kLimit);
}
