// What a small file may cost: many small claims add up, and each is counted before it is made.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <chrono>

#include "graph/limits.h"
#include "importers/onnx/lower/lower_model.h"
#include "tests/importers/onnx/network.h"

using namespace narrow::testing;
using narrow::ErrorCode;

namespace {

std::int64_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{1024} * usage.ru_maxrss;
}

// Lowers the network and returns the error's code or text, or "accepted". Checks time and memory: each takes less than
// a second, and less than a minute under sanitizers on a busy machine. Without the limits it is minutes to years.
std::string outcome(const OnnxNetwork& network) {
  const std::int64_t before = peak_memory();
  const auto start = std::chrono::steady_clock::now();
  const auto lowered = narrow::onnx::lower_model(network.model);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  CHECK(seconds.count() < 60);
#ifdef __SANITIZE_ADDRESS__  // which keeps memory that was freed
  constexpr std::int64_t kMegabytes = 1000;
#else
  constexpr std::int64_t kMegabytes = 200;
#endif
  CHECK(peak_memory() - before < kMegabytes * (std::int64_t{1} << 20));
  if (lowered.ok()) return "accepted";
  CHECK(lowered.error().code != ErrorCode::kInternal);
  return lowered.error().code == ErrorCode::kLimit ? "limit" : lowered.error().text();
}

std::string id(const char* name, int i) { return name + std::to_string(i); }

// y = x + the largest element of the constants `made`, all of which count.
OnnxNetwork reading_all(OnnxNetwork network, const std::vector<std::string>& made) {
  std::vector<std::string> sizes;
  for (std::size_t i = 0; i < made.size(); ++i) {
    sizes.push_back(id("size", static_cast<int>(i)));
    network.node("Size", {made[i]}, {sizes.back()});
  }
  network.node("Max", sizes, {"most"}).node("Cast", {"most"}, {"most_float"}, {{"to", std::int64_t{1}}});
  network.node("Add", {"x", "most_float"}, {"y"}).output("y");
  return network;
}

OnnxNetwork start(std::int64_t opset = 13) {
  OnnxNetwork network(opset);
  network.input("x", {1, 3, 8, 8});
  return network;
}

}  // namespace

TEST_CASE("constants that are computed from a small file have a limit together") {
  // Each result is far below the limit of one, and all are read.
  OnnxNetwork network = start();
  network.constant("shape", int64_vector({1 << 18}));
  std::vector<std::string> made;
  for (int i = 0; i < 100; ++i) {
    made.push_back(id("c", i));
    network.node("ConstantOfShape", {"shape"}, {made.back()});
  }
  CHECK(outcome(reading_all(network, {made[0]})) == "accepted");
  CHECK(outcome(reading_all(network, made)) == "limit");
}

TEST_CASE("one constant that is dequantized many times is counted each time, before it is made") {
  for (const std::int64_t dims : {std::int64_t{1} << 18, std::int64_t{1} << 22, std::int64_t{1} << 28}) {
    OnnxNetwork network = start();
    network.constant("shape", int64_vector({dims})).constant("scale", float_tensor({}, {1}));
    network.node("ConstantOfShape", {"shape"}, {"c"}, {{"value", int8_tensor({1}, {1})}});
    std::vector<std::string> made;
    for (int i = 0; i < 200; ++i) {
      made.push_back(id("d", i));
      network.node("DequantizeLinear", {"c", "scale"}, {made.back()});
    }
    CHECK(outcome(reading_all(network, made)) == "limit");
  }
  // Scales per channel of a constant without elements.
  OnnxNetwork network = start();
  network.constant("empty", int8_tensor({1 << 16, 0}, {}));
  network.constant("scales", float_tensor({1 << 16}, std::vector<float>(1 << 16, 1.0F)));
  std::vector<std::string> made;
  for (int i = 0; i < 2000; ++i) {
    made.push_back(id("d", i));
    network.node("DequantizeLinear", {"empty", "scales"}, {made.back()}, {{"axis", std::int64_t{0}}});
  }
  CHECK(outcome(reading_all(network, made)) == "limit");
}

TEST_CASE("an operator of many operands is counted for each of them") {
  for (const char* op : {"Max", "Min"}) {
    OnnxNetwork network = start();
    network.constant("shape", int64_vector({1 << 20})).constant("s", float_tensor({}, {0}));
    network.node("ConstantOfShape", {"shape"}, {"big"});
    std::vector<std::string> operands(30000, "s");
    operands[0] = "big";
    network.node(op, operands, {"made"});
    CHECK(outcome(reading_all(network, {"made"})) == "limit");
  }
  // A sum of a computed tensor and many constants becomes a layer for each.
  OnnxNetwork sum = start();
  sum.constant("c", float_tensor({1, 3, 8, 8}, std::vector<float>(192, 1.0F)));
  std::vector<std::string> operands(60000, "c");
  operands[0] = "x";
  sum.node("Sum", operands, {"y"}).output("y");
  CHECK(outcome(sum) == "limit");
  // Operands without elements, each of which is visited a million times.
  OnnxNetwork empty = start();
  empty.constant("none", float_tensor({1 << 20, 0}, {}))
      .constant("one", float_tensor({1 << 20, 1}, std::vector<float>(1 << 20)));
  std::vector<std::string> parts(60000, "none");
  parts.back() = "one";
  empty.node("Concat", parts, {"made"}, {{"axis", std::int64_t{1}}});
  CHECK(outcome(reading_all(empty, {"made"})) == "limit");
  // A constant that every operand repeats.
  OnnxNetwork concat = start();
  concat.constant("c", float_tensor({1 << 12}, std::vector<float>(1 << 12, 1.0F)));
  concat.node("Concat", std::vector<std::string>(60000, "c"), {"made"}, {{"axis", std::int64_t{0}}});
  CHECK(outcome(reading_all(concat, {"made"})) == "limit");
}

TEST_CASE("constants beside a computed tensor are counted") {
  OnnxNetwork network = start();
  network.constant("c", float_tensor({1, 3, 8, 8}, std::vector<float>(192, 1.0F)));
  std::vector<std::string> operands(60000, "c");
  operands[0] = "x";
  network.node("Concat", operands, {"y"}, {{"axis", std::int64_t{1}}}).output("y");
  CHECK(outcome(network) == "limit");
}

TEST_CASE("parts that many nodes read are not looked at once for each reader") {
  // Each would take minutes.
  constexpr int kNodes = 60000;
  constexpr std::size_t kReaders = 1500000;
  const auto sum = [&](OnnxNetwork& network, std::vector<std::string> inputs,
                       std::vector<narrow::onnx::Attribute> attributes) {
    network.node("Exp", {"x"}, {"e"}).node("ReduceSum", std::move(inputs), {"s"}, std::move(attributes));
    std::vector<std::string> made;
    for (int i = 0; i < kNodes; ++i) {
      made.push_back(id("d", i));
      network.node("Div", {"e", "s"}, {made.back()});
    }
    return outcome(reading_all(network, made));
  };
  OnnxNetwork readers = start();
  CHECK(sum(readers, std::vector<std::string>(kReaders, "e"), {{"axes", std::vector<std::int64_t>{1}}}) != "accepted");
  OnnxNetwork axes = start();
  axes.constant("axes", int64_vector(std::vector<std::int64_t>(1 << 20, 1)));
  CHECK(sum(axes, {"e", "axes"}, {}) != "accepted");
  OnnxNetwork attribute = start();
  CHECK(sum(attribute, {"e"}, {{"axes", std::vector<std::int64_t>(1 << 20, 1)}}) != "accepted");
}

TEST_CASE("copies of constants by operators that only rename or move are counted") {
  for (const char* op : {"Identity", "Flatten", "Transpose", "Dropout", "Relu", "Neg", "Abs"}) {
    OnnxNetwork network = start();
    network.constant("shape", int64_vector({1 << 18, 1}));
    network.node("ConstantOfShape", {"shape"}, {"c0"});
    std::vector<std::string> made;
    for (int i = 0; i < 1000; ++i) {
      made.push_back(id("c", i + 1));
      network.node(op, {id("c", i)}, {made.back()});
    }
    CAPTURE(op);
    CHECK(outcome(reading_all(network, made)) == "limit");
  }
}

TEST_CASE("products of matrices are counted, also of empty ones") {
  OnnxNetwork empty = start();
  empty.constant("a", float_tensor({std::int64_t{1} << 62, 0}, {})).constant("b", float_tensor({0, 0}, {}));
  empty.node("MatMul", {"a", "b"}, {"made"});
  CHECK(outcome(reading_all(empty, {"made"})) == "limit");
  empty.constant("a", float_tensor({1 << 28, 0}, {}));
  CHECK(outcome(reading_all(empty, {"made"})) == "limit");
  OnnxNetwork many = start();
  many.constant("m", float_tensor({256, 256}, std::vector<float>(1 << 16, 0.5F)));
  std::vector<std::string> made;
  for (int i = 0; i < 1000; ++i) {
    made.push_back(id("p", i));
    many.node("MatMul", {"m", "m"}, {made.back()});
  }
  CHECK(outcome(reading_all(many, made)) == "limit");
}

TEST_CASE("a constant that many layers use is counted for each of them") {
  OnnxNetwork network = start();
  network.constant("w", float_tensor({3, 3, 64, 64}, std::vector<float>(9 * 64 * 64, 0.5F)));
  std::string from = "x";
  for (int i = 0; i < 5000; ++i) {
    network.node("Conv", {from, "w"}, {id("c", i)}, {{"pads", OnnxDims{32, 32, 31, 31}}});
    from = id("c", i);
  }
  network.output(from);
  CHECK(outcome(network) == "limit");
}

TEST_CASE("nodes of one name get names of their own in time that grows with their number") {
  OnnxNetwork network = start();
  std::string from = "x";
  for (int i = 0; i < 16000; ++i) {
    network.node("Sigmoid", {from}, {id("v", i)});
    network.model.nodes.back().name = "n";
    from = id("v", i);
  }
  network.output(from);
  CHECK(outcome(network) == "accepted");
}

TEST_CASE("views have at most 32 dimensions, and a search for an order of them is done once") {
  OnnxNetwork network = start();
  network.constant("axis", int64_vector({0}));
  std::string from = "x";
  for (int i = 0; i < 20000; ++i) {
    network.node("Unsqueeze", {from, "axis"}, {id("u", i)});
    from = id("u", i);
  }
  network.output(from);
  CHECK(outcome(network) == "limit");

  OnnxNetwork shuffles(13);
  shuffles.input("x", {1, 64, 1, 1})
      .constant("six", int64_vector({2, 2, 2, 2, 2, 2}))
      .constant("flat", int64_vector({1, 64, 1, 1}));
  from = "x";
  for (int i = 0; i < 3000; ++i) {
    shuffles.node("Reshape", {from, "six"}, {id("a", i)});
    shuffles.node("Transpose", {id("a", i)}, {id("b", i)}, {{"perm", OnnxDims{5, 3, 1, 4, 2, 0}}});
    shuffles.node("Reshape", {id("b", i), "flat"}, {id("c", i)});
    shuffles.node("Softmax", {id("c", i)}, {id("d", i)}, {{"axis", std::int64_t{1}}});
    from = id("d", i);
  }
  shuffles.output(from);
  CHECK(outcome(shuffles) == "accepted");
}

TEST_CASE("a network of more nodes than a graph may have is refused before they are made") {
  OnnxNetwork network = start();
  std::string from = "x";
  for (std::size_t i = 0; i <= narrow::graph::kMaxNodes; ++i) {
    network.node("Sigmoid", {from}, {id("v", static_cast<int>(i))});
    from = id("v", static_cast<int>(i));
  }
  network.output(from);
  CHECK(outcome(network) == "limit");
}
