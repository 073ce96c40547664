// The restricted unpickler: what it reads, and that everything else is refused.
#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <string>

#include "importers/torch/pickle_globals.h"
#include "importers/torch/unpickler.h"
#include "tests/importers/torch/checkpoint_support.h"
#include "tests/importers/torch/checkpoint_writer.h"

using narrow::Error;
using narrow::ErrorCode;
using narrow::testing::as_span;
using narrow::testing::contains;
using narrow::testing::little_endian;
using narrow::testing::PickleWriter;
using narrow::testing::unpickle_error;
using narrow::torch::pickle::global_name;
using narrow::torch::pickle::Kind;
using narrow::torch::pickle::unpickle;
using namespace std::string_literals;

namespace {

std::int64_t integer_of(const std::string& opcodes) {
  const std::string bytes = "\x80\x02"s + opcodes + ".";
  const auto document = unpickle(as_span(bytes), 0, "test");
  REQUIRE(document.ok());
  REQUIRE(document->root.is(Kind::kInt));
  return document->root.payload;
}

}  // namespace

TEST_CASE("unpickler reads every form of an int") {
  CHECK(integer_of("K\xff"s) == 255);
  CHECK(integer_of("M\xff\xff"s) == 65535);
  CHECK(integer_of("J\xff\xff\xff\xff"s) == -1);
  CHECK(integer_of("J\x00\x00\x00\x80"s) == INT32_MIN);
  CHECK(integer_of("\x8a\x00"s) == 0);
  CHECK(integer_of("\x8a\x01\x80"s) == -128);
  CHECK(integer_of("\x8a\x02\xff\x00"s) == 255);
  CHECK(integer_of("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"s) == INT64_MAX);
  CHECK(integer_of("\x8b\x01\x00\x00\x00\x05"s) == 5);
}

TEST_CASE("unpickler reads plain values and containers") {
  const std::string bytes = PickleWriter()
                                .raw("}")
                                .mark()
                                .text("half")
                                .raw("G\x3f\xe0\x00\x00\x00\x00\x00\x00"s)
                                .text("list")
                                .raw("]")
                                .integer(1)
                                .raw("a(")
                                .integer(2)
                                .raw(
                                    "N\x88"
                                    "e"s)
                                .raw("u")
                                .stop();
  const auto document = unpickle(as_span(bytes), 0, "test");
  REQUIRE(document.ok());
  CHECK(document->end == bytes.size());
  REQUIRE(document->root.is(Kind::kDict));
  const auto& dict = document->heap.dict(document->root);
  REQUIRE(dict.size() == 2);
  CHECK(document->heap.text(dict[0].first) == "half");
  REQUIRE(dict[0].second.is(Kind::kFloat));
  CHECK(std::bit_cast<double>(dict[0].second.payload) == 0.5);
  REQUIRE(dict[1].second.is(Kind::kList));
  const auto& list = document->heap.sequence(dict[1].second);
  REQUIRE(list.size() == 4);
  CHECK(list[1].payload == 2);
  CHECK(list[2].is(Kind::kNone));
  CHECK(list[3].is(Kind::kBool));
}

TEST_CASE("unpickler reads the opcodes of protocols 4 and 5") {
  // FRAME, SHORT_BINUNICODE, MEMOIZE, STACK_GLOBAL, EMPTY_TUPLE, REDUCE.
  const std::string bytes = "\x80\x05\x95"s + little_endian(40, 8) +
                            "\x8c\x0b"
                            "collections\x94\x8c\x0bOrderedDict\x94"s +
                            "\x93\x94)R\x94."s;
  const auto document = unpickle(as_span(bytes), 0, "test");
  REQUIRE(document.ok());
  CHECK(document->root.is(Kind::kDict));
}

TEST_CASE("unpickler reads an OrderedDict as Python 2 wrote it") {
  const std::string bytes = PickleWriter()
                                .global("collections", "OrderedDict")
                                .raw(
                                    "](]U\x01"
                                    "aaK\x07"
                                    "aeK\x01\x30\x85R"s)
                                .stop();
  const auto document = unpickle(as_span(bytes), 0, "test");
  REQUIRE(document.ok());
  REQUIRE(document->root.is(Kind::kDict));
  REQUIRE(document->heap.dict(document->root).size() == 1);
  CHECK(document->heap.dict(document->root)[0].second.payload == 7);
}

TEST_CASE("unpickler keeps every foreign class and call as a name with data") {
  for (const auto& [module, name] : {std::pair{"os", "system"},
                                     {"builtins", "eval"},
                                     {"__builtin__", "set"},
                                     {"torch.nn.modules.conv", "Conv2d"},
                                     {"torch", "load"},
                                     {"collections", "defaultdict"},
                                     {"numpy.core.multiarray", "scalar"},
                                     {"argparse", "Namespace"},
                                     {"", ""}}) {
    const std::string full = std::string(module) + "." + name;
    CAPTURE(full);
    // REDUCE, STACK_GLOBAL with REDUCE, NEWOBJ, NEWOBJ_EX, OBJ and INST with the argument "id".
    const std::string class_lines = PickleWriter().global(module, name).text("id").raw("\x85").stop().substr(2);
    const std::string arguments = class_lines.substr(0, class_lines.size() - 1);
    const std::string written[] = {
        PickleWriter().raw(arguments + "R").stop(),
        PickleWriter().text(module).text(name).raw("\x93").text("id").raw("\x85R").stop(),
        PickleWriter().raw(arguments + "\x81").stop(),
        PickleWriter().raw(arguments + "}\x92").stop(),
        PickleWriter().mark().global(module, name).text("id").raw("o").stop(),
        PickleWriter().mark().text("id").raw("i"s + module + "\n" + name + "\n").stop(),
    };
    for (const std::string& bytes : written) {
      const auto document = unpickle(as_span(bytes), 0, "data.pkl");
      REQUIRE(document.ok());
      REQUIRE(document->root.is(Kind::kObject));
      const auto& object = document->heap.object(document->root);
      CHECK(global_name(document->heap, object.type) == full);
      REQUIRE(object.arguments.is(Kind::kTuple));
      REQUIRE(document->heap.sequence(object.arguments).size() == 1);
      CHECK(document->heap.text(document->heap.sequence(object.arguments)[0]) == "id");
    }
  }
}

TEST_CASE("unpickler keeps what would be set on a foreign object as data") {
  const std::string bytes = PickleWriter()
                                .global("collections", "Counter")
                                .raw(")\x81(")
                                .text("a")
                                .integer(7)
                                .raw("u](K\x01\x65\x30}")
                                .text("state")
                                .integer(9)
                                .raw("sb")
                                .stop();
  const auto document = unpickle(as_span(bytes), 0, "data.pkl");
  REQUIRE(document.ok());
  REQUIRE(document->root.is(Kind::kObject));
  const auto& object = document->heap.object(document->root);
  REQUIRE(object.items.size() == 1);
  CHECK(object.items[0].second.payload == 7);
  REQUIRE(object.state.is(Kind::kDict));
  CHECK(document->heap.dict(object.state)[0].second.payload == 9);
}

TEST_CASE("unpickler reads sets as lists of their items") {
  const std::string bytes = "\x80\x04\x8f(K\x01K\x02\x90(K\x03\x91\x86."s;
  const auto document = unpickle(as_span(bytes), 0, "data.pkl");
  REQUIRE(document.ok());
  const auto& pair = document->heap.sequence(document->root);
  CHECK(document->heap.sequence(pair[0]).size() == 2);
  CHECK(document->heap.sequence(pair[1])[0].payload == 3);
}

TEST_CASE("unpickler cuts endless names of classes") {
  const std::string bytes = PickleWriter().text(std::string(100000, 'a')).text("b").raw("\x93").stop();
  const auto document = unpickle(as_span(bytes), 0, "data.pkl");
  REQUIRE(document.ok());
  CHECK(global_name(document->heap, document->root) == std::string(256, 'a') + ".b");
  const Error line = unpickle_error(PickleWriter().raw("c" + std::string(100000, 'a')).stop());
  CHECK(line.code == ErrorCode::kMalformed);
}

TEST_CASE("unpickler refuses opcodes that reach outside") {
  const std::pair<std::string, const char*> cases[] = {
      {"\x82\x01"s, "EXT1"},    {"\x83\x01\x01"s, "EXT2"}, {"\x84\x01\x01\x01\x01"s, "EXT4"},
      {"Pfile\n"s, "PERSID"},   {"\x97"s, "NEXT_BUFFER"},  {"I01\n"s, "INT"},
      {"S'text'\n"s, "STRING"}, {"g0\n"s, "GET"},          {"p0\n"s, "PUT"},
  };
  for (const auto& item : cases) {
    CAPTURE(item.second);
    const Error error = unpickle_error("\x80\x02"s + item.first + ".");
    CHECK(error.code == ErrorCode::kUnsupported);
    CHECK(contains(error.message, "refuses opcode "s + item.second));
  }
  CHECK(unpickle_error("\x80\x02\xff."s).code == ErrorCode::kMalformed);
}

TEST_CASE("unpickler calls nothing but what makes tensors and dicts") {
  CHECK(contains(unpickle_error(PickleWriter().text("print").raw(")R").stop()).message, "not callable"));
  CHECK(contains(unpickle_error(PickleWriter().raw("})R").stop()).message, "not callable"));
  CHECK(contains(unpickle_error(PickleWriter().global("torch", "float32").raw(")R").stop()).message,
                 "refuses to call 'torch.float32'"));
  CHECK(contains(unpickle_error(PickleWriter().global("torch", "FloatStorage").raw("K\x01\x85R").stop()).message,
                 "refuses to call 'torch.FloatStorage'"));
  CHECK(contains(unpickle_error(PickleWriter().global("collections", "OrderedDict").raw("]R").stop()).message,
                 "instead of a tuple"));
  CHECK(contains(unpickle_error(PickleWriter().global("os", "system").raw("]R").stop()).message, "instead of a tuple"));
}

TEST_CASE("unpickler sets no attributes but reads past those of a dict") {
  CHECK(unpickle_error(PickleWriter().global("collections", "OrderedDict").raw(")R}b").stop()).message == "accepted");
  for (const char* opcodes : {"}Nb", "}]b", "]}b"}) {
    CAPTURE(opcodes);
    CHECK(unpickle_error(PickleWriter().raw(opcodes).stop()).message == "accepted");
  }
  for (const char* opcodes : {"N}b", "K\x01}b", ")}b", "}b"}) {
    CAPTURE(opcodes);
    CHECK(unpickle_error(PickleWriter().raw(opcodes).stop()).code != ErrorCode::kInternal);
  }
  CHECK(contains(unpickle_error(PickleWriter().global("torch", "float32").raw("}b").stop()).message, "BUILD"));
}

TEST_CASE("unpickler refuses persistent ids that are no storages") {
  const auto message = [](PickleWriter& pickle) { return unpickle_error(pickle.stop()).message; };
  CHECK(contains(message(PickleWriter().text("/etc/passwd").raw("Q")), "instead of a tuple"));
  CHECK(contains(message(PickleWriter().raw(")Q")), "refuses a persistent id"));
  CHECK(contains(message(PickleWriter().mark().text("module").text("x").raw("tQ")), "'module'"));
  CHECK(contains(message(PickleWriter().mark().text("file").global("os", "system").raw("tQ")), "'file'"));
  CHECK(contains(message(PickleWriter().mark().text("storage").raw("tQ")), "1 items"));
  CHECK(contains(
      message(PickleWriter().mark().text("storage").text("FloatStorage").text("0").text("cpu").integer(1).raw("tQ")),
      "no storage type"));
  CHECK(contains(message(PickleWriter()
                             .mark()
                             .text("storage")
                             .global("collections", "OrderedDict")
                             .text("0")
                             .text("cpu")
                             .integer(1)
                             .raw("tQ")),
                 "no storage type"));
  CHECK(contains(message(PickleWriter()
                             .mark()
                             .text("storage")
                             .global("torch", "FloatStorage")
                             .integer(0)
                             .text("cpu")
                             .integer(1)
                             .raw("tQ")),
                 "not a string"));
  CHECK(contains(message(PickleWriter().storage("FloatStorage", "0", -1)), "not an int >= 0"));
  CHECK(contains(message(PickleWriter().storage("FloatStorage", "0", INT64_MAX)), "2 GiB"));
  CHECK(contains(message(PickleWriter().storage("ByteStorage", "0", (std::int64_t{2} << 30) + 1)), "2 GiB"));
  CHECK(contains(message(PickleWriter().storage("FloatStorage", std::string(300, '0'), 1)), "too long"));
  CHECK(contains(message(PickleWriter().storage("FloatStorage", "0", 4).storage("FloatStorage", "0", 5)),
                 "4 x float32 in one place and 5 x float32 in another"));
  CHECK(contains(message(PickleWriter().storage("FloatStorage", "0", 4).storage("IntStorage", "0", 4)), "int32"));
}

TEST_CASE("unpickler refuses tensors that reach outside their storage") {
  const auto message = [](std::int64_t offset, const std::vector<std::int64_t>& shape,
                          const std::vector<std::int64_t>& strides) {
    return unpickle_error(PickleWriter().tensor("FloatStorage", "0", 12, offset, shape, strides).stop()).message;
  };
  CHECK(message(0, {3, 4}, {4, 1}) == "accepted");
  CHECK(message(0, {4, 3}, {1, 4}) == "accepted");
  CHECK(message(11, {}, {}) == "accepted");
  CHECK(message(12, {0}, {1}) == "accepted");
  CHECK(contains(message(12, {}, {}), "reaches to element 12 of a storage with 12"));
  CHECK(contains(message(1, {3, 4}, {4, 1}), "reaches to element 12"));
  CHECK(contains(message(0, {13}, {1}), "reaches to element 12"));
  CHECK(contains(message(0, {2}, {12}), "reaches to element 12"));
  CHECK(contains(message(13, {0}, {1}), "reaches"));
  CHECK(contains(message(-1, {1}, {1}), "offset"));
  CHECK(contains(message(0, {-1}, {1}), "not an int >= 0"));
  CHECK(contains(message(0, {2}, {-1}), "not an int >= 0"));
  CHECK(contains(message(0, {2, 2}, {1}), "2 dimensions, but 1 strides"));
  CHECK(contains(message(INT64_MAX, {2}, {1}), "overflows"));
  constexpr std::int64_t kTwo31 = std::int64_t{1} << 31;
  CHECK(contains(message(0, {2, 2}, {INT64_MAX, INT64_MAX}),
                 "strides of a tensor holds 9223372036854775807, above 2^31"));
  CHECK(contains(message(0, {INT64_MAX, 3}, {0, 0}), "shape of a tensor holds 9223372036854775807, above 2^31"));
  CHECK(contains(message(0, {1, kTwo31 + 1}, {0, 0}), "shape of a tensor holds 2147483649, above 2^31"));
  CHECK(contains(message(0, {1, 1}, {kTwo31, 1}), "accepted"));
  CHECK(contains(message(0, {kTwo31, 2}, {0, 0}), "overflows"));
  CHECK(contains(message(0, {kTwo31, kTwo31, kTwo31}, {0, 0, 0}), "overflows"));
  // A dimension of 0 exempts the others from no limit.
  CHECK(contains(message(0, {0, kTwo31, 2}, {1, 1, 1}), "overflows"));
  CHECK(contains(message(0, {kTwo31 + 1, 0}, {1, 1}), "above 2^31"));
  CHECK(contains(message(0, std::vector<std::int64_t>(17, 1), std::vector<std::int64_t>(17, 1)), "17 dimensions"));
}

TEST_CASE("unpickler refuses tensors made from anything but their parts") {
  const auto message = [](const std::string& arguments) {
    return unpickle_error(PickleWriter().global("torch._utils", "_rebuild_tensor_v2").raw(arguments + "R").stop())
        .message;
  };
  CHECK(contains(message(")"), "0 arguments"));
  CHECK(contains(message("(NK\x01))t"), "instead of a storage"));
  CHECK(contains(message("(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01t"), "8 arguments"));
  const std::string parameter = PickleWriter().global("torch._utils", "_rebuild_parameter").raw("(NN}tR").stop();
  CHECK(contains(unpickle_error(parameter).message, "parameter"));
}

TEST_CASE("unpickler survives stacks that are empty and marks that are missing") {
  for (const char* opcodes :
       {".", "0", "0.", "1", "2", "R", "b", "t", "\x85", "\x86", "\x87", "a", "e", "s", "u", "d", "l", "Q", "q\x01",
        "\x94", "h\x01", "j\x01\x01\x01\x01", "(.", "((.", "(R", "]s", "}a", "](a", "}(K\x01u",
        // NOLINTNEXTLINE(bugprone-suspicious-missing-comma): "\x01d" would be one hexadecimal number
        "(K\x01"
        "d",
        "]K\x01(e(e", "NN.", "]]Ns", "}]Ns", "N(s", "(N\x85(", "\x93", "NN\x93"}) {
    CAPTURE(opcodes);
    const Error error = unpickle_error("\x80\x02"s + opcodes + ".");
    CHECK(error.code == ErrorCode::kMalformed);
    CHECK(contains(error.where, "data.pkl offset "));
  }
}

TEST_CASE("unpickler refuses other protocols") {
  CHECK(unpickle_error("").code == ErrorCode::kMalformed);
  CHECK(unpickle_error("\x80").code == ErrorCode::kMalformed);
  CHECK(unpickle_error("N.").code == ErrorCode::kMalformed);
  CHECK(unpickle_error("\x80\x01N."s).code == ErrorCode::kUnsupported);
  CHECK(unpickle_error("\x80\x06N."s).code == ErrorCode::kUnsupported);
  CHECK(unpickle_error("\x80\x02\x80\x02N."s).code == ErrorCode::kMalformed);
  for (const char protocol : {'\x02', '\x03', '\x04', '\x05'}) {
    CHECK(unpickle_error("\x80"s + protocol + "N.").message == "accepted");
  }
}

TEST_CASE("unpickler refuses lengths beyond the end before it allocates") {
  for (const std::string& opcode : {"X"s + little_endian(0xFFFFFFFFU, 4), "\x8d"s + little_endian(~0ULL, 8),
                                    "\x8e"s + little_endian(1ULL << 62U, 8), "T"s + little_endian(0x80000000U, 4),
                                    "U\xff"s, "\x8b"s + little_endian(0xFFFFFFFFU, 4), "\x8a\xff"s}) {
    CHECK(unpickle_error("\x80\x02"s + opcode + "abc.").code == ErrorCode::kMalformed);
  }
  const Error memo = unpickle_error("\x80\x02Nr\xff\xff\xff\xff."s);
  CHECK(memo.code == ErrorCode::kLimit);
  const Error wide = unpickle_error("\x80\x02\x8b"s + little_endian(100000, 4) + std::string(100000, '\x01') + ".");
  CHECK(wide.code == ErrorCode::kLimit);
}

TEST_CASE("unpickler bounds depth and stack and objects") {
  CHECK(unpickle_error("\x80\x02"s + std::string(2000, '(') + ".").code == ErrorCode::kLimit);
  CHECK(unpickle_error("\x80\x02"s + std::string(2'000'000, 'N') + ".").code == ErrorCode::kLimit);
  CHECK(unpickle_error("\x80\x02"s + std::string(2'100'000, ']') + ".").code == ErrorCode::kLimit);
  std::string churn = "\x80\x02"s;
  for (int i = 0; i < 6'000'000; ++i) churn += "N0";
  CHECK(unpickle_error(churn + "N.").code == ErrorCode::kLimit);
}

TEST_CASE("unpickler accepts cyclic and shared structures without harm") {
  // A list that contains itself, and dicts of dicts of dicts that would print as 2^64 leaves.
  CHECK(unpickle_error(PickleWriter().raw("]").put(0).get(0).raw("a").stop()).message == "accepted");
  CHECK(unpickle_error(PickleWriter().raw("}").put(0).text("me").get(0).raw("s").stop()).message == "accepted");
  PickleWriter laughs;
  laughs.raw("(]").put(0);
  for (unsigned i = 1; i <= 64; ++i) laughs.raw("](").get(i - 1).get(i - 1).raw("e").put(i);
  CHECK(unpickle_error(laughs.raw("l").stop()).message == "accepted");
  // Copying a list again and again is the only opcode whose cost is not its length.
  PickleWriter copies;
  copies.raw("](");
  for (int i = 0; i < 1000; ++i) copies.raw("NN\x86");
  copies.raw("e").put(0).raw("0(");
  for (int i = 0; i < 1000; ++i) copies.global("collections", "OrderedDict").get(0).raw("\x85R");
  CHECK(unpickle_error(copies.raw("l").stop()).code == ErrorCode::kLimit);
}
