// narrow trace: every tensor of one image as a file, and where two networks begin to differ.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using narrow::testing::check_fails;
using narrow::testing::files_in;
using narrow::testing::has;
using narrow::testing::read_file;
using narrow::testing::run_narrow;
using narrow::testing::TemporaryFolder;
using narrow::testing::tiny_network;
using narrow::testing::write_cifar;
using narrow::testing::write_float_nrw;
using narrow::testing::write_image;

namespace {

struct TracedNetwork {
  TemporaryFolder folder;
  std::string network = folder.path() / "net.nrw";
  std::string images = folder.path() / "images.bin";
  std::string image = folder.path() / "image.ppm";

  TracedNetwork() {
    write_float_nrw(network, tiny_network());
    write_cifar(images, 12);
    write_image(image, 8, 8);
  }
  [[nodiscard]] std::string with_bits(const char* bits) const {
    std::string model = folder.path() / ("net" + std::string(bits) + ".nrw");
    run_narrow({"quantize", network, "--calibrate", images, "--weights", bits, "--first-last", "off", "--effort",
                "fast", "-o", model});
    return model;
  }
};

// The bytes of an .npy file's elements.
std::string elements_of(const std::string& path) {
  const std::string bytes = read_file(path);
  REQUIRE(bytes.size() > 10);
  CHECK(bytes.substr(1, 5) == "NUMPY");
  const std::size_t header = static_cast<unsigned char>(bytes[8]) + 256U * static_cast<unsigned char>(bytes[9]);
  CHECK((10 + header) % 64 == 0);
  return bytes.substr(10 + header);
}

}  // namespace

TEST_CASE("a trace has a file of real numbers for each tensor, and of its integers where it is quantized") {
  const TracedNetwork made;
  const std::string model = made.with_bits("8");
  const std::string tensors = made.folder.path() / "tensors";
  const nlohmann::json document = run_narrow({"trace", model, made.image, "-o", tensors, "--json"}).json();
  std::size_t files = 0;
  std::size_t quantized = 0;
  for (const nlohmann::json& tensor : document["tensors"]) {
    INFO(tensor.dump());
    const nlohmann::json& shape = tensor["shape"];
    const std::size_t count =
        shape["height"].get<std::size_t>() * shape["width"].get<std::size_t>() * shape["channels"].get<std::size_t>();
    const std::string reals = elements_of(tensors + "/" + tensor["real_file"].get<std::string>());
    REQUIRE(reals.size() == 4 * count);
    ++files;
    if (!tensor.contains("integer_file")) continue;
    ++files;
    ++quantized;
    const std::string integers = elements_of(tensors + "/" + tensor["integer_file"].get<std::string>());
    REQUIRE(integers.size() == count);
    const auto scale = tensor["quantization"]["scale"].get<float>();
    const int zero_point = tensor["quantization"]["zero_point"];
    for (std::size_t i = 0; i < count; ++i) {
      float real = 0;
      std::memcpy(&real, reals.data() + 4 * i, 4);
      const int level = static_cast<unsigned char>(integers[i]);
      CHECK(real == doctest::Approx(scale * static_cast<float>(level - zero_point)));
    }
  }
  CHECK(quantized > 1);
  CHECK(files_in(tensors) == files);
  CHECK(document["begins"].is_null());
}

TEST_CASE("a trace against another network says where the difference begins") {
  const TracedNetwork made;
  const std::string eight = made.with_bits("8");
  const std::string four = made.with_bits("4");
  const std::string tensors = made.folder.path() / "tensors";
  const nlohmann::json same =
      run_narrow({"trace", eight, made.image, "-o", tensors, "--against", eight, "--json"}).json();
  CHECK(same["begins"].is_null());
  for (const nlohmann::json& tensor : same["tensors"]) CHECK(tensor["difference"]["largest"] == 0.0);

  const nlohmann::json other =
      run_narrow({"trace", four, made.image, "-o", tensors + "_of_four", "--against", eight, "--json"}).json();
  CHECK_FALSE(other["begins"].is_null());
  bool begun = false;
  for (const nlohmann::json& tensor : other["tensors"]) {
    if (!tensor.contains("difference")) continue;
    begun = begun || tensor["name"] == other["begins"];
    if (!begun) CHECK(tensor["difference"]["largest"] == 0.0);
    if (tensor["name"] == other["begins"]) CHECK(tensor["difference"]["largest"] > 0.0);
  }
  CHECK(begun);
  const std::string text =
      run_narrow({"trace", four, made.image, "-o", tensors + "_once_more", "--against", eight}).out;
  CHECK_MESSAGE(has(text, "The difference begins in " + other["begins"].get<std::string>()), text);
}

TEST_CASE("a trace against a network without a tensor of the same name says that nothing is compared") {
  const TracedNetwork made;
  const std::string model = made.with_bits("8");
  const std::string other = made.folder.path() / "unlike.nrw";
  write_float_nrw(other, tiny_network({.prefix = "unlike."}));
  const std::string tensors = made.folder.path() / "tensors";
  const narrow::testing::Ran ran = run_narrow({"trace", model, made.image, "-o", tensors, "--against", other});
  CHECK_MESSAGE(has(ran.out, "no tensor has the name and the size of one in " + other), ran.out);
  CHECK_FALSE(has(ran.out, "are equal"));
  const nlohmann::json document =
      run_narrow({"trace", model, made.image, "-o", tensors + "2", "--against", other, "--json"}).json();
  CHECK(document["compared"] == 0);
  CHECK(document["notes"].size() == 1);
  check_fails({"trace", narrow::testing::default_model(), made.image, "-o", tensors + "3", "--against", model}, 1,
              {"takes images of 8x8x3", "32x32x3", "not two forms of one network"});
}

TEST_CASE("a trace says where channels differ because they were prepared for quantization") {
  const TemporaryFolder folder;
  const std::string checkpoint = narrow::testing::default_checkpoint();
  const std::string images = folder.path() / "images.bin";
  write_cifar(images, 24);
  for (const std::string equalize : {"on", "off"}) {
    CAPTURE(equalize);
    const std::string model = folder.path() / (equalize + ".nrw");
    run_narrow({"quantize", checkpoint, "--calibrate", images, "--equalize", equalize, "--mix-channels", "off",
                "--effort", "fast", "-o", model});
    const nlohmann::json document =
        run_narrow({"trace", model, images, "-o", folder.path() / equalize, "--against", checkpoint, "--json"}).json();
    CHECK(document["notes"].size() == (equalize == "on" ? 1 : 0));
    if (equalize == "on") CHECK(has(document["notes"].dump(), "are multiples of the other network's"));
  }
}

TEST_CASE("a trace into a file is an error") {
  const TracedNetwork made;
  check_fails({"trace", made.network, made.image, "-o", made.images}, 1, {"folder"});
}

TEST_CASE("a trace into a folder that holds tensors is an error, and they stay") {
  const TracedNetwork made;
  const std::filesystem::path tensors = made.folder.path() / "tensors";
  run_narrow({"trace", made.network, made.image, "-o", tensors});
  const std::size_t before = narrow::testing::files_in(tensors);
  check_fails({"trace", made.network, made.image, "-o", tensors}, 1, {"holds tensors already"});
  CHECK(narrow::testing::files_in(tensors) == before);
}
