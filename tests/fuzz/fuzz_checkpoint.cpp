// PyTorch checkpoints in both formats, and bare pickles, which an archive's checksum would keep from the machine.
#include "importers/architectures/architectures.h"
#include "importers/torch/checkpoint.h"
#include "importers/torch/unpickler.h"
#include "tests/fuzz/fuzz.h"
#include "tests/importers/torch/checkpoint_writer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto weights = narrow::torch::parse_checkpoint(bytes, "fuzz");
  if (weights.ok()) static_cast<void>(narrow::importers::build_network(*weights, {}).ok());
  static_cast<void>(narrow::torch::pickle::unpickle(bytes, 0, "fuzz").ok());
  return 0;
}

namespace narrow::testing {

std::vector<std::string> fuzz_seeds() {
  const std::vector<FloatTensor> tensors = {{"module.conv1.weight", {2, 3, 1, 1}, {1, 2, 3, 4, 5, 6}},
                                            {"module.features.0.0.weight", {2}, {0, 1}}};
  std::string protocol_4 = "\x80\x04\x95";
  protocol_4 += little_endian(40, 8) + "\x8c\x0b" + "collections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94.";
  PickleWriter shared;
  shared.raw("}").mark();
  for (const char* type : {"DoubleStorage", "HalfStorage", "LongStorage", "BoolStorage"}) {
    shared.text(type).tensor(type, type, 8, 1, {2, 3}, {1, 2});
  }
  return {zip_checkpoint(tensors),    stream_checkpoint(tensors),
          state_dict_pickle(tensors), nested_pickle("state_dict", tensors),
          shared.raw("u").stop(),     protocol_4};
}

}  // namespace narrow::testing
