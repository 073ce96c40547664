// Operators that move elements: what goes in as 0, 1, 2, ... comes out as the specification orders it.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "tests/importers/onnx/network.h"
#include "tests/support/data.h"

using namespace narrow::testing;

namespace {

// An array whose elements are moved one by one: the meaning of ONNX's operators, without views.
struct Array {
  OnnxDims dims;
  std::vector<double> data;

  static Array counting(const OnnxDims& dims) {
    std::int64_t count = 1;
    for (const std::int64_t dim : dims) count *= dim;
    return {dims, iota(count)};
  }
  // f(index of an element of the result) is the index of the element of this.
  template <class F>
  [[nodiscard]] Array gathered(const OnnxDims& to, F&& f) const {
    Array result = counting(to);
    OnnxDims at(to.size(), 0);
    for (double& value : result.data) {
      const OnnxDims from = f(at);
      std::int64_t offset = 0;
      bool inside = true;
      for (std::size_t d = 0; d < dims.size(); ++d) {
        inside = inside && from[d] >= 0 && from[d] < dims[d];
        offset = offset * dims[d] + from[d];
      }
      value = inside ? data[static_cast<std::size_t>(offset)] : 0;
      for (std::size_t d = at.size(); d-- > 0;) {
        if (++at[d] < to[d]) break;
        at[d] = 0;
      }
    }
    return result;
  }
};

// A random operator on a random axis, appended to a network and applied to the array.
class RandomMover {
 public:
  RandomMover(OnnxNetwork& network, Array array, std::mt19937& random)
      : network_(network), array_(std::move(array)), random_(random) {}

  void step() {
    const std::string from = name();
    ++count_;
    const std::size_t axis = random_() % array_.dims.size();
    const std::int64_t size = array_.dims[axis];
    switch (random_() % 6) {
      case 0:
        return transpose(from);
      case 1:
        return reshape(from);
      case 2:
        return size > 1 ? slice(from, axis) : unsqueeze(from, axis);
      case 3:
        return array_.data.size() < 300 ? pad(from, axis) : transpose(from);
      case 4:
        return array_.data.size() < 300 ? concat(from, axis) : reshape(from);
      default:
        return gather(from, axis);
    }
  }
  [[nodiscard]] std::string name() const { return "t" + std::to_string(count_); }
  [[nodiscard]] const Array& array() const { return array_; }

 private:
  std::string constant(std::vector<std::int64_t> values) {
    std::string constant_name = name() + "c" + std::to_string(constants_++);
    network_.constant(constant_name, int64_vector(std::move(values)));
    return constant_name;
  }

  void transpose(const std::string& from) {
    std::vector<std::int64_t> order(array_.dims.size());
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random_);
    OnnxDims to;
    for (const std::int64_t dim : order) to.push_back(array_.dims[static_cast<std::size_t>(dim)]);
    array_ = array_.gathered(to, [&](const OnnxDims& at) {
      OnnxDims source(at.size());
      for (std::size_t i = 0; i < at.size(); ++i) source[static_cast<std::size_t>(order[i])] = at[i];
      return source;
    });
    network_.node("Transpose", {from}, {name()}, {{"perm", order}});
  }

  void reshape(const std::string& from) {
    OnnxDims to{1};
    auto left = static_cast<std::int64_t>(array_.data.size());
    for (std::int64_t factor = 2; left > 1; left % factor == 0 ? left /= factor : ++factor) {
      if (left % factor == 0) to[random_() % to.size()] *= factor;
      if (to.size() < 4 && random_() % 2 == 0) to.push_back(1);
    }
    array_.dims = to;
    network_.node("Reshape", {from, constant(to)}, {name()});
  }

  void slice(const std::string& from, std::size_t axis) {
    const std::int64_t begin = static_cast<std::int64_t>(random_()) % array_.dims[axis];
    const std::int64_t step = 1 + static_cast<std::int64_t>(random_()) % 3;
    OnnxDims to = array_.dims;
    to[axis] = (to[axis] - begin + step - 1) / step;
    array_ = array_.gathered(to, [&](OnnxDims at) {
      at[axis] = begin + at[axis] * step;
      return at;
    });
    network_.node(
        "Slice",
        {from, constant({begin}), constant({INT64_MAX}), constant({static_cast<std::int64_t>(axis)}), constant({step})},
        {name()});
  }

  void unsqueeze(const std::string& from, std::size_t axis) {
    array_.dims.insert(array_.dims.begin() + static_cast<std::ptrdiff_t>(axis), 1);
    network_.node("Unsqueeze", {from, constant({static_cast<std::int64_t>(axis)})}, {name()});
  }

  void pad(const std::string& from, std::size_t axis) {
    const std::int64_t before = static_cast<std::int64_t>(random_()) % 2;
    const std::int64_t after = static_cast<std::int64_t>(random_()) % 3;
    OnnxDims to = array_.dims;
    to[axis] += before + after;
    std::vector<std::int64_t> pads(2 * to.size(), 0);
    pads[axis] = before;
    pads[axis + to.size()] = after;
    array_ = array_.gathered(to, [&](OnnxDims at) {
      at[axis] -= before;
      return at;
    });
    network_.node("Pad", {from, constant(pads)}, {name()});
  }

  void concat(const std::string& from, std::size_t axis) {
    OnnxDims to = array_.dims;
    const std::int64_t size = to[axis];
    to[axis] *= 2;
    array_ = array_.gathered(to, [&](OnnxDims at) {
      at[axis] %= size;
      return at;
    });
    network_.node("Concat", {from, from}, {name()}, {{"axis", static_cast<std::int64_t>(axis)}});
  }

  void gather(const std::string& from, std::size_t axis) {
    const std::int64_t index = static_cast<std::int64_t>(random_()) % array_.dims[axis];
    OnnxDims to = array_.dims;
    to[axis] = 1;
    array_ = array_.gathered(to, [&](OnnxDims at) {
      at[axis] = index;
      return at;
    });
    if (to.size() > 1) {
      array_.dims.erase(array_.dims.begin() + static_cast<std::ptrdiff_t>(axis));
      network_.constant(name() + "i", int64_tensor({}, {index}));
    } else {
      network_.constant(name() + "i", int64_tensor({1}, {index}));
    }
    network_.node("Gather", {from, name() + "i"}, {name()}, {{"axis", static_cast<std::int64_t>(axis)}});
  }

  OnnxNetwork& network_;
  Array array_;
  std::mt19937& random_;
  int count_ = 0;
  int constants_ = 0;
};

}  // namespace

TEST_CASE("random chains of moves put every element where the specification does") {
  std::mt19937 random(seed());
  for (int round = 0; round < 400; ++round) {
    CAPTURE(round);
    OnnxNetwork network;
    const OnnxDims dims{2, 3, 4, 3};
    network.input("t0", dims);
    RandomMover mover(network, Array::counting(dims), random);
    for (int step = 0; step < 5; ++step) mover.step();
    network.output(mover.name());
    REQUIRE(run_network(network, iota(72), kAsItIs) == mover.array().data);
  }
}

TEST_CASE("a tensor that only changes its look costs one node at most") {
  OnnxNetwork network;
  network.input("x", {2, 3, 4}).constant("shape", int64_vector({4, 6})).constant("axes", int64_vector({0}));
  network.node("Reshape", {"x", "shape"}, {"a"}).node("Unsqueeze", {"a", "axes"}, {"b"});
  network.node("Squeeze", {"b"}, {"c"}).node("Flatten", {"c"}, {"y"}).output("y");
  CHECK(ops_of(network, kAsItIs) == "Reshape");
  OnnxNetwork nothing;
  nothing.input("x", {2, 3}).node("Identity", {"x"}, {"y"}).output("y");
  CHECK(ops_of(nothing, kAsItIs) == "Identity");
}

TEST_CASE("two subsamplings in a row become one") {
  OnnxNetwork network;
  network.input("x", {1, 3, 9, 8}).output("y");
  network.constant("zero", int64_vector({0})).constant("end", int64_vector({INT64_MAX}));
  network.constant("rows", int64_vector({2})).constant("columns", int64_vector({3})).constant("two", int64_vector({2}));
  network.node("Slice", {"x", "zero", "end", "rows", "two"}, {"a"});
  network.node("Slice", {"a", "zero", "end", "columns", "two"}, {"y"});
  const narrow::graph::Graph graph = lower_network(network);
  CHECK(ops_of(graph) == "MaxPool");
  CHECK(graph.value(graph.output).shape == narrow::TensorShape{5, 4, 3});
}

TEST_CASE("a channel shuffle before a convolution of all channels moves nothing") {
  OnnxNetwork network;
  network.input("x", {1, 6, 2, 2}).output("y");
  network.constant("split", int64_vector({1, 2, 3, 2, 2})).constant("join", int64_vector({1, 6, 2, 2}));
  network.constant("w", float_tensor({1, 6, 1, 1}, {1, 2, 3, 4, 5, 6}));
  network.node("Reshape", {"x", "split"}, {"a"}).node("Transpose", {"a"}, {"b"}, {{"perm", OnnxDims{0, 2, 1, 3, 4}}});
  network.node("Reshape", {"b", "join"}, {"c"}).node("Conv", {"c", "w"}, {"y"});
  CHECK(ops_of(network) == "Convolution");
  // Channels 0..5 of the file are shuffled to 0, 3, 1, 4, 2, 5.
  std::vector<double> input(24, 0.0);
  input[1] = 1;  // channel 1 of the first pixel
  CHECK(run_network(network, input)[0] == 3);
}

TEST_CASE("split cuts where the file says or into equal parts") {
  OnnxNetwork network;
  network.input("x", {1, 5, 2, 2}).constant("parts", int64_vector({2, 3}));
  network.node("Split", {"x", "parts"}, {"a", "b"}, {{"axis", std::int64_t{1}}}).output("b");
  CHECK(run_network(network, iota(20)) == std::vector<double>{2, 3, 4, 7, 8, 9, 12, 13, 14, 17, 18, 19});
  CHECK(ops_of(network) == "Slice");  // the other part is not needed
  OnnxNetwork equal;
  equal.input("x", {5}).node("Split", {"x"}, {"a", "b"}, {{"num_outputs", std::int64_t{2}}}).output("b");
  CHECK(run_network(equal, iota(5), kAsItIs) == std::vector<double>{3, 4});
}

TEST_CASE("negative padding cuts") {
  OnnxNetwork network;
  network.input("x", {4}).constant("pads", int64_vector({-1, 2})).node("Pad", {"x", "pads"}, {"y"}).output("y");
  CHECK(run_network(network, iota(4), kAsItIs) == std::vector<double>{1, 2, 3, 0, 0});
}

TEST_CASE("padding with a number puts exactly that number around a tensor") {
  const auto padded = [](float value) {
    OnnxNetwork network;
    network.input("x", {1, 3}).constant("p", int64_vector({1, 0, 0, 2})).constant("v", float_tensor({}, {value}));
    return network.node("Pad", {"x", "p", "v"}, {"y"}).output("y");
  };
  CHECK(run_network(padded(0.5F), {1, 2, 3}, kAsItIs) ==
        std::vector<double>{0.5, 0.5, 0.5, 0.5, 0.5, 1, 2, 3, 0.5, 0.5});
  for (const float value : {-3e38F, 0.1F}) {
    CHECK(run_network(padded(value), {1e-3, 2, 3}, kAsItIs) ==
          std::vector<double>{double{value}, double{value}, double{value}, double{value}, double{value}, 1e-3, 2, 3,
                              double{value}, double{value}});
  }
  for (const float value : {std::nanf(""), -INFINITY}) {
    CHECK(contains(lowering_error(padded(value), kAsItIs).message, "let the pooling pad"));
  }
}

TEST_CASE("reshaping obeys 0 and -1 and the batch that a file was made for") {
  OnnxNetwork network;
  network.input("x", {4, 6, 2, 2}).constant("shape", int64_vector({4, -1})).node("Reshape", {"x", "shape"}, {"y"});
  network.output("y");
  CHECK(lower_network(network).values.back().shape == narrow::TensorShape{1, 1, 24});
  CHECK(contains(log_of(network).front(), "4 images at a time"));
  network.constant("shape", int64_vector({0, 0, -1}));
  CHECK(lower_network(network).value(lower_network(network).output).shape.elems() == 24);
}

TEST_CASE("moves that are not supported are refused with the node's name") {
  const auto error = [](const std::string& op, const std::vector<std::int64_t>& argument,
                        const std::vector<narrow::onnx::Attribute>& attributes = {}) {
    OnnxNetwork network;
    network.input("x", {2, 3}).constant("c", int64_vector(argument)).node(op, {"x", "c"}, {"y"}, attributes);
    network.output("y");
    const narrow::Error found = lowering_error(network, kAsItIs);
    CHECK(contains(found.message, op + " 'n0'"));
    return found.message;
  };
  constexpr std::int64_t kTwo31 = std::int64_t{1} << 31;  // the largest that is read
  CHECK(contains(error("Reshape", {4, 2}), "cannot become"));
  CHECK(contains(error("Reshape", {-1, -1}), "cannot become"));
  CHECK(contains(error("Reshape", {4, -1}), "cannot become"));
  CHECK(contains(error("Reshape", {INT64_MAX, INT64_MAX}), "beyond 2^31"));
  CHECK(contains(error("Reshape", {0, 0, 0}), "copies dimension 2"));
  CHECK(contains(error("Squeeze", {0}), "is not 1"));
  CHECK(contains(error("Squeeze", {7}), "does not exist"));
  CHECK(contains(error("Unsqueeze", {0, 0}), "named twice"));
  CHECK(contains(error("Pad", {0, 1}), "two numbers"));
  CHECK(contains(error("Pad", {0, 1, 0, 1}, {{"mode", std::string("mirror")}}), "mode 'mirror' does not exist"));
  CHECK(contains(error("Pad", {0, 1, 0, kTwo31}, {{"mode", std::string("edge")}}), "more than 65536"));
  CHECK(contains(error("Pad", {-1, 0, -1, 0}), "nothing is left"));
  CHECK(contains(error("Reshape", {kTwo31, kTwo31}), "cannot become"));
  CHECK(contains(error("Pad", {-kTwo31, 0, -kTwo31, 0}), "nothing is left"));
  CHECK(contains(error("Pad", {kTwo31, 0, 0, 0}), "more than 65536"));
  CHECK(contains(error("Split", {kTwo31, 2}, {{"axis", std::int64_t{1}}}), "do not make up"));
  CHECK(contains(error("Pad", {INT64_MIN, 0, INT64_MIN, 0}), "beyond 2^31"));
  CHECK(contains(error("Pad", {INT64_MAX, 0, 0, 0}), "beyond 2^31"));
  CHECK(contains(error("Gather", {}, {{"axis", std::int64_t{1}}}), "nothing is left"));
  CHECK(contains(error("Gather", {3}, {{"axis", std::int64_t{1}}}), "is not in a dimension of 3"));
  CHECK(contains(error("Split", {1, 2}, {{"axis", std::int64_t{1}}}), "1 outputs"));
  CHECK(contains(error("Split", {INT64_MAX, 2}, {{"axis", std::int64_t{1}}}), "beyond 2^31"));
}

TEST_CASE("slices of nothing are refused") {
  const auto error = [](std::int64_t start, std::int64_t end, std::int64_t step) {
    OnnxNetwork network;
    network.input("x", {6}).constant("s", int64_vector({start})).constant("e", int64_vector({end}));
    network.constant("a", int64_vector({0})).constant("t", int64_vector({step}));
    network.node("Slice", {"x", "s", "e", "a", "t"}, {"y"}).output("y");
    return lowering_error(network, kAsItIs).message;
  };
  CHECK(contains(error(0, 6, -1), "nothing is left"));
  CHECK(contains(error(2, 2, -1), "nothing is left"));
  CHECK(contains(error(0, 6, 0), "a step is 0"));
  CHECK(contains(error(3, 3, 1), "nothing is left"));
  OnnxNetwork huge;
  huge.input("x", {70000}).constant("s", int64_vector({-1})).constant("e", int64_vector({INT64_MIN}));
  huge.node("Reshape", {"x", "shape"}, {"r"}).constant("shape", int64_vector({70000}));
  CHECK(lowering_error(
            huge.node("Slice", {"r", "s", "e", "a", "s"}, {"y"}).constant("a", int64_vector({0})).output("y"), kAsItIs)
            .code == narrow::ErrorCode::kLimit);
  CHECK(contains(error(7, 9, 1), "nothing is left"));
}

TEST_CASE("transposition without a permutation reverses") {
  OnnxNetwork network;
  network.input("x", {2, 3}).node("Transpose", {"x"}, {"y"}).output("y");
  CHECK(run_network(network, iota(6), kAsItIs) == std::vector<double>{0, 3, 1, 4, 2, 5});
}
