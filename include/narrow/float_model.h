// A float network made from somebody else's weights file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "narrow/preprocess.h"
#include "narrow/result.h"
#include "narrow/types.h"

namespace narrow {

namespace graph {
struct Graph;
}

// Settings of a named architecture that the weights file does not tell.
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
  std::optional<Preprocessing> preprocessing;  // nothing: the architecture's usual one
  std::vector<std::string> labels;             // empty, or one per class
};

// Immutable and cheap to copy.
class FloatModel {
 public:
  // Reads a PyTorch checkpoint (zip format or the stream format before 1.6) with a restricted unpickler: nothing in the
  // file is ever executed. The float network is simplified (BatchNorm folded, activations fused); `log()` says how.
  // Errors: kIo, kMalformed (with the offset), kUnsupported (refused pickle global, by name), kNotFound (unknown
  // architecture: lists all), kInvalidArgument (missing, unexpected and wrongly shaped keys, listed).
  [[nodiscard]] static Result<FloatModel> load(const std::filesystem::path& path, const ImportOptions& options = {});

  [[nodiscard]] TensorShape input_shape() const;
  [[nodiscard]] std::int64_t classes() const;
  [[nodiscard]] const Preprocessing& preprocessing() const;
  [[nodiscard]] const std::vector<std::string>& labels() const;
  [[nodiscard]] const std::string& architecture() const;
  [[nodiscard]] const std::string& source() const;
  // What the passes did: one line per folded BatchNorm, fused activation, removed node.
  [[nodiscard]] const std::vector<std::string>& log() const;

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
