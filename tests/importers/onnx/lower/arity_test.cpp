// Every operator with every number of inputs and outputs, with names that are empty, and with integers at the ends of
// int64: an error or a network, never a crash. Sanitizer builds see what a plain build does not.
#include <doctest/doctest.h>

#include <limits>

#include "importers/onnx/fold/evaluate.h"
#include "importers/onnx/lower/operator_table.h"
#include "tests/importers/onnx/network.h"

using namespace narrow::testing;
using narrow::ErrorCode;
using narrow::onnx::Attribute;
using narrow::onnx::OperatorRow;

namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kTwo31 = std::int64_t{1} << 31;
constexpr std::int64_t kExtremes[] = {kMin, kMin + 1, -kTwo31 - 1, -kTwo31, -1, 0, kTwo31, kTwo31 + 1, kMax - 1, kMax};

// The most inputs that an operator's own handler may ask for by index, and one more.
std::size_t most_inputs(const OperatorRow& row) { return row.inputs.size() + (row.inputs.ends_with('*') ? 3 : 1); }

// A network of one node between the input x [1, 2, 2, 2] and the output, and constants that it may read.
OnnxNetwork one_node(const std::string& op, const std::vector<std::string>& inputs,
                     const std::vector<Attribute>& attributes = {}, std::size_t outputs = 1, std::int64_t opset = 13) {
  OnnxNetwork network(opset);
  network.input("x", {1, 2, 2, 2}).output("y");
  network.constant("float", float_tensor({}, {0.5F})).constant("int", int64_tensor({}, {1}));
  network.constant("floats", float_tensor({2, 2, 1, 1}, {1, 2, 3, 4})).constant("ints", int64_vector({1, 1}));
  network.constant("bytes", uint8_tensor({}, {3})).constant("bool", bool_tensor({}, {1}));
  network.constant("matrix", int8_tensor({2, 2}, {1, 2, 3, 4}));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < outputs; ++i) names.push_back(i == 0 ? "made" : "made" + std::to_string(i));
  network.node(op, inputs, names, attributes);
  // The result counts whether it is a constant or not.
  network.node("Shape", {"made"}, {"shape"}).node("ReduceMax", {"shape"}, {"m"}, {{"keepdims", std::int64_t{0}}});
  network.node("Cast", {"m"}, {"c"}, {{"to", std::int64_t{1}}}).node("Add", {"x", "c"}, {"y"});
  return network;
}

// Lowers the network and, if the node is one for constants, computes it. Returns whether a network came out.
bool survives(const OnnxNetwork& network) {
  const auto lowered = narrow::onnx::lower_model(network.model);
  if (lowered.ok()) return true;
  CHECK_MESSAGE(lowered.error().code != ErrorCode::kInternal, lowered.error().text());
  CHECK_FALSE(lowered.error().message.empty());
  return false;
}

// The same with the result of the node as the network's output.
bool survives_as_output(OnnxNetwork network) {
  network.model.outputs.front().name = "made";
  return survives(network);
}

const char* const kKinds[] = {"x", "float", "int", "floats", "ints", "bytes", "bool", "matrix"};

}  // namespace

TEST_CASE("every operator with every number of inputs gives a network or an error") {
  for (const OperatorRow& row : narrow::onnx::operator_table()) {
    const std::string op(row.name);
    CAPTURE(op);
    const bool repeats = row.inputs.ends_with('*');
    const std::size_t fixed = row.inputs.size() - (repeats ? 1 : 0);
    for (std::size_t count = 0; count <= most_inputs(row); ++count) {
      CAPTURE(count);
      for (const char* first : kKinds) {
        for (const char* rest : kKinds) {
          std::vector<std::string> inputs(count, rest);
          if (count > 0) inputs[0] = first;
          const OnnxNetwork network = one_node(op, inputs);
          const bool accepted = survives(network);
          if (count > fixed && !repeats) CHECK_FALSE(accepted);
          if (count <= row.inputs.rfind('x') && row.inputs.find('x') != std::string_view::npos) CHECK_FALSE(accepted);
          static_cast<void>(survives_as_output(network));
          for (std::size_t hole = 0; hole < count; ++hole) {
            std::vector<std::string> holed = inputs;
            holed[hole] = "";
            const bool still = survives(one_node(op, holed));
            if (hole < fixed && row.inputs[hole] == 'x') CHECK_FALSE(still);
          }
        }
      }
    }
  }
}

TEST_CASE("every operator with more outputs than it has gives an error") {
  for (const OperatorRow& row : narrow::onnx::operator_table()) {
    if (row.outputs > 10) continue;
    const std::string op(row.name);
    CAPTURE(op);
    const std::vector<std::string> inputs(row.inputs.size(), "float");
    const auto most = static_cast<std::size_t>(row.outputs);
    const narrow::Error error = lowering_error(one_node(op, inputs, {}, most + 1));
    CHECK(error.code == ErrorCode::kMalformed);
    OnnxNetwork none = one_node(op, inputs, {}, most);
    none.model.nodes[0].outputs = {"", "made"};  // the first one is missing
    static_cast<void>(survives(none));
  }
}

TEST_CASE("the nodes that are refused for their number of inputs say which is missing or how many are possible") {
  CHECK(contains(lowering_error(one_node("Conv", {"x"})).message, "input 1 is missing"));
  CHECK(contains(lowering_error(one_node("Conv", {"x", "", "floats"})).message, "input 1 is missing"));
  CHECK(contains(lowering_error(one_node("Relu", {"x", "x"})).message, "has 2 inputs, at most 1 are possible"));
  CHECK(contains(lowering_error(one_node("Max", {})).message, "input 0 is missing"));
  CHECK(contains(lowering_error(one_node("Sum", {"x", "", "x"})).message, "input 1 is missing"));
  CHECK(contains(
      lowering_error(one_node("com.microsoft.QLinearConcat", {}, {{"channels_last", std::int64_t{1}}})).message,
      "input 0 is missing"));
  CHECK(survives(one_node("Clip", {"x", "", ""})));  // names at the end may be empty
}

TEST_CASE("integer attributes at the ends of int64 give a network or an error") {
  const char* const names[] = {"axis",
                               "axes",
                               "perm",
                               "keepdims",
                               "noop_with_empty_axes",
                               "group",
                               "kernel_shape",
                               "strides",
                               "pads",
                               "dilations",
                               "ceil_mode",
                               "count_include_pad",
                               "transA",
                               "transB",
                               "allowzero",
                               "to",
                               "start",
                               "end",
                               "block_size",
                               "output_dtype",
                               "channels_last",
                               "fmod",
                               "output_padding",
                               "output_shape",
                               "size",
                               "training_mode",
                               "spatial",
                               "num_outputs",
                               "split",
                               "starts",
                               "ends",
                               "steps",
                               "value_int",
                               "value_ints",
                               "shape"};
  int accepted = 0;
  for (const OperatorRow& row : narrow::onnx::operator_table()) {
    const std::string op(row.name);
    CAPTURE(op);
    std::vector<std::string> inputs(row.inputs.size() - (row.inputs.ends_with('*') ? 1 : 0), "floats");
    for (const std::int64_t opset : {9, 18}) {
      if (!inputs.empty()) inputs[0] = opset == 9 ? "floats" : "x";
      for (const char* name : names) {
        for (const std::int64_t value : {kMin, -kTwo31 - 1, -kTwo31, std::int64_t{-1}, kTwo31, kMax}) {
          CAPTURE(name);
          CAPTURE(value);
          accepted += survives(one_node(op, inputs, {{name, value}}, 1, opset)) ? 1 : 0;
          for (const std::size_t length : {1U, 2U, 4U, 8U}) {
            OnnxDims values(length, length == 2 || length == 8 ? 1 : value);
            values.back() = value;
            static_cast<void>(survives(one_node(op, inputs, {{name, values}}, 1, opset)));
          }
        }
      }
    }
  }
  CHECK(accepted > 1000);
}

TEST_CASE("integer constants at the ends of int64 give a network or an error, wherever they are read") {
  for (const OperatorRow& row : narrow::onnx::operator_table()) {
    const std::string op(row.name);
    CAPTURE(op);
    const std::size_t count = row.inputs.size() - (row.inputs.ends_with('*') ? 1 : 0);
    for (std::size_t at = 0; at < count; ++at) {
      for (const char* others : {"x", "floats", "ints", "bytes"}) {
        for (const std::int64_t value : kExtremes) {
          CAPTURE(at);
          CAPTURE(value);
          for (const std::int64_t length : {0, 1, 2, 4, 8}) {
            OnnxDims values(static_cast<std::size_t>(length), value);
            std::vector<std::string> inputs(count, "ints");
            inputs[0] = others;
            inputs[at] = "extreme";
            OnnxNetwork network = one_node(op, inputs);
            network.constant("extreme", int64_vector(values));
            static_cast<void>(survives(network));
            if (length == 1) {
              network.constant("extreme", int64_tensor({}, values));
              static_cast<void>(survives(network));
            } else if (length > 1) {
              // Alternating, so that sums cancel: pads of INT64_MIN before and INT64_MAX after.
              for (std::size_t i = 1; i < values.size(); i += 2) values[i] = value == kMin ? kMax : -value;
              network.constant("extreme", int64_vector(values));
              static_cast<void>(survives(network));
            }
          }
        }
      }
    }
  }
}

TEST_CASE("constants with a dimension of 0 and one of any size give a network or an error") {
  for (const OperatorRow& row : narrow::onnx::operator_table()) {
    const std::string op(row.name);
    CAPTURE(op);
    const std::size_t count = row.inputs.size() - (row.inputs.ends_with('*') ? 1 : 0);
    for (std::size_t at = 0; at < count; ++at) {
      for (const OnnxDims& dims :
           {OnnxDims{0}, OnnxDims{0, 0}, OnnxDims{0, 2}, OnnxDims{2, 0}, OnnxDims{kTwo31, 0}, OnnxDims{0, kTwo31},
            OnnxDims{2, 2, 0, 0}, OnnxDims{0, 2, 1, 1}, OnnxDims{kTwo31, 0, 1, 1}}) {
        for (const char* others : {"x", "floats", "ints"}) {
          for (const bool integers : {false, true}) {
            std::vector<std::string> inputs(count, others);
            inputs[at] = "empty";
            OnnxNetwork network = one_node(op, inputs);
            network.constant("empty", integers ? int64_tensor(dims, {}) : float_tensor(dims, {}));
            static_cast<void>(survives(network));
          }
        }
      }
    }
  }
}

TEST_CASE("positions beyond every dimension mean the end of it") {
  OnnxNetwork network = one_node("Slice", {"x", "starts", "ends", "axes"});
  network.constant("starts", int64_vector({kMin, 0})).constant("ends", int64_vector({kMax, kTwo31 + 1}));
  network.constant("axes", int64_vector({2, 3}));
  CHECK(survives_as_output(network));
  network.constant("axes", int64_vector({2, kMax}));
  CHECK(contains(lowering_error(network).message, "holds 9223372036854775807, which is beyond 2^31"));
  OnnxNetwork old =
      one_node("Slice", {"x"}, {{"starts", OnnxDims{1}}, {"ends", OnnxDims{kMax}}, {"axes", OnnxDims{3}}}, 1, 9);
  CHECK(survives_as_output(old));
}
