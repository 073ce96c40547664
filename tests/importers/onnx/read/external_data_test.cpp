// External data: read from the model's folder, never from anywhere else; and files that claim more than they have.
#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>
#include <sys/resource.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "importers/onnx/fold/evaluate.h"
#include "importers/onnx/read/reader.h"
#include "tests/importers/onnx/builder.h"
#include "tests/support/data.h"

using namespace narrow::testing;
using doctest::Contains;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

using Entries = std::vector<std::pair<std::string, std::string>>;

// A model whose float vector "w" of `elems` lies elsewhere.
std::string model_bytes(const Entries& entries, std::int64_t elems = 2) {
  OnnxBuilder builder;
  builder.input("x", {1, 2}).output("y").node("Mul", {"x", "w"}, {"y"});
  auto& tensor = *builder.proto().mutable_graph()->add_initializer();
  tensor.set_name("w");
  tensor.set_data_type(::onnx::TensorProto::FLOAT);
  tensor.add_dims(elems);
  tensor.set_data_location(::onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] : entries) {
    auto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
  return builder.bytes();
}

// A folder "model" with model.onnx and w.bin (8, -1, 2 as floats), and a file beside the folder.
struct Place {
  TemporaryFolder temporary;
  fs::path folder = temporary.path() / "model";

  Place() {
    fs::create_directories(folder / "deep");
    const float values[] = {8.0F, -1.0F, 2.0F};
    std::string bytes(sizeof(values), '\0');
    std::memcpy(bytes.data(), values, sizeof(values));
    write(folder / "w.bin", bytes);
    write(folder / "deep" / "w.bin", bytes);
    write(temporary.path() / "outside.bin", bytes);
  }

  narrow::Result<narrow::onnx::Model> read(const Entries& entries, std::int64_t elems = 2) const {
    write(folder / "model.onnx", model_bytes(entries, elems));
    return narrow::onnx::read_model(folder / "model.onnx");
  }
  std::vector<float> values(const Entries& entries) const {
    const auto model = read(entries);
    REQUIRE_MESSAGE(model.ok(), model.error().text());
    return model->constants.at("w").to_floats();
  }
  doctest::String error(const Entries& entries, std::int64_t elems = 2) const {
    const auto model = read(entries, elems);
    return model.ok() ? "accepted" : model.error().text().c_str();
  }
};

// The most memory that this process ever had, in bytes.
std::int64_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{1024} * usage.ru_maxrss;
}

constexpr std::int64_t kMegabyte = 1 << 20;

}  // namespace

TEST_CASE("external data is read from the folder of the model and below") {
  const Place place;
  CHECK(place.values({{"location", "w.bin"}, {"length", "8"}}) == std::vector<float>{8, -1});
  CHECK(place.values({{"location", "w.bin"}, {"offset", "4"}}) == std::vector<float>{-1, 2});
  CHECK(place.values({{"location", "deep/w.bin"}, {"offset", "4"}, {"length", "8"}, {"checksum", "ab"}}) ==
        std::vector<float>{-1, 2});
  fs::create_symlink("deep/w.bin", place.folder / "link.bin");  // a link that stays inside
  CHECK(place.values({{"location", "link.bin"}}) == std::vector<float>{8, -1});
}

TEST_CASE("external data outside of the folder of the model is never read") {
  const Place place;
  const auto error = [&](const std::string& location) { return place.error({{"location", location}}); };
  CHECK(error("../outside.bin") == Contains("has '..' in its path"));
  CHECK(error("deep/../w.bin") == Contains("has '..' in its path"));
  CHECK(error((place.folder / "w.bin").string()) == Contains("is an absolute path"));
  CHECK(error("/etc/passwd") == Contains("is an absolute path"));
  CHECK(error(std::string("w.bin\0.txt", 10)) == Contains("zero byte"));
  fs::create_symlink("../outside.bin", place.folder / "link.bin");
  CHECK(error("link.bin") == Contains("leads out of the model's folder"));
  fs::create_directory_symlink(place.temporary.path(), place.folder / "up");
  CHECK(error("up/outside.bin") == Contains("leads out of the model's folder"));
  CHECK(error("up/model/w.bin") == "accepted");  // out and back in again
  fs::create_directories(place.temporary.path() / "model-2");
  fs::copy_file(place.folder / "w.bin", place.temporary.path() / "model-2" / "w.bin");
  fs::create_symlink("../model-2/w.bin", place.folder / "similar.bin");
  CHECK(error("similar.bin") == Contains("leads out of the model's folder"));
}

TEST_CASE("external data that is not there is refused") {
  const Place place;
  CHECK(place.error({{"location", "missing.bin"}}) == Contains("'missing.bin' is not beside the model"));
  CHECK(place.error({{"location", "deep"}}) == Contains("not a regular file"));
  CHECK(place.error({}) == Contains("does not name its file"));
  CHECK(place.error({{"location", "w.bin"}, {"offset", "8"}}) == Contains("8 bytes at offset 8"));
  CHECK(place.error({{"location", "w.bin"}, {"offset", "18446744073709551615"}}) == Contains("at offset 18446744"));
  CHECK(place.error({{"location", "w.bin"}, {"offset", "18446744073709551616"}}) == Contains("not a number"));
  CHECK(place.error({{"location", "w.bin"}, {"offset", "-4"}}) == Contains("not a number"));
  CHECK(place.error({{"location", "w.bin"}, {"length", "12"}}) == Contains("length of 12"));
  CHECK(place.error({{"location", "w.bin"}, {"length", "0x8"}}) == Contains("not a number"));
  const auto from_memory = parse_onnx(model_bytes({{"location", "w.bin"}}));
  REQUIRE_FALSE(from_memory.ok());
  CHECK(from_memory.error().message.find("from memory") != std::string::npos);
}

TEST_CASE("external data that many tensors share is counted once") {
  const Place place;
  constexpr std::int64_t kElems = 1 << 18;
  write(place.folder / "w.bin", std::string(4 * kElems, '\0'));
  const auto shared_by = [&](int tensors) -> doctest::String {
    OnnxBuilder builder;
    builder.input("x", {1, 2}).output("y").node("Mul", {"x", "w0"}, {"y"});
    for (int i = 0; i < tensors; ++i) {
      auto& tensor = *builder.proto().mutable_graph()->add_initializer();
      tensor.set_name("w" + std::to_string(i));
      tensor.set_data_type(::onnx::TensorProto::FLOAT);
      tensor.add_dims(kElems);
      tensor.set_data_location(::onnx::TensorProto::EXTERNAL);
      auto& entry = *tensor.add_external_data();
      entry.set_key("location");
      entry.set_value("w.bin");
    }
    write(place.folder / "model.onnx", builder.bytes());
    const auto model = narrow::onnx::read_model(place.folder / "model.onnx");
    return model.ok() ? "accepted" : model.error().text().c_str();
  };
  CHECK(shared_by(20) == "accepted");
  CHECK(shared_by(40) == Contains("in memory, far more than it has itself"));  // 40 MB of 1 MB
}

TEST_CASE("a model file that is missing or a folder is an error of its own") {
  const Place place;
  CHECK(narrow::onnx::read_model(place.folder / "none.onnx").error().code == narrow::ErrorCode::kNotFound);
  CHECK(narrow::onnx::read_model(place.folder).error().code == narrow::ErrorCode::kIo);
  write(place.folder / "empty.onnx", "");
  CHECK(narrow::onnx::read_model(place.folder / "empty.onnx").error().code == narrow::ErrorCode::kMalformed);
}

TEST_CASE("ONNX files that claim gigabytes get none") {
  const Place place;
  const std::int64_t before = peak_memory();
  const std::int64_t half_a_billion = 1 << 29;
  // 2 GB of floats in a hundred bytes: inline, beside the model, and computed.
  CHECK(place.error({{"location", "w.bin"}}, half_a_billion) == Contains("needs 2147483648 bytes"));
  CHECK(place.error({{"location", "w.bin"}, {"length", "2147483648"}}, half_a_billion) == Contains("which has 12"));
  OnnxBuilder builder;
  builder.input("x", {1}).output("x");
  auto& tensor = *builder.proto().mutable_graph()->add_initializer();
  tensor.set_name("t");
  tensor.set_data_type(::onnx::TensorProto::FLOAT);
  tensor.add_dims(half_a_billion);
  CHECK(parse_onnx(builder.bytes()).error().code == narrow::ErrorCode::kMalformed);
  tensor.set_raw_data("few");
  CHECK(parse_onnx(builder.bytes()).error().code == narrow::ErrorCode::kMalformed);
  // A length in protobuf itself: raw_data of 2 GB - 1 in a file that ends after it.
  const std::string length = "\xff\xff\xff\xff\x07";
  for (const char* tag : {"\x3a", "\x12", "\x42"}) {
    const std::string bytes = "\x08\x08" + (tag + length) + "abc";
    CHECK(parse_onnx(bytes).error().code == narrow::ErrorCode::kMalformed);
    write(place.folder / "claim.onnx", bytes);
    CHECK(narrow::onnx::read_model(place.folder / "claim.onnx").error().code == narrow::ErrorCode::kMalformed);
  }
  narrow::onnx::Node node;
  node.op_type = "ConstantOfShape";
  node.outputs = {"y"};
  const auto shape = int64_vector({half_a_billion});
  CHECK(narrow::onnx::evaluate(node, {&shape}, 13).error().code == narrow::ErrorCode::kLimit);
  CHECK(peak_memory() - before < 64 * kMegabyte);
}
