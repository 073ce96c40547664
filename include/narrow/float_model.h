// A float network, loaded from a file of another tool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narrow/architecture_options.h"
#include "narrow/event.h"
#include "narrow/float_limits.h"
#include "narrow/onnx_options.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"
#include "narrow/types.h"

#include "narrow/detail/visibility_begin.h"

namespace narrow::graph {
struct Graph;
}

namespace narrow {
inline namespace v0 {

// Kinds of files that hold a network or its weights.
enum class FileFormat {
  kNarrow,       // .nrw: a Model, or a float network
  kTorch,        // a PyTorch checkpoint: weights
  kSafetensors,  // weights
  kOnnx,         // a network with its weights
};
// "narrow", "torch", "safetensors", "onnx": the name of the format in `--json`.
[[nodiscard]] std::string_view to_string(FileFormat format) noexcept;
// Recognises a format by the first bytes or, if they match none, by the file's name. So the right reader reports what
// is wrong. Errors: kNotFound, kIo (not a file, not readable), kMalformed (neither bytes nor name match; lists the
// formats that are read).
[[nodiscard]] Result<FileFormat> detect_format(const std::filesystem::path& path);

struct ImportOptions {
  ArchitectureOptions architecture;
  OnnxOptions onnx;  // of an ONNX file
  std::optional<Preprocessing>
      preprocessing;                // nothing: that of the file or the architecture; see preprocessing_is_assumed
  std::vector<std::string> labels;  // empty, or one per class
};

// Immutable and cheap to copy. Moving copies, so that a model that was moved from is the same model.
class FloatModel {
 public:
  FloatModel(const FloatModel&) = default;
  FloatModel& operator=(const FloatModel&) = default;

  // Reads any FileFormat, recognised by content. A PyTorch checkpoint (zip format or the stream format before 1.6) is
  // read by a restricted unpickler: nothing in the file is executed. The network is simplified (BatchNorm folded,
  // activations fused); `log()` reports how. The quantization of a pre-quantized ONNX file is kept.
  // Errors: kIo, kMalformed (with the offset), kUnsupported (a refused pickle global or an unknown operator, by name; a
  // quantized .nrw), kNotFound (no such file; an unknown architecture: lists all), kInvalidArgument (missing,
  // unexpected and wrongly shaped keys, listed; an option that does not apply to the file).
  [[nodiscard]] static Result<FloatModel> load(const std::filesystem::path& path, const ImportOptions& options = {});

  // The same from memory. The bytes are not needed afterwards. An ONNX file whose weights are in other files is
  // refused. where: name of the bytes in errors, and of the source.
  [[nodiscard]] static Result<FloatModel> parse(std::span<const std::byte> bytes, const std::string& where = "network",
                                                const ImportOptions& options = {});

  // The same network with other preprocessing. The file is not read again.
  // That of three channels with one mean and one std is taken as gray where the network takes gray images.
  // Error: the preprocessing makes images of another size than input_shape().
  [[nodiscard]] Result<FloatModel> with_preprocessing(const Preprocessing& preprocessing) const;

  [[nodiscard]] TensorShape input_shape() const;
  [[nodiscard]] std::int64_t classes() const;
  [[nodiscard]] const Preprocessing& preprocessing() const;
  // True if neither the file nor the options specify the preprocessing. preprocessing() is then a guess, the values of
  // most networks. Have the user confirm it.
  [[nodiscard]] bool preprocessing_is_assumed() const;
  // True if the network is pre-quantized: its file holds the quantization of some or all tensors (QDQ and QLinear
  // ONNX). convert() keeps it.
  [[nodiscard]] bool states_quantization() const;
  [[nodiscard]] ScoreKind score_kind() const;
  [[nodiscard]] const std::vector<std::string>& labels() const;
  [[nodiscard]] const std::string& architecture() const;
  [[nodiscard]] const std::string& source() const;
  // The files beside an ONNX file that hold weights of it (external data), with links resolved. Empty of all others.
  [[nodiscard]] const std::vector<std::filesystem::path>& external_files() const;
  // What the importer and the rewrites did: one event for each folded BatchNorm, fused activation, removed node, ...
  [[nodiscard]] const std::vector<Event>& log() const;

  // For other parts of Narrow.
  struct Data;
  explicit FloatModel(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  [[nodiscard]] const Data& data() const { return *data_; }

 private:
  std::shared_ptr<const Data> data_;
};

// Runs a float network (oneDNN, Eigen), one image at a time. A session must not be used by two threads at the same
// time. One that was moved from can be assigned to and destroyed; running it is kInvalidArgument.
class FloatSession {
 public:
  // threads: number of threads of oneDNN within one image, >= 1. Error: kLimit, the network takes more than `limits`.
  [[nodiscard]] static Result<FloatSession> create(const FloatModel& model, int threads = 1,
                                                   const FloatLimits& limits = {});
  FloatSession(FloatSession&&) noexcept;
  FloatSession& operator=(FloatSession&&) noexcept;
  ~FloatSession();

  // input: [height, width, channels] preprocessed floats; scores: [classes]. Error: kInvalidArgument, a span of another
  // size, or an input that is NaN or infinite (says where).
  [[nodiscard]] Status run(std::span<const float> input, std::span<float> scores);

 private:
  struct Impl;
  explicit FloatSession(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The names of architectures that `ArchitectureOptions::name` accepts.
[[nodiscard]] std::vector<std::string> architectures();

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
