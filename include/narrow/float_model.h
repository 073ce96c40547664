// A float network made from somebody else's weights file.
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
#include "narrow/preprocess.h"
#include "narrow/result.h"
#include "narrow/types.h"

namespace narrow {

namespace graph {
struct Graph;
}

// Kinds of files that hold a network or its weights.
enum class FileFormat {
  kNarrow,       // .nrw: a Model, or a float network
  kTorch,        // a PyTorch checkpoint: weights
  kSafetensors,  // weights
  kOnnx,         // a network with its weights
};
// "narrow", "torch", "safetensors", "onnx": as programs see it in `--json`.
[[nodiscard]] std::string_view to_string(FileFormat format) noexcept;
// Told by the first bytes, and where they tell nothing by the name, so that the right reader explains what is wrong.
// Errors: kNotFound, kIo (not a file, not readable), kMalformed (neither bytes nor name tell; lists what is read).
[[nodiscard]] Result<FileFormat> detect_format(const std::filesystem::path& path);

struct ImportOptions {
  ArchitectureOptions architecture;
  std::optional<Preprocessing>
      preprocessing;                // nothing: the file's or the architecture's; see preprocessing_is_assumed
  std::vector<std::string> labels;  // empty, or one per class
};

// Immutable and cheap to copy.
class FloatModel {
 public:
  // Reads any FileFormat, told by content. A PyTorch checkpoint (zip format or the stream format before 1.6) goes
  // through a restricted unpickler: nothing in the file is ever executed. The network is simplified (BatchNorm folded,
  // activations fused); `log()` says how. What an ONNX file states about quantization is kept.
  // Errors: kIo, kMalformed (with the offset), kUnsupported (refused pickle global or unknown operator, by name; a .nrw
  // that is quantized already), kNotFound (no such file; unknown architecture: lists all), kInvalidArgument (missing,
  // unexpected and wrongly shaped keys, listed; an option that does not apply to the file).
  [[nodiscard]] static Result<FloatModel> load(const std::filesystem::path& path, const ImportOptions& options = {});

  // The same network with other numbers of preprocessing; the file is not read again.
  // Error: they make pictures of another size than input_shape().
  [[nodiscard]] Result<FloatModel> with_preprocessing(const Preprocessing& preprocessing) const;

  [[nodiscard]] TensorShape input_shape() const;
  [[nodiscard]] std::int64_t classes() const;
  [[nodiscard]] const Preprocessing& preprocessing() const;
  // Neither the file nor the options say how pictures are prepared: preprocessing() is what most networks take, and
  // somebody should look at it.
  [[nodiscard]] bool preprocessing_is_assumed() const;
  // The file says how (some of) its tensors are quantized (QDQ and QLinear ONNX): convert() keeps that.
  [[nodiscard]] bool states_quantization() const;
  // The scores went through a Softmax inside the network: another one would flatten them.
  [[nodiscard]] bool scores_are_probabilities() const;
  [[nodiscard]] const std::vector<std::string>& labels() const;
  [[nodiscard]] const std::string& architecture() const;
  [[nodiscard]] const std::string& source() const;
  // What the importer and the rewrites did: one event per folded BatchNorm, fused activation, removed node.
  [[nodiscard]] const std::vector<Event>& log() const;

  // For Narrow's own rooms.
  struct Data;
  explicit FloatModel(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  [[nodiscard]] const Data& data() const { return *data_; }

 private:
  std::shared_ptr<const Data> data_;
};

// Runs a float network (oneDNN, Eigen), one picture at a time. One thread at a time per session.
class FloatSession {
 public:
  // threads: of oneDNN within one picture.
  [[nodiscard]] static Result<FloatSession> create(const FloatModel& model, int threads = 1);
  FloatSession(FloatSession&&) noexcept;
  FloatSession& operator=(FloatSession&&) noexcept;
  ~FloatSession();

  // input: [height, width, channels] preprocessed floats; scores: [classes].
  [[nodiscard]] Status run(std::span<const float> input, std::span<float> scores);

 private:
  struct Impl;
  explicit FloatSession(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Names of the architectures that `ArchitectureOptions::name` takes.
[[nodiscard]] std::vector<std::string> architectures();

}  // namespace narrow
