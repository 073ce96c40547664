// safetensors files, well-formed and not; and PyTorch checkpoints that become one and come back.
#include "importers/safetensors/safetensors.h"

#include "importers/files/looks_like.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>

#include "tests/importers/torch/checkpoint_support.h"
#include "tests/importers/torch/checkpoint_writer.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace narrow::testing;
using importers::StateDict;
using safetensors::parse_safetensors;
using safetensors::write_safetensors;
using namespace std::string_literals;

namespace {

// The format by hand: length, header, bytes of the tensors.
std::string file(const std::string& header, const std::string& data = {}) {
  return little_endian(header.size(), 8) + header + data;
}

std::string tensor(const std::string& dtype, const std::string& shape, std::size_t begin, std::size_t end) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":[)" + std::to_string(begin) + "," +
         std::to_string(end) + "]}";
}

// What reading says, or "accepted".
Error problem(const std::string& bytes) {
  const auto weights = parse_safetensors(as_span(bytes), "w.safetensors");
  return weights.ok() ? Error{ErrorCode::kInternal, "accepted", {}} : weights.error();
}

std::vector<float> read_one(const std::string& dtype, std::size_t count, const std::string& data) {
  const auto weights = parse_safetensors(
      as_span(file(R"({"x":)" + tensor(dtype, "[" + std::to_string(count) + "]", 0, data.size()) + "}", data)), "w");
  if (!weights.ok()) FAIL(weights.error().text());
  return weights->entries.at(0).second.values;
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void check_equal(const StateDict& a, const StateDict& b) {
  REQUIRE(a.entries.size() == b.entries.size());
  std::map<std::string, const importers::Tensor*> by_name;
  for (const auto& entry : b.entries) by_name[entry.first] = &entry.second;
  for (const auto& entry : a.entries) {
    const std::string& name = entry.first;
    const importers::Tensor& values = entry.second;
    CAPTURE(name);
    REQUIRE(by_name.count(name) == 1);
    CHECK(by_name[name]->shape == values.shape);
    REQUIRE(by_name[name]->values.size() == values.values.size());
    // By bytes: NaN is equal to itself, and -0 is not 0.
    const std::size_t size = values.values.size() * sizeof(float);
    CHECK((size == 0 || std::memcmp(by_name[name]->values.data(), values.values.data(), size) == 0));
  }
}

}  // namespace

TEST_CASE("safetensors of every element type at its extremes") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(read_one("F32", 2, bytes_of({-0.0F, 3.4028235e38F})) == std::vector<float>{-0.0F, 3.4028235e38F});
  CHECK(read_one("F64", 2, little_endian(0x3FF0000000000000U, 8) + little_endian(0x7FEFFFFFFFFFFFFFU, 8)) ==
        std::vector<float>{1.0F, infinity});
  CHECK(read_one("F16", 3, "\x00\x3c\xff\x7b\x01\x00"s) == std::vector<float>{1.0F, 65504.0F, 0x1p-24F});
  CHECK(read_one("BF16", 2, "\x80\x3f\x80\xff"s) == std::vector<float>{1.0F, -infinity});
  CHECK(read_one("I64", 2, little_endian(1U << 31U, 8) + "\x00\x00\x00\x00\x00\x00\x00\x80"s) ==
        std::vector<float>{0x1p31F, -0x1p63F});
  CHECK(read_one("I32", 1, "\x00\x00\x00\x80"s) == std::vector<float>{-0x1p31F});
  CHECK(read_one("I16", 2, "\xff\x7f\x00\x80"s) == std::vector<float>{32767, -32768});
  CHECK(read_one("I8", 2, "\x7f\x80"s) == std::vector<float>{127, -128});
  CHECK(read_one("U8", 2, "\x00\xff"s) == std::vector<float>{0, 255});
  CHECK(read_one("BOOL", 2, "\x00\x01"s) == std::vector<float>{0, 1});
}

TEST_CASE("safetensors with scalars and empty tensors and metadata and spaces after the header") {
  const std::string header = R"({"__metadata__":{"format":"pt","x":"[{"},"b":)" + tensor("F32", "[]", 4, 8) +
                             R"(,"e":)" + tensor("F32", "[3,0]", 8, 8) + R"(,"a":)" + tensor("U8", "[1,4]", 0, 4) +
                             "}     ";
  const auto weights = parse_safetensors(as_span(file(header, "\x01\x02\x03\x04" + bytes_of({2.5F}))), "w");
  if (!weights.ok()) FAIL(weights.error().text());
  REQUIRE(weights->entries.size() == 3);
  CHECK(weights->entries[0].first == "b");
  CHECK(weights->entries[0].second.shape.empty());
  CHECK(weights->entries[0].second.values == std::vector<float>{2.5F});
  CHECK(weights->entries[1].second.shape == std::vector<std::int64_t>{3, 0});
  CHECK(weights->entries[1].second.values.empty());
  CHECK(weights->entries[2].second.values == std::vector<float>{1, 2, 3, 4});
}

TEST_CASE("the prefix of wrapped networks goes where every name has it") {
  const auto names = [](const std::vector<std::string>& given) {
    StateDict weights;
    for (const std::string& name : given) weights.entries.emplace_back(name, importers::Tensor{{1}, {1.0F}});
    const auto bytes = write_safetensors(weights).value();
    std::vector<std::string> read;
    for (const auto& entry : parse_safetensors(bytes, "w").value().entries) read.push_back(entry.first);
    return read;
  };
  CHECK(names({"module.a", "module.b"}) == std::vector<std::string>{"a", "b"});
  CHECK(names({"module.module.a"}) == std::vector<std::string>{"a"});
  CHECK(names({"module."}) == std::vector<std::string>{""});
  CHECK(names({"a", "module.b"}) == std::vector<std::string>{"a", "module.b"});
}

TEST_CASE("wrong safetensors are refused with what is wrong") {
  struct Case {
    std::string bytes;
    ErrorCode code;
    const char* part;
  };
  const std::string four = bytes_of({1.0F});
  const auto one = [&](const std::string& tensor_json) { return file(R"({"x":)" + tensor_json + "}", four); };
  const std::string good = tensor("F32", "[1]", 0, 4);
  REQUIRE(problem(one(good)).message == "accepted");
  const ErrorCode malformed = ErrorCode::kMalformed;
  const std::vector<Case> cases = {
      {"", malformed, "empty"},
      {"\x02\x00\x00\x00\x00\x00\x00\x00"s, malformed, "too short"},
      {"\xff\xff\xff\xff\xff\xff\xff\xff{}"s, malformed, "18446744073709551615"},
      {"\x03\x00\x00\x00\x00\x00\x00\x00{}"s, malformed, "header of 3 bytes"},
      {file("{}"), malformed, "no tensor"},
      {file(R"({"__metadata__":{}})"), malformed, "no tensor"},
      {file(R"( {"x":)" + good + "}", four), malformed, "'{'"},
      {file("\xef\xbb\xbf{\"x\":" + good + "}", four), malformed, "'{'"},
      {file("[]", four), malformed, "'{'"},
      {file(R"({"x":)" + good + "}}", four), malformed, "not JSON"},
      {file(R"({"x":)" + good, four), malformed, "not JSON"},
      {file("{\"\xff\":" + good + "}", four), malformed, "not JSON"},
      {file(R"({"x":)" + good + R"(,"x":)" + tensor("F32", "[0]", 4, 4) + "}", four), malformed, "twice"},
      {one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"shape":[1]})"), malformed, "'shape' twice"},
      {one(R"({"dtype":"F32","shape":[1]})"), malformed, "lacks"},
      {one(R"({"dtype":"F32","shape":[1],"data_offsets":[0]})"), malformed, "lacks"},
      {one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4,4]})"), malformed, "more than two"},
      {one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1})"), malformed, "unknown field 'more'"},
      {one(R"({"dtype":"F32","shape":[1.0],"data_offsets":[0,4]})"), malformed, "not whole"},
      {one(R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})"), malformed, "below 0"},
      {one(R"({"dtype":"F32","shape":["1"],"data_offsets":[0,4]})"), malformed, "a text"},
      {one(R"({"dtype":"F32","shape":[[1]],"data_offsets":[0,4]})"), malformed, "a list"},
      {one(R"({"dtype":"F32","shape":null,"data_offsets":[0,4]})"), malformed, "null"},
      {one(R"({"dtype":1,"shape":[1],"data_offsets":[0,4]})"), malformed, "a number"},
      {one(R"({"dtype":{},"shape":[1],"data_offsets":[0,4]})"), malformed, "an object"},
      {one("true"), malformed, "true or false"},
      {file(R"({"__metadata__":{"a":1},"x":)" + good + "}", four), malformed, "a number"},
      {file(R"({"__metadata__":{"a":{}},"x":)" + good + "}", four), malformed, "an object"},
      {one(tensor("U64", "[1]", 0, 8)), ErrorCode::kUnsupported, "'U64'"},
      {one(tensor("F8_E4M3", "[4]", 0, 4)), ErrorCode::kUnsupported, "read are F64, F32"},
      {one(tensor("F32", "[2]", 0, 4)), malformed, "needs 8 bytes"},
      {one(tensor("F32", "[2]", 0, 8)), malformed, "cut off"},
      {one(tensor("F32", "[1]", 4, 0)), malformed, "offsets are 4 and 0"},
      {one(tensor("F32", "[4294967296,4294967296]", 0, 4)), ErrorCode::kLimit, "too many"},
      {one(tensor("F32", "[9223372036854775808]", 0, 4)), ErrorCode::kLimit, "too many"},
      {one(tensor("F64", "[2305843009213693951]", 0, 4)), ErrorCode::kLimit, "too many"},
      {one(tensor("F32", "[18446744073709551616]", 0, 4)), malformed, "not whole"},
      {one(tensor("F32", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", 0, 4)), ErrorCode::kLimit, "16 dimensions"},
      {one(tensor("U8", "[3]", 1, 4)), malformed, "belong to none"},
      {one(tensor("U8", "[3]", 0, 3)), malformed, "take 3 bytes"},
      {file(R"({"x":)" + good + R"(,"y":)" + tensor("U8", "[2]", 2, 4) + "}", four), malformed, "inside another"},
      {file("{\"" + std::string(1025, 'n') + "\":" + good + "}", four), ErrorCode::kLimit, "1024"},
  };
  for (const Case& tried : cases) {
    const Error error = problem(tried.bytes);
    CAPTURE(tried.bytes.substr(0, 100));
    CAPTURE(error.text());
    CHECK(error.code == tried.code);
    CHECK(contains(error.message, tried.part));
    CHECK(contains(error.where, "w.safetensors"));
  }
}

TEST_CASE("deep nesting and claims of gigabytes in a few bytes end at once") {
  for (const char* opening : {"[", "{\"a\":"}) {
    std::string deep = "{\"x\":";
    for (int i = 0; i < 200000; ++i) deep += opening;
    CHECK(problem(file(deep)).code == ErrorCode::kMalformed);
  }
  CHECK(problem(file(R"({"x":)" + tensor("F32", "[536870912]", 0, 2147483648U) + "}")).code == ErrorCode::kMalformed);
  CHECK_FALSE(importers::looks_like_safetensors(as_span("\xff\xff\xff\xff\xff\xff\xff\x7f{"s)));
}

TEST_CASE("safetensors with any byte changed or cut off anywhere do no harm") {
  const std::string whole = file(R"({"__metadata__":{"format":"pt"},"a":)" + tensor("F32", "[1,2]", 0, 8) + R"(,"b":)" +
                                     tensor("I8", "[3]", 8, 11) + "}",
                                 bytes_of({1, 2}) + "abc");
  REQUIRE(problem(whole).message == "accepted");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const std::string cut(whole, 0, length);
    REQUIRE(problem(cut).code == ErrorCode::kMalformed);
  }
  REQUIRE(problem(whole + '\0').code == ErrorCode::kMalformed);
  int refused = 0;
  for (std::size_t at = 0; at + 11 < whole.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(value);
      const Error error = problem(damaged);
      REQUIRE_FALSE(error.message.empty());
      if (error.message == "accepted") continue;
      REQUIRE(error.code != ErrorCode::kInternal);
      ++refused;
    }
  }
  // What is left are other names and other metadata.
  CHECK(refused > 200 * static_cast<int>(whole.size() - 40));
}

TEST_CASE("written safetensors are sorted and aligned and come back equal") {
  StateDict weights;
  weights.entries.emplace_back("z",
                               importers::Tensor{{2, 2}, {1, -0.0F, std::numeric_limits<float>::quiet_NaN(), 1e-45F}});
  weights.entries.emplace_back("", importers::Tensor{{}, {7}});
  weights.entries.emplace_back("a \"quoted\" \xc3\xa9\n", importers::Tensor{{0}, {}});
  weights.entries.emplace_back("m", importers::Tensor{{3}, {1, 2, 3}});
  const auto bytes = write_safetensors(weights).value();
  CHECK(bytes == write_safetensors(weights).value());
  const auto back = parse_safetensors(bytes, "w").value();
  check_equal(weights, back);
  CHECK(std::is_sorted(back.entries.begin(), back.entries.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; }));
  CHECK((bytes.size() - 8 * sizeof(float)) % 8 == 0);
  CHECK(text_of(bytes).substr(8, 3) == "{\"\"");
  std::reverse(weights.entries.begin(), weights.entries.end());
  CHECK(write_safetensors(weights).value() == bytes);
}

TEST_CASE("names that safetensors can not hold are an error") {
  for (const char* name : {"__metadata__", "\xff"}) {
    StateDict weights;
    weights.entries.emplace_back(name, importers::Tensor{{1}, {1}});
    const auto bytes = write_safetensors(weights);
    REQUIRE_FALSE(bytes.ok());
    CHECK(bytes.error().code == ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("real checkpoints come back from safetensors as they were") {
  NARROW_NEED_DATA(data);
  const TemporaryFolder folder;
  for (const char* name :
       {"resnet20_cifar10_akamaster/resnet20_cifar10_akamaster.pth", "resnet20_cifar10_akamaster/resnet20.legacy.th",
        "resnet8_cifar10_mlperftiny/resnet8_cifar10_mlperftiny.pth"}) {
    CAPTURE(name);
    const auto weights = torch::read_checkpoint(data / "models" / name).value();
    const auto bytes = write_safetensors(weights).value();
    CHECK(importers::looks_like_safetensors(bytes));
    check_equal(weights, parse_safetensors(bytes, "w").value());
  }
  CHECK_FALSE(safetensors::read_safetensors(folder.path()).ok());
  CHECK_FALSE(safetensors::read_safetensors(folder.path() / "none.safetensors").ok());
}

TEST_CASE("shapes are limited by the file, also where a dimension of 0 leaves no elements") {
  const auto shaped = [](const std::string& shape, const std::string& data) {
    return problem(file("{\"x\":" + tensor("F32", shape, 0, data.size()) + "}", data));
  };
  const std::string four(4, '\0');
  CHECK(shaped("[1]", four).message == "accepted");
  CHECK(shaped("[0,3,5]", "").message == "accepted");
  CHECK(shaped("[65536,0]", "").message == "accepted");
  for (const char* shape : {"[65537,0]", "[0,1000000]", "[1000,0,1000]", "[268435456,0,1,1]"}) {
    CHECK(contains(shaped(shape, "").message, "a shape far larger than the file"));
  }
  for (const char* shape : {"[2147483649,0]", "[0,9223372036854775807]", "[0,18446744073709551615]",
                            "[2147483648,2147483648]", "[4294967296,4294967296]", "[65536,65536,0]"}) {
    CHECK(contains(shaped(shape, "").message, "a shape of too many elements"));
  }
  std::string many = "{";
  for (int i = 0; i < 3; ++i) {
    many += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":" + tensor("F32", "[30000,0]", 0, 0);
  }
  CHECK(contains(problem(file(many + "}")).message, "a shape far larger than the file"));
}

TEST_CASE("safetensors files are known by their structure, whatever their first bytes") {
  const auto looks = [](const std::string& bytes) { return importers::looks_like_safetensors(as_span(bytes)); };
  const std::string header = "{\"x\":" + tensor("F32", "[1]", 0, 4) + "}";
  for (std::size_t length = header.size(); length < header.size() + 1024; ++length) {
    CAPTURE(length);
    const std::string padded = header + std::string(length - header.size(), ' ');
    CHECK(looks(file(padded, std::string(4, '\0'))));
    CHECK(problem(file(padded, std::string(4, '\0'))).message == "accepted");
  }
  CHECK(looks("PK\x03\x04\0\0\0\0{\"x\""s));  // a length of 64 MB
  CHECK(looks(little_endian(2, 8) + "{}"));
  CHECK(looks(little_endian(9, 8) + "{ \t\r\n\"x\""));
  CHECK_FALSE(looks(little_endian(2, 8) + "{1"));
  CHECK_FALSE(looks(little_endian(2, 8) + "[]"));
  CHECK_FALSE(looks("PK\x03\x04\x14\0\0\0{\"x\""s));  // a zip archive says which version it needs
  CHECK_FALSE(looks("\x80\x02}q\x01X\x01\0{\"x\""s));
  CHECK_FALSE(looks(little_endian(2, 8)));
}
