// A quantized network: what a .nrw file holds.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "narrow/preprocess.h"
#include "narrow/result.h"
#include "narrow/types.h"

namespace narrow {

namespace engine {
struct ModelData;
}

// Where a model comes from; kept in the file, shown by `narrow inspect`.
struct Provenance {
  std::string source;        // file name of the float weights, without its folder
  std::string architecture;  // e.g. "cifar_resnet20"
  std::string calibration;   // e.g. "512 pictures, min/max"
  std::string tool;          // e.g. "narrow 0.1.0"
};

// One row of `narrow inspect`.
struct LayerInfo {
  std::string name;
  std::string op;                                    // "Convolution", "Add", ...
  TensorShape output;                                // shape of one picture's output
  std::string detail;                                // "3x3 s2 p1 g1", empty where there is nothing to say
  bool computes = true;                              // false: only moves numbers or changes their representation
  int weight_bits = 0;                               // 0: no weights, 32: float
  int activation_bits = 0;                           // of the output; 32: float
  Quantization quantization;                         // of the output, where activation_bits < 32
  float clamp_lo = 0, clamp_hi = 0;                  // real range of the output, where activation_bits < 32
  float weight_scale_min = 0, weight_scale_max = 0;  // over channels
  std::size_t weight_bytes = 0;                      // as stored
  std::int64_t macs = 0;                             // per picture
};

// Immutable and cheap to copy; sessions share it. All methods may be called from several threads.
class Model {
 public:
  // Reads and checks the whole file before anything is used (format: docs/model_format.md). It stays mapped, with the
  // weights packed as they are, as long as the model or a copy of it lives: replace it by renaming, as `save` does, but
  // don't change it in place.
  // Errors: kIo, kMalformed (with the offset), kUnsupported (newer format version: names both), kLimit.
  [[nodiscard]] static Result<Model> load(const std::filesystem::path& path);
  // The same from memory; the bytes are not needed afterwards. `where` names them in errors.
  [[nodiscard]] static Result<Model> parse(std::span<const std::byte> bytes, std::string where = "model");

  // Writes beside `path`, syncs and renames: afterwards there is the old file or the new one, never a part.
  [[nodiscard]] Status save(const std::filesystem::path& path) const;
  // The bytes that `save` writes. Deterministic: the same model gives the same bytes.
  [[nodiscard]] std::vector<std::byte> serialize() const;

  [[nodiscard]] TensorShape input_shape() const;  // [height, width, channels] of float32 values
  [[nodiscard]] std::int64_t classes() const;     // number of scores
  // The scores went through a Softmax inside the network: another one would flatten them.
  [[nodiscard]] bool scores_are_probabilities() const;
  [[nodiscard]] const Preprocessing& preprocessing() const;
  [[nodiscard]] const std::vector<std::string>& labels() const;  // empty, or one per class
  [[nodiscard]] const Provenance& provenance() const;
  [[nodiscard]] std::vector<LayerInfo> layers() const;

  // For Narrow's own rooms.
  explicit Model(std::shared_ptr<const engine::ModelData> data) : data_(std::move(data)) {}
  [[nodiscard]] const engine::ModelData& data() const { return *data_; }

 private:
  std::shared_ptr<const engine::ModelData> data_;
};

}  // namespace narrow
