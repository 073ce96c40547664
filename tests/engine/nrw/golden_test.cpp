// Old files stay readable and keep their scores: never written again. A change that fails
// here is a new format or numerics version with a golden of its own.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/nrw/mapped_file.h"
#include "engine/nrw/nrw_layout.h"
#include "narrow/session.h"
#include "tests/support/data.h"

namespace {

void check_golden(const std::string& name, const std::vector<float>& expected) {
  REQUIRE(narrow::engine::kFormatVersion == 1);
  REQUIRE(narrow::engine::kNumericsVersion == 1);
  const std::filesystem::path path = narrow::testing::source_folder() / "tests" / "engine" / "nrw" / "golden" / name;
  const narrow::Model model = narrow::Model::load(path).value();
  std::vector<float> image(static_cast<std::size_t>(model.input_shape().elems()));
  for (std::size_t i = 0; i < image.size(); ++i) {
    image[i] = static_cast<float>(static_cast<int>(i * 37 % 101) - 50) / 32.0F;
  }
  for (const std::string& isa : narrow::available_isas()) {
    narrow::SessionOptions options;
    options.isa = isa;
    narrow::Session session = narrow::Session::create(model, options).value();
    std::vector<float> scores(expected.size());
    session.run(image, scores).value();
    CHECK(scores == expected);
  }
  // And today's writer still makes the same bytes.
  const auto file = narrow::engine::MappedFile::open(path, 1 << 20).value();
  const std::vector<std::byte> bytes = model.serialize();
  CHECK(std::equal(bytes.begin(), bytes.end(), file.bytes().begin(), file.bytes().end()));
}

}  // namespace

TEST_CASE("the file of format version 1 gives the scores that it always gave") {
  check_golden("every_operator_v1.nrw",
               {-0x1.64eecp-2F, -0x1.180c78p-1F, 0x1.bbddaep-1F, -0x1.985ba2p-2F, -0x1.810842p-2F});
}

// Operators 15 to 23, and all that runs in float32; exponentials and roots included.
TEST_CASE("a file of functions and floats gives the scores that it always gave") {
  check_golden("functions_and_floats_v1.nrw",
               {0x1.0c5c52p-3F, 0x1.670708p-3F, 0x1.3d335cp-2F, 0x1.54cc26p-3F, 0x1.bd69c6p-3F});
}
