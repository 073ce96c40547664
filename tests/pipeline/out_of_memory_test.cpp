// Importing, converting, exporting and quantizing return errors when memory runs out.
#include <doctest/doctest.h>

#include <fstream>

#include "narrow/float_model.h"
#include "narrow/image.h"
#include "narrow/onnx.h"
#include "narrow/quantize.h"
#include "narrow/safetensors.h"
#include "tests/support/allocations/fail_each.h"
#include "tests/support/data.h"

namespace narrow {
inline namespace v0 {
namespace {

using testing::fail_each;
using testing::status_of;

const std::filesystem::path kModels = testing::source_folder() / "models";
const std::filesystem::path kCheckpoint = kModels / "cifar10_resnet20b.pth";

void write(const std::filesystem::path& path, const std::vector<std::byte>& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

TEST_CASE("reading a network of any format without memory is an error") {
  const testing::TemporaryFolder folder;
  const FloatModel model = FloatModel::load(kCheckpoint).value();
  write(folder.path() / "m.onnx", to_onnx(model).value());
  write(folder.path() / "m.safetensors", to_safetensors(kCheckpoint).value());
  REQUIRE(convert(model).value().model.save(folder.path() / "m.nrw").ok());
  for (const std::filesystem::path& path :
       {kCheckpoint, folder.path() / "m.onnx", folder.path() / "m.safetensors", folder.path() / "m.nrw"}) {
    CAPTURE(path.extension().string());
    CHECK(fail_each([&] { return status_of(FloatModel::load(path)); }, 8) > 50);
    CHECK(FloatModel::load(path).ok());
  }
}

TEST_CASE("converting and exporting without memory are errors") {
  const FloatModel model = FloatModel::load(kCheckpoint).value();
  CHECK(fail_each([&] { return status_of(convert(model)); }, 8) > 50);
  CHECK(fail_each([&] { return status_of(to_onnx(model)); }, 8) > 50);
  CHECK(fail_each([&] { return status_of(to_safetensors(kCheckpoint)); }, 8) > 50);
  const Model converted = convert(model).value().model;
  CHECK(fail_each([&] { return status_of(to_onnx(converted)); }, 8) > 50);
}

TEST_CASE("quantizing without memory is an error") {
  const FloatModel model = FloatModel::load(kCheckpoint).value();
  const PictureSet images = PictureSet::open({kModels / "demo"}).value();
  const CalibrationInputs inputs = calibration_inputs(images, model.preprocessing(), 2);
  for (const int bits : {8, 4}) {
    QuantizeOptions options;
    options.weight_bits = bits;
    options.threads = 2;
    CHECK(fail_each([&] { return status_of(quantize(model, inputs, options)); }, 4, true) > 20);
  }
}

}  // namespace v0
}  // namespace narrow
