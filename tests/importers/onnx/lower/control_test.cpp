// If with a condition that does not depend on the image, and functions that the file defines.
#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

#include "base/try.h"
#include "importers/onnx/lower/lower_model.h"
#include "tests/importers/onnx/builder.h"
#include "tests/importers/onnx/network.h"
#include "tests/support/data.h"
#include "tests/support/graph/naive_evaluator.h"

using namespace narrow;
using namespace narrow::testing;

namespace {

using Row = std::vector<double>;

::onnx::NodeProto* add_node(::onnx::GraphProto& graph, const std::string& op, const std::vector<std::string>& inputs,
                            const std::vector<std::string>& outputs) {
  auto* node = graph.add_node();
  node->set_op_type(op);
  for (const std::string& name : inputs) node->add_input(name);
  for (const std::string& name : outputs) node->add_output(name);
  return node;
}

// A branch that applies one operator to `input`.
::onnx::GraphProto branch(const std::string& op, const std::string& input, const std::string& output) {
  ::onnx::GraphProto graph;
  graph.set_name("branch");
  add_node(graph, op, {input}, {output});
  graph.add_output()->set_name(output);
  return graph;
}

void add_graph(::onnx::NodeProto& node, const std::string& name, const ::onnx::GraphProto& graph) {
  auto* attribute = node.add_attribute();
  attribute->set_name(name);
  attribute->set_type(::onnx::AttributeProto::GRAPH);
  *attribute->mutable_g() = graph;
}

::onnx::NodeProto* add_if(OnnxBuilder& file, const std::string& condition, const ::onnx::GraphProto& then_branch,
                          const ::onnx::GraphProto& else_branch, const std::vector<std::string>& outputs = {"y"}) {
  auto* node = add_node(*file.proto().mutable_graph(), "If", {condition}, outputs);
  add_graph(*node, "then_branch", then_branch);
  add_graph(*node, "else_branch", else_branch);
  return node;
}

OnnxBuilder file_of_three() {
  OnnxBuilder file(13);
  file.input("x", {3}).output("y");
  return file;
}

Result<Row> scores(const OnnxBuilder& file) {
  NARROW_ASSIGN(const narrow::onnx::Model model, parse_onnx(file.bytes()));
  NARROW_ASSIGN(const narrow::onnx::Lowered lowered, narrow::onnx::lower_model(model, kAsItIs));
  return evaluate(lowered.graph, {-1, 0, 2});
}

Row run(const OnnxBuilder& file) {
  const auto result = scores(file);
  REQUIRE_MESSAGE(result.ok(), result.error().text());
  return *result;
}

std::string error_of(const OnnxBuilder& file) {
  const auto result = scores(file);
  return result.ok() ? "accepted" : result.error().text();
}

const Row kNegated{1, 0, -2};
const Row kAbsolute{1, 0, 2};

::onnx::FunctionProto* add_function(OnnxBuilder& file, const std::string& name, const std::vector<std::string>& inputs,
                                    const std::vector<std::string>& outputs) {
  auto* function = file.proto().add_functions();
  function->set_domain("mine");
  function->set_name(name);
  for (const std::string& input : inputs) function->add_input(input);
  for (const std::string& output : outputs) function->add_output(output);
  return function;
}

void add_to(::onnx::FunctionProto& function, const ::onnx::NodeProto& node) { *function.add_node() = node; }

::onnx::NodeProto node_of(const std::string& op, const std::vector<std::string>& inputs,
                          const std::vector<std::string>& outputs, const std::string& domain = "") {
  ::onnx::GraphProto graph;
  auto node = *add_node(graph, op, inputs, outputs);
  node.set_domain(domain);
  return node;
}

}  // namespace

TEST_CASE("an If with a constant condition is the branch that it chooses") {
  for (const bool holds : {false, true}) {
    OnnxBuilder file = file_of_three();
    file.constant("c", bool_tensor({}, {holds ? 1 : 0}));
    add_if(file, "c", branch("Neg", "x", "t"), branch("Abs", "x", "e"));
    CHECK(run(file) == (holds ? kNegated : kAbsolute));
  }
}

TEST_CASE("the shape of a computed tensor can decide a condition") {
  for (const std::int64_t size : {3, 4}) {
    OnnxBuilder file = file_of_three();
    file.constant("zero", int64_tensor({}, {0})).constant("size", int64_tensor({}, {size}));
    file.node("Relu", {"x"}, {"r"}).node("Shape", {"r"}, {"shape"}).node("Gather", {"shape", "zero"}, {"d"});
    file.node("Equal", {"d", "size"}, {"c"});
    add_if(file, "c", branch("Neg", "x", "t"), branch("Abs", "x", "e"));
    CHECK(run(file) == (size == 3 ? kNegated : kAbsolute));
  }
}

TEST_CASE("branches have constants of their own, read names around them and may hold another If") {
  OnnxBuilder file = file_of_three();
  file.constant("c", bool_tensor({1}, {1})).node("Abs", {"x"}, {"outside"});
  ::onnx::GraphProto inner;
  add_node(inner, "Add", {"outside", "two"}, {"sum"});
  auto* constant = inner.add_initializer();
  constant->set_name("two");
  constant->set_data_type(::onnx::TensorProto::FLOAT);
  constant->add_float_data(2);
  inner.add_output()->set_name("sum");
  ::onnx::GraphProto middle;
  auto* node = add_node(middle, "If", {"c"}, {"found"});
  add_graph(*node, "then_branch", inner);
  add_graph(*node, "else_branch", branch("Neg", "outside", "other"));
  add_node(middle, "Neg", {"found"}, {"negated"});
  middle.add_output()->set_name("negated");
  add_if(file, "c", middle, branch("Relu", "x", "e"));
  CHECK(run(file) == Row{-3, -2, -4});
}

TEST_CASE("what branches read is computed before the If, wherever it stands in the file") {
  OnnxBuilder file = file_of_three();
  file.constant("c", bool_tensor({}, {1}));
  add_if(file, "c", branch("Neg", "late", "t"), branch("Abs", "late", "e"));
  file.node("Relu", {"x"}, {"late"});
  CHECK(run(file) == Row{0, 0, -2});
}

TEST_CASE("an If has any number of outputs, which may be constants or names around it") {
  OnnxBuilder file = file_of_three();
  file.constant("c", bool_tensor({}, {1})).constant("k", float_tensor({}, {10})).node("Abs", {"x"}, {"a"});
  ::onnx::GraphProto both = branch("Identity", "k", "constant");
  both.add_output()->set_name("a");
  add_if(file, "c", both, both, {"first", "second"});
  file.node("Add", {"first", "second"}, {"y"});
  CHECK(run(file) == Row{11, 10, 12});
}

TEST_CASE("branches of two Ifs may use the same names") {
  OnnxBuilder file = file_of_three();
  file.constant("c", bool_tensor({}, {1}));
  add_if(file, "c", branch("Abs", "x", "inner"), branch("Relu", "x", "inner"), {"a"});
  add_if(file, "c", branch("Neg", "a", "inner"), branch("Relu", "a", "inner"));
  CHECK(run(file) == Row{-1, 0, -2});
}

TEST_CASE("Ifs that can't be decided or do not fit are refused by name") {
  OnnxBuilder computed = file_of_three();
  computed.node("ReduceMax", {"x"}, {"m"}).node("Greater", {"m", "k"}, {"c"}).constant("k", float_tensor({}, {0}));
  add_if(computed, "c", branch("Neg", "x", "t"), branch("Abs", "x", "e"));
  CHECK(contains(error_of(computed), "If 'y': its condition depends on the image"));

  OnnxBuilder by_image(13);
  by_image.input("x", {1}).output("y");
  add_if(by_image, "x", branch("Neg", "x", "t"), branch("Abs", "x", "e"));
  CHECK(contains(error_of(by_image), "If 'y': its condition depends on the image"));

  OnnxBuilder number = file_of_three();
  number.constant("c", float_tensor({}, {1}));
  add_if(number, "c", branch("Neg", "x", "t"), branch("Abs", "x", "e"));
  CHECK(contains(error_of(number), "its condition is not one bool"));

  OnnxBuilder missing = file_of_three();
  missing.constant("c", bool_tensor({}, {0}));
  auto* node = add_node(*missing.proto().mutable_graph(), "If", {"c"}, {"y"});
  add_graph(*node, "then_branch", branch("Neg", "x", "t"));
  CHECK(contains(error_of(missing), "'else_branch' is missing"));

  OnnxBuilder more = file_of_three();
  more.constant("c", bool_tensor({}, {1}));
  add_if(more, "c", branch("Neg", "x", "t"), branch("Abs", "x", "e"), {"y", "z"});
  CHECK(contains(error_of(more), "another number of outputs"));

  OnnxBuilder unknown = file_of_three();
  unknown.constant("c", bool_tensor({}, {1}));
  add_if(unknown, "c", branch("Neg", "nowhere", "t"), branch("Abs", "x", "e"));
  CHECK(contains(error_of(unknown), "reads 'nowhere', which nothing computes"));

  OnnxBuilder shadow = file_of_three();
  shadow.constant("c", bool_tensor({}, {1})).node("Abs", {"x"}, {"a"});
  add_if(shadow, "c", branch("Neg", "x", "a"), branch("Abs", "x", "e"));
  CHECK(contains(error_of(shadow), "computes 'a', which exists already"));

  OnnxBuilder deep = file_of_three();
  deep.constant("c", bool_tensor({}, {1}));
  ::onnx::GraphProto graph = branch("Neg", "x", "t");
  for (int i = 0; i < 20; ++i) {
    ::onnx::GraphProto around;
    const std::string name = "o" + std::to_string(i);
    auto* inner = add_node(around, "If", {"c"}, {name});
    add_graph(*inner, "then_branch", graph);
    add_graph(*inner, "else_branch", branch("Abs", "x", "e" + std::to_string(i)));
    around.add_output()->set_name(name);
    graph = around;
  }
  add_if(deep, "c", graph, branch("Abs", "x", "e"));
  CHECK(contains(error_of(deep), "16 graphs are within each other"));
}

TEST_CASE("a function of the file is replaced by its nodes, as often as it is called") {
  OnnxBuilder file = file_of_three();
  auto* shifted = add_function(file, "Shifted", {"a", "b"}, {"out"});
  add_to(*shifted, node_of("Add", {"a", "b"}, {"sum"}));
  add_to(*shifted, node_of("Relu", {"sum"}, {"out"}));
  auto* twice = add_function(file, "Twice", {"v"}, {"w"});
  add_to(*twice, node_of("Shifted", {"v", "v"}, {"sum"}, "mine"));
  add_to(*twice, node_of("Shifted", {"sum", "sum"}, {"w"}, "mine"));
  file.domain("mine", 1).node("Twice", {"x"}, {"t"}, {}, "mine").node("Twice", {"t"}, {"y"}, {}, "mine");
  CHECK(run(file) == Row{0, 0, 32});
}

TEST_CASE("attributes of a function are the caller's, else its defaults, else the operator's") {
  for (const int variant : {0, 1, 2}) {
    OnnxBuilder file = file_of_three();
    auto* function = add_function(file, "Leak", {"a"}, {"b"});
    ::onnx::NodeProto node = node_of("LeakyRelu", {"a"}, {"b"});
    auto* alpha = node.add_attribute();
    alpha->set_name("alpha");
    alpha->set_ref_attr_name("slope");
    alpha->set_type(::onnx::AttributeProto::FLOAT);
    add_to(*function, node);
    function->add_attribute("slope");
    file.domain("mine", 1);
    if (variant == 0) {
      file.node("Leak", {"x"}, {"y"}, {{"slope", 0.5F}}, "mine");
    } else {
      file.node("Leak", {"x"}, {"y"}, {}, "mine");
    }
    if (variant == 1) {
      // FunctionProto.attribute_proto, which older versions of the library do not know.
      constexpr int kAttributeProto = 11;
      ::onnx::AttributeProto value;
      value.set_name("slope");
      value.set_type(::onnx::AttributeProto::FLOAT);
      value.set_f(0.25F);
      *function->GetReflection()->MutableUnknownFields(function)->AddLengthDelimited(kAttributeProto) =
          value.SerializeAsString();
    }
    const double slope = variant == 0 ? 0.5 : variant == 1 ? 0.25 : double{0.01F};
    CHECK(run(file) == Row{-slope, 0, 2});
  }
}

TEST_CASE("functions may pass on an input, leave out inputs and hold an If") {
  OnnxBuilder file = file_of_three();
  auto* function = add_function(file, "Choose", {"a", "c", "low"}, {"same", "chosen"});
  add_to(*function, node_of("Clip", {"a", "low"}, {"clipped"}));
  ::onnx::NodeProto choice = node_of("If", {"c"}, {"chosen"});
  add_graph(choice, "then_branch", branch("Neg", "clipped", "t"));
  add_graph(choice, "else_branch", branch("Abs", "a", "e"));
  add_to(*function, choice);
  add_function(file, "Same", {"a"}, {"a"});
  add_to(*function, node_of("Same", {"a"}, {"same"}, "mine"));
  file.constant("yes", bool_tensor({}, {1})).domain("mine", 1);
  file.node("Choose", {"x", "yes"}, {"p", "q"}, {}, "mine").node("Add", {"p", "q"}, {"y"});
  CHECK(run(file) == Row{0, 0, 0});
}

TEST_CASE("functions that call themselves, grow without end or need another operator set are refused") {
  OnnxBuilder endless = file_of_three();
  auto* function = add_function(endless, "Again", {"a"}, {"b"});
  add_to(*function, node_of("Again", {"a"}, {"b"}, "mine"));
  endless.node("Again", {"x"}, {"y"}, {}, "mine");
  CHECK(contains(error_of(endless), "calls itself"));

  OnnxBuilder growing = file_of_three();
  std::string callee = "Neg";
  for (int level = 0; level < 40; ++level) {
    const std::string name = "F" + std::to_string(level);
    auto* caller = add_function(growing, name, {"a"}, {"b"});
    std::string from = "a";
    for (int i = 0; i < 4; ++i) {
      const std::string to = i == 3 ? "b" : "t" + std::to_string(i);
      add_to(*caller, node_of(callee, {from}, {to}, level == 0 ? "" : "mine"));
      from = to;
    }
    callee = name;
  }
  growing.node(callee, {"x"}, {"y"}, {}, "mine");
  CHECK(contains(error_of(growing), "in memory"));

  OnnxBuilder other = file_of_three();
  auto* newer = add_function(other, "Newer", {"a"}, {"b"});
  add_to(*newer, node_of("Neg", {"a"}, {"b"}));
  newer->add_opset_import()->set_version(18);
  other.node("Newer", {"x"}, {"y"}, {}, "mine");
  CHECK(contains(error_of(other), "written for operator set 18, the file for 13"));
}
