// A quantized network: the content of a .nrw file.
#pragma once

#include "narrow/detail/needs_cxx20.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "narrow/allocator.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"
#include "narrow/types.h"

#include "narrow/detail/visibility_begin.h"

namespace narrow::engine {
struct ModelData;
}

namespace narrow {
inline namespace v0 {

struct LayerInfo;   // inspect.h
struct TensorInfo;  // inspect.h

// Where a model comes from. The file keeps it, and `narrow inspect` shows it.
struct Provenance {
  std::string source;        // file name of the float weights, without the folder
  std::string architecture;  // such as "cifar_resnet20"
  std::string calibration;   // such as "512 pictures, min/max"
  std::string tool;          // such as "narrow 0.1.0"
};

struct LoadOptions {
  // Of the file, and of what is made of it.
  std::size_t max_memory_bytes = std::size_t{4} << 30;
  // The file is not read but stays mapped, with the weights packed, until the last copy of the model is destroyed. That
  // takes less memory and time. In return the file must not change meanwhile: bytes that change are used unchecked, and
  // a file that becomes shorter ends the process (SIGBUS). To replace the file, rename another one, as `save` does.
  bool map = false;
  // Where the bytes that the model keeps are: the file's, or of parse() the weights'; allocator.h. A mapped file takes
  // nothing from it, and neither do weights of layers that were left in float. Default: operator new.
  Allocator allocator = {};
};

// Immutable and cheap to copy; sessions share it. Several threads may call all methods. Moving copies, so that a model
// that was moved from is the same model.
class Model {
 public:
  Model(const Model&) = default;
  Model& operator=(const Model&) = default;

  // Reads and checks the whole file before anything is used (format: docs/model_format.md). Afterwards the file may
  // change or vanish, unless it is mapped.
  // Errors: kIo, kMalformed (with the offset), kUnsupported (a newer format version; names both versions), kLimit.
  [[nodiscard]] static Result<Model> load(const std::filesystem::path& path, const LoadOptions& options = {});
  // The same from memory. The bytes are not needed afterwards. where: name of the bytes in errors. `map` has no effect.
  [[nodiscard]] static Result<Model> parse(std::span<const std::byte> bytes, std::string where = "model",
                                           const LoadOptions& options = {});

  // As parse(), but the weights are read where they are: the bytes must stay, and stay as they are, until the last copy
  // of the model is destroyed. For models that are a part of the program.
  [[nodiscard]] static Result<Model> view(std::span<const std::byte> bytes, std::string where = "model");

  // Writes a temporary file in the folder of `path`, syncs it and renames it. Afterwards `path` is the old file or the
  // new one, never a part of one. Errors: kNotFound (no such folder), kIo.
  [[nodiscard]] Status save(const std::filesystem::path& path) const;
  // The bytes that `save` writes. Deterministic: the same model returns the same bytes.
  [[nodiscard]] std::vector<std::byte> serialize() const;

  [[nodiscard]] TensorShape input_shape() const;  // [height, width, channels] of float32 values
  [[nodiscard]] std::int64_t classes() const;     // number of scores
  [[nodiscard]] ScoreKind score_kind() const;
  [[nodiscard]] const Preprocessing& preprocessing() const;
  [[nodiscard]] const std::vector<std::string>& labels() const;  // empty, or one per class; two for a single score
  [[nodiscard]] const Provenance& provenance() const;
  [[nodiscard]] std::vector<LayerInfo> layers() const;
  // All tensors by name, in the order in which they are computed, from the input to the scores.
  [[nodiscard]] std::vector<TensorInfo> tensors() const;
  // The name of the tensor that the last layer reads: what a classifier knows of an image, for comparing images. Empty:
  // there is none, because the network has no layer or its last one reads the input.
  [[nodiscard]] std::string embedding() const;

  // For other parts of Narrow.
  explicit Model(std::shared_ptr<const engine::ModelData> data) : data_(std::move(data)) {}
  [[nodiscard]] const engine::ModelData& data() const { return *data_; }

 private:
  std::shared_ptr<const engine::ModelData> data_;
};

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
