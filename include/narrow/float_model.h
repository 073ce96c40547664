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

// Settings of a named architecture that a file of weights does not tell. Only `input_size` applies to ONNX, where the
// file leaves the size open.
struct ArchitectureOptions {
  // "cifar_resnet20", "resnet18", "mobilenet_v2", ...; empty: recognised from the keys, where they tell.
  std::string name;
  // Height and width of the input; 0: the architecture's own (32 or 224).
  int input_size = 0;
  // TensorFlow's SAME padding, where a stride of 2 pads only bottom and right. Nothing: as the architecture is known.
  std::optional<bool> tf_padding;
  std::optional<double> batch_norm_epsilon;  // nothing: the architecture's own, mostly 1e-5
  // Indices of MobileNetV2's `features` blocks with stride 2; nothing: the paper's {0, 2, 4, 7, 14}.
  std::optional<std::vector<int>> stride_2_blocks;
};

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

// The weights of a PyTorch checkpoint or safetensors file as the bytes of a safetensors file: float32, sorted by name.
// Errors: as reading them; kInvalidArgument for a network (ONNX, .nrw), of which safetensors holds only a part.
[[nodiscard]] Result<std::vector<std::byte>> to_safetensors(const std::filesystem::path& weights);

// An ONNX operator that can be read.
struct OnnxOperator {
  std::string name;    // "Conv", "com.microsoft.QLinearAdd"
  std::string how;     // "integer", "table", "float", "folded", "moves data", ...
  std::string limits;  // what is not supported of it; may be empty
};
[[nodiscard]] std::vector<OnnxOperator> onnx_operators();

}  // namespace narrow
