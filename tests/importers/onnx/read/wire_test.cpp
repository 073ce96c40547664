// The wire format: what protobuf's own classes do not write, but a file may hold. They are the oracle where both read
// it.
#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>

#include <random>

#include "tests/importers/onnx/builder.h"
#include "tests/importers/onnx/read/onnx_error.h"
#include "tests/support/data.h"

using namespace narrow::testing;
using doctest::Contains;

namespace {

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value > 0x7F; value >>= 7U) bytes += static_cast<char>((value & 0x7FU) | 0x80U);
  return bytes + static_cast<char>(value);
}
std::string tag(unsigned field, unsigned wire) { return varint((std::uint64_t{field} << 3U) | wire); }
std::string number(unsigned field, std::int64_t value) {
  return tag(field, 0) + varint(static_cast<std::uint64_t>(value));
}
std::string bytes(unsigned field, const std::string& content) {
  return tag(field, 2) + varint(content.size()) + content;
}
std::string fixed32(unsigned field, float value) {
  return tag(field, 5) + std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

// Fields of the messages of onnx.proto.
constexpr unsigned kGraph = 7, kOpset = 8;
constexpr unsigned kNode = 1, kInitializer = 5, kInput = 11, kOutput = 12;
const std::string kHead = number(1, 8) + bytes(kOpset, bytes(1, "") + number(2, 13));
const std::string kEnds = bytes(kInput, bytes(1, "x")) + bytes(kOutput, bytes(1, "y"));
std::string relu(const std::string& from, const std::string& to, const std::string& more = "") {
  return bytes(kNode, bytes(1, from) + bytes(2, to) + bytes(4, "Relu") + more);
}

// A file of one Relu and these parts in the graph, the file and the node.
std::string file(const std::string& in_graph, const std::string& in_file = "", const std::string& in_node = "") {
  return kHead + in_file + bytes(kGraph, relu("x", "y", in_node) + in_graph + kEnds);
}
std::string attribute(const std::string& fields) { return bytes(5, bytes(1, "a") + fields); }
std::string initializer(const std::string& fields) { return bytes(kInitializer, bytes(8, "t") + fields); }

narrow::onnx::Model read(const std::string& of) {
  auto model = parse_onnx(of);
  REQUIRE_MESSAGE(model.ok(), model.error().text());
  return *std::move(model);
}
// The same file as protobuf understands and writes it.
std::string rewritten(const std::string& of) {
  ::onnx::ModelProto proto;
  REQUIRE(proto.ParseFromString(of));
  return proto.SerializeAsString();
}

}  // namespace

TEST_CASE("bytes that are no protobuf message are refused at every level") {
  const std::string damages[] = {
      tag(300, 3),  // a group, which protobuf itself has given up
      tag(300, 4),  // the end of one
      tag(300, 6),  // wire types that do not exist
      tag(300, 7),
      tag(0, 0) + varint(1),                                      // there is no field 0
      tag(300, 0) + "\x80",                                       // a number that is cut off
      tag(300, 0) + std::string(10, '\x80') + '\x01',             // a number of more than 64 bits
      tag(300, 1) + "1234567",                                    // 7 of 8 bytes
      tag(300, 5) + "123",                                        // 3 of 4 bytes
      tag(300, 2) + varint(5) + "1234",                           // 4 of 5 bytes
      tag(300, 2) + varint((std::uint64_t{1} << 32) + 2) + "12",  // a length that is 2 in 32 bits
      varint((std::uint64_t{1} << 35) | 0x08U) + varint(1),       // a tag that is field 1 in 32 bits
  };
  for (const std::string& damage : damages) {
    CAPTURE(damage);
    CHECK(onnx_error(file("", damage)) == Contains("not an ONNX file"));
    CHECK(onnx_error(file(damage)) == Contains("not an ONNX file"));
    CHECK(onnx_error(file("", "", damage)) == Contains("not an ONNX file"));
    CHECK(onnx_error(file("", "", attribute(number(3, 1) + damage))) == Contains("not an ONNX file"));
    CHECK(onnx_error(file(initializer(number(2, 1) + bytes(9, "1234") + damage))) == Contains("not an ONNX file"));
    CHECK(onnx_error(file(bytes(kInput, bytes(1, "z") + damage))) == Contains("not an ONNX file"));
    CHECK(onnx_error(file(bytes(kInput, bytes(1, "z") + bytes(2, damage)))) == Contains("not an ONNX file"));
    CHECK(onnx_error(file(bytes(kInput, bytes(1, "z") + bytes(2, bytes(1, bytes(2, bytes(1, damage))))))) ==
          Contains("not an ONNX file"));
    CHECK(onnx_error(file("", bytes(kOpset, damage))) == Contains("not an ONNX file"));
    CHECK(onnx_error(file("", bytes(14, damage))) == Contains("not an ONNX file"));
    CHECK(onnx_error(file("", bytes(25, damage))) == Contains("not an ONNX file"));
  }
}

TEST_CASE("fields that Narrow does not know are skipped at every level, whatever they hold") {
  const std::string unknown = number(300, -1) + bytes(301, "\x80\xff") + fixed32(302, 1.0F) + tag(303, 1) + "12345678";
  const std::string of = file(unknown + initializer(unknown + number(1, 1) + number(2, 1) + fixed32(4, 2.0F)) +
                                  bytes(13, "value_info is not read, so it may be anything"),
                              unknown + bytes(kOpset, bytes(1, "d") + number(2, 1) + unknown),
                              unknown + attribute(number(3, 1) + unknown));
  const auto model = read(of);
  CHECK(model.constants.at("t").to_floats() == std::vector<float>{2});
  CHECK(**model.nodes.at(0).find_int("a") == 1);
}

TEST_CASE("known fields of a wrong wire type are refused, where protobuf would take them for unknown") {
  CHECK(onnx_error(file("", bytes(2, "fine"))) == "accepted");
  CHECK(onnx_error(file("", number(2, 1))) == Contains("not an ONNX file"));                  // producer_name
  CHECK(onnx_error(file("", number(7, 1))) == Contains("not an ONNX file"));                  // graph
  CHECK(onnx_error(file("", bytes(kOpset, fixed32(2, 1)))) == Contains("not an ONNX file"));  // version
  CHECK(onnx_error(file(number(kNode, 1))) == Contains("not an ONNX file"));
  CHECK(onnx_error(file("", "", number(1, 1))) == Contains("not an ONNX file"));                      // input of a node
  CHECK(onnx_error(file("", "", attribute(number(2, 1)))) == Contains("not an ONNX file"));           // f
  CHECK(onnx_error(file("", "", attribute(fixed32(3, 1)))) == Contains("not an ONNX file"));          // i
  CHECK(onnx_error(file("", "", attribute(number(7, 1)))) == Contains("not an ONNX file"));           // floats
  CHECK(onnx_error(file("", "", attribute(fixed32(8, 1)))) == Contains("not an ONNX file"));          // ints
  CHECK(onnx_error(file(initializer(fixed32(1, 1)))) == Contains("not an ONNX file"));                // dims
  CHECK(onnx_error(file(initializer(number(2, 1) + number(9, 1)))) == Contains("not an ONNX file"));  // raw_data
}

TEST_CASE("repeated numbers may be packed, unpacked or both") {
  const std::string one_float = bytes(4, std::string("\0\0\x80\x3f", 4));
  const std::string tensors[] = {
      bytes(1, varint(2)) + number(2, 1) + fixed32(4, 1) + fixed32(4, 1),
      number(1, 2) + number(2, 1) + one_float + fixed32(4, 1),
      fixed32(4, 1) + number(2, 1) + one_float + number(1, 2),  // dimensions last
      number(1, 1) + bytes(1, varint(2)) + number(2, 1) + one_float + bytes(4, "") + one_float,
  };
  for (const std::string& tensor : tensors) {
    CHECK(read(file(initializer(tensor))).constants.at("t").to_floats() == std::vector<float>{1, 1});
  }
  const auto ints = [&](const std::string& fields) {
    return **read(file("", "", attribute(fields))).nodes.at(0).find_ints("a");
  };
  CHECK(ints(number(8, 5) + number(8, -6)) == OnnxDims{5, -6});
  CHECK(ints(bytes(8, varint(5) + varint(300))) == OnnxDims{5, 300});
  CHECK(ints(number(8, 5) + bytes(8, varint(7) + varint(8)) + number(8, 9)) == OnnxDims{5, 7, 8, 9});
  CHECK(ints(bytes(8, "") + number(20, 7)).empty());
  CHECK(onnx_error(file("", "", attribute(bytes(8, "\x80")))) == Contains("not an ONNX file"));
  CHECK(onnx_error(file("", "", attribute(bytes(7, "12345")))) == Contains("not an ONNX file"));
  CHECK(onnx_error(file(initializer(number(1, 1) + number(2, 7) + bytes(7, "\xff")))) == Contains("not an ONNX file"));
}

TEST_CASE("a message that occurs several times where the format has one is their concatenation, as protobuf reads it") {
  const std::string files[] = {
      kHead + bytes(kGraph, relu("m", "y")) + bytes(kGraph, relu("x", "m") + kEnds),
      file("", "",
           attribute(bytes(5, number(1, 2)) + bytes(5, number(1, 1) + number(2, 1)) + bytes(5, fixed32(4, 3)) +
                     bytes(5, fixed32(4, 4)))),
      file("", "", attribute(bytes(5, number(2, 1) + bytes(9, "1234")) + bytes(5, bytes(9, "4321")))),
      file("", "", attribute(number(3, 1) + number(3, 2))),
      file("", "", bytes(3, "first") + bytes(3, "second")),
      file(bytes(kInput, bytes(1, "z") + bytes(2, bytes(1, number(1, 1) + bytes(2, bytes(1, number(1, 4))))) +
                             bytes(2, bytes(1, bytes(2, bytes(1, number(1, 5) + number(1, 6))))))),
      file(bytes(kInput, bytes(1, "z") + bytes(2, bytes(1, number(1, 1)) + bytes(4, "")))),  // no tensor after all
      file(bytes(kInput, bytes(1, "z") + bytes(2, bytes(1, bytes(2, bytes(1, number(1, 4) + bytes(2, "N"))))))),
  };
  for (const std::string& of : files) {
    const auto own = read(of);
    const auto theirs = read(rewritten(of));
    REQUIRE(own.nodes.size() == theirs.nodes.size());
    for (std::size_t i = 0; i < own.nodes.size(); ++i) {
      CHECK(own.nodes[i].describe() == theirs.nodes[i].describe());
      CHECK(own.nodes[i].inputs == theirs.nodes[i].inputs);
      REQUIRE(own.nodes[i].attributes.size() == theirs.nodes[i].attributes.size());
      for (std::size_t j = 0; j < own.nodes[i].attributes.size(); ++j) {
        const auto& a = own.nodes[i].attributes[j].value;
        const auto& b = theirs.nodes[i].attributes[j].value;
        REQUIRE(a.index() == b.index());
        if (const auto* tensor = std::get_if<narrow::onnx::Tensor>(&a)) {
          CHECK(tensor->dims == std::get_if<narrow::onnx::Tensor>(&b)->dims);
          CHECK(tensor->to_floats() == std::get_if<narrow::onnx::Tensor>(&b)->to_floats());
        } else {
          CHECK(*std::get_if<std::int64_t>(&a) == *std::get_if<std::int64_t>(&b));
        }
      }
    }
    REQUIRE(own.inputs.size() == theirs.inputs.size());
    for (std::size_t i = 0; i < own.inputs.size(); ++i) {
      CHECK(own.inputs[i].type == theirs.inputs[i].type);
      CHECK(own.inputs[i].dims == theirs.inputs[i].dims);
    }
  }
}

TEST_CASE("names need not be UTF-8, and are escaped where people read them") {
  const std::string of =
      kHead + bytes(kGraph, relu("x", "\xff\xfe", bytes(3, "\xc0\x80")) + relu("nowhere", "y") + kEnds);
  const doctest::String text = onnx_error(kHead + bytes(kGraph, relu("nowhere", "y", bytes(3, "\xc0\x80")) + kEnds));
  CHECK(text == Contains("Relu '\\xc0\\x80'"));
  CHECK(onnx_error(kHead + bytes(kGraph, relu("x", "y", bytes(5, bytes(1, "\xff"))) + kEnds)) ==
        Contains("attribute '\\xff' has no value"));
  CHECK(onnx_error(of) == Contains("nowhere"));
}

TEST_CASE("messages nested thousands deep are skipped or refused without recursion") {
  std::string deep;
  for (int depth = 0; depth < 3000; ++depth) deep = bytes(1, bytes(5, bytes(6, deep)));
  CHECK(onnx_error(file("", "", attribute(bytes(6, deep)))) == Contains("has a graph of its own"));
  CHECK(onnx_error(file(bytes(13, deep))) == "accepted");      // value_info is not read
  CHECK(onnx_error(file("", bytes(20, deep))) == "accepted");  // nor is training_info
  CHECK(onnx_error(file("", bytes(25, bytes(7, deep)))) == Contains("names no operator"));
  // Branches of an If are read, within limits.
  std::string branches = bytes(4, "Neg") + bytes(2, "t");
  for (int depth = 0; depth < 3000; ++depth) {
    branches = bytes(4, "If") + bytes(2, "t") + bytes(5, bytes(1, "then_branch") + bytes(6, bytes(1, branches)));
  }
  CHECK(onnx_error(kHead + bytes(kGraph, bytes(1, branches) + kEnds)) == Contains("16 graphs are within each other"));
}

TEST_CASE("tiny messages are refused before they fill the memory") {
  const auto many = [](const std::string& message, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += message;
    return all;
  };
  constexpr int kMany = 1 << 20;
  const auto in_graph = [&](const std::string& message) { return onnx_error(file(many(message, kMany))); };
  CHECK(in_graph(bytes(kNode, "")) == Contains("names no operator"));
  CHECK(in_graph(relu("x", "")) == Contains("neither a name nor an output"));
  CHECK(in_graph(relu("x", "", bytes(3, "n"))) == Contains("in memory, far more than it has itself"));
  CHECK(in_graph(bytes(kInitializer, "")) == Contains("has no name"));
  CHECK(in_graph(bytes(kInput, "")) == Contains("has no name"));
  CHECK(in_graph(bytes(kOutput, "")) == Contains("in memory, far more than it has itself"));
  CHECK(onnx_error(file(bytes(kInput, bytes(1, "z") + bytes(2, bytes(1, bytes(2, many(bytes(1, ""), kMany))))))) ==
        Contains("more than 32 dimensions"));
  CHECK(onnx_error(file("", many(bytes(kOpset, ""), kMany))) == Contains("two versions"));
  CHECK(onnx_error(file("", many(bytes(14, ""), kMany))) == Contains("in memory, far more than it has itself"));
  CHECK(onnx_error(file("", many(bytes(25, ""), kMany))) == Contains("in memory, far more than it has itself"));
  for (const unsigned field : {1U, 2U, 5U}) {  // inputs, outputs and attributes of a node
    CHECK(onnx_error(file("", "", many(bytes(field, ""), kMany))) ==
          Contains("in memory, far more than it has itself"));
  }
  for (const unsigned field : {5U, 8U}) {  // occurrences of a tensor, packed numbers
    CAPTURE(field);
    CHECK(
        onnx_error(file(
            "", "", attribute(field == 5 ? many(bytes(5, ""), 4 * kMany) : bytes(8, std::string(16 * kMany, '\1'))))) ==
        Contains("in memory, far more than it has itself"));
  }
  // A bool takes a byte in the file and 8 in memory: a few are fine, but not so that a small file takes gigabytes.
  const auto bools = [&](std::int64_t count) {
    return onnx_error(file(
        initializer(number(1, count) + number(2, 9) + bytes(9, std::string(static_cast<std::size_t>(count), '\1')))));
  };
  CHECK(bools(1 << 21) == "accepted");
  CHECK(bools(1 << 24) == Contains("in memory, far more than it has itself"));
  CHECK(onnx_error(file(many(bytes(13, ""), kMany))) == "accepted");  // what is not read takes no memory
}

TEST_CASE("what both understand of a damaged file is the same to Narrow and to protobuf") {
  OnnxBuilder builder;
  builder.input("x", {1, 2, 4, 4}).output("y").constant("w", float_tensor({1, 2, 1, 1}, {0.5F, -0.25F}));
  builder.constant("i", int64_vector({1, -300, 70000})).constant("b", bool_tensor({2}, {1, 0}));
  builder.node("Conv", {"x", "w"}, {"c"}, {{"strides", OnnxDims{2, 2}}, {"auto_pad", std::string("VALID")}});
  builder.node("Scale", {"c"}, {"y"}, {{"f", 1.5F}, {"t", int32_tensor({1}, {-7})}});
  const std::string whole = builder.bytes();
  std::mt19937 random(seed());
  int compared = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string damaged = whole;
    damaged[random() % damaged.size()] = static_cast<char>(random() % 256);
    ::onnx::ModelProto proto;
    const auto own = parse_onnx(damaged);
    if (!own.ok() || !proto.ParseFromString(damaged)) continue;
    ++compared;
    const auto theirs = parse_onnx(proto.SerializeAsString());
    REQUIRE_MESSAGE(theirs.ok(), theirs.error().text());
    REQUIRE(own->nodes.size() == theirs->nodes.size());
    REQUIRE(own->nodes.size() == static_cast<std::size_t>(proto.graph().node_size()));
    for (std::size_t i = 0; i < own->nodes.size(); ++i) {
      REQUIRE(own->nodes[i].inputs == theirs->nodes[i].inputs);
      REQUIRE(own->nodes[i].outputs == theirs->nodes[i].outputs);
      REQUIRE(own->nodes[i].op_type == theirs->nodes[i].op_type);
      REQUIRE(own->nodes[i].attributes.size() == theirs->nodes[i].attributes.size());
    }
    REQUIRE(own->constants.size() == theirs->constants.size());
    for (const auto& [name, tensor] : own->constants) {
      REQUIRE(theirs->constants.contains(name));
      REQUIRE(tensor.dims == theirs->constants.at(name).dims);
      REQUIRE(tensor.to_ints() == theirs->constants.at(name).to_ints());
    }
  }
  CHECK(compared > 2000);
}
