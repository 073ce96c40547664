// Damaged files: cut off at every length, and with random bytes changed. They must be refused or read, never crash.
#include <doctest/doctest.h>

#include <random>
#include <string>

#include "tests/importers/torch/checkpoint_support.h"
#include "tests/importers/torch/checkpoint_writer.h"
#include "tests/support/data.h"

using namespace narrow::testing;

namespace {

std::vector<FloatTensor> tensors() {
  return {{"module.conv1.weight", {2, 3, 1, 1}, {1, 2, 3, 4, 5, 6}},
          {"module.bn1.weight", {2}, {1, 1}},
          {"module.fc.weight", {3, 2}, {0, 1, 2, 3, 4, 5}}};
}

}  // namespace

TEST_CASE("checkpoint cut off at any length is refused") {
  for (const std::string& file : {zip_checkpoint(tensors()), stream_checkpoint(tensors())}) {
    REQUIRE(parse(file).ok());
    for (std::size_t length = 0; length < file.size(); ++length) {
      CAPTURE(length);
      // A copy of exactly this length, so that a sanitizer sees a read beyond it.
      const std::string cut(file, 0, length);
      const auto parsed = parse(cut);
      REQUIRE_FALSE(parsed.ok());
      REQUIRE(parsed.error().code != narrow::ErrorCode::kInternal);
      REQUIRE_FALSE(parsed.error().message.empty());
    }
  }
}

TEST_CASE("pickle cut off at any length is refused") {
  const std::string pickle = nested_pickle("state_dict", tensors());
  REQUIRE(unpickle_error(pickle).message == "accepted");
  for (std::size_t length = 0; length < pickle.size(); ++length) {
    REQUIRE(unpickle_error(std::string(pickle, 0, length)).code == narrow::ErrorCode::kMalformed);
  }
}

TEST_CASE("checkpoint with random bytes changed does no harm") {
  std::mt19937 random(seed());
  for (const std::string& file : {zip_checkpoint(tensors()), stream_checkpoint(tensors())}) {
    int refused = 0;
    for (int round = 0; round < 20000; ++round) {
      std::string damaged = file;
      const unsigned changes = 1 + random() % 4;
      for (unsigned i = 0; i < changes; ++i) damaged[random() % damaged.size()] = static_cast<char>(random() % 256);
      if (!parse(damaged).ok()) ++refused;
    }
    CHECK(refused > 5000);
  }
}

TEST_CASE("pickle with random bytes changed does no harm") {
  // Past the archive's checksum, where changed bytes reach the machine.
  std::mt19937 random(seed());
  const std::string pickle = nested_pickle("state_dict", tensors());
  for (int round = 0; round < 40000; ++round) {
    std::string damaged = pickle;
    const unsigned changes = 1 + random() % 6;
    for (unsigned i = 0; i < changes; ++i) damaged[random() % damaged.size()] = static_cast<char>(random() % 256);
    const auto document = narrow::torch::pickle::unpickle(as_span(damaged), 0, "damaged");
    if (!document.ok()) REQUIRE_FALSE(document.error().message.empty());
  }
}

TEST_CASE("random opcodes do no harm") {
  static constexpr char kOpcodes[] = "(.012GJKMNQRTUXBCabcdehjlqrstu}])\x85\x86\x87\x88\x89\x8a\x8c\x93\x94";
  std::mt19937 random(seed());
  for (int round = 0; round < 40000; ++round) {
    std::string pickle = "\x80\x02";
    const unsigned length = random() % 60;
    for (unsigned i = 0; i < length; ++i) {
      pickle += random() % 4 == 0 ? static_cast<char>(random() % 8) : kOpcodes[random() % (sizeof(kOpcodes) - 1)];
    }
    const auto document = narrow::torch::pickle::unpickle(as_span(pickle), 0, "random");
    if (!document.ok()) REQUIRE_FALSE(document.error().message.empty());
  }
}
