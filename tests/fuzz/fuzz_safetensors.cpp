// safetensors files, whole, and what is written of them.
#include "importers/architectures/architectures.h"
#include "importers/safetensors/safetensors.h"
#include "tests/fuzz/fuzz.h"
#include "tests/importers/torch/checkpoint_writer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto weights = narrow::safetensors::parse_safetensors(bytes, "fuzz");
  if (!weights.ok()) return 0;
  static_cast<void>(narrow::importers::build_network(*weights, {}).ok());
  // What was read can be written, except for what it would be called.
  const auto written = narrow::safetensors::write_safetensors(*weights);
  if (written.ok() && !narrow::safetensors::parse_safetensors(*written, "written").ok()) __builtin_trap();
  return 0;
}

namespace narrow::testing {

std::vector<std::string> fuzz_seeds() {
  const auto file = [](const std::string& header, const std::string& data) {
    return little_endian(header.size(), 8) + header + data;
  };
  return {
      file(R"({"conv1.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})", bytes_of({1, 2})),
      file(R"({"__metadata__":{"format":"pt"},"a":{"dtype":"I8","shape":[],"data_offsets":[0,1]},)"
           R"("b":{"dtype":"BF16","shape":[2,1],"data_offsets":[1,5]}}   )",
           "12345"),
      file(R"({"x":{"data_offsets":[0,0],"shape":[0,9],"dtype":"F64"}})", ""),
  };
}

}  // namespace narrow::testing
