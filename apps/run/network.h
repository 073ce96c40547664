// A network that computes scores of images, read from any kind of file.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "apps/options/options.h"
#include "narrow/float_model.h"
#include "narrow/model.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"
#include "narrow/session.h"

namespace narrow::cli {

// The facts about a network that ran, for reports.
struct NetworkSummary {
  std::string file;  // empty: the built-in model
  std::string architecture;
  std::string bits;
  std::string arithmetic;
  std::string isa;
  std::string core;  // empty: none was asked for costs
  TensorShape input;
};

// Scores batches of preprocessed images. Used by one thread at a time.
class Network {
 public:
  virtual ~Network() = default;

  // inputs: [count, height, width, channels]; scores: [count, classes]. count: 1 to the batch that it was opened with.
  [[nodiscard]] virtual Status run(std::span<const float> inputs, std::span<float> scores) = 0;

  // Height, width and channels of one input.
  [[nodiscard]] virtual TensorShape input_shape() const = 0;
  [[nodiscard]] virtual std::int64_t classes() const = 0;
  [[nodiscard]] virtual const Preprocessing& preprocessing() const = 0;
  [[nodiscard]] virtual const std::vector<std::string>& labels() const = 0;
  [[nodiscard]] virtual ScoreKind score_kind() const = 0;
  // "cifar_resnet20", or the name of the file if there is no architecture.
  [[nodiscard]] virtual std::string architecture() const = 0;
  // The session that runs it; nullptr for a float network on oneDNN.
  [[nodiscard]] virtual Session* session() { return nullptr; }
  // "avx2", or "oneDNN" for a float network.
  [[nodiscard]] virtual std::string isa() const = 0;
  // "zen4", by whose costs its kernels were chosen; empty for a float network.
  [[nodiscard]] virtual std::string core() const { return {}; }
  // "8-bit weights, 8-bit activations"; "float".
  [[nodiscard]] virtual std::string bits() const = 0;
  // "integer arithmetic", "float arithmetic".
  [[nodiscard]] virtual std::string arithmetic() const = 0;
};

[[nodiscard]] NetworkSummary describe(const Network& network, std::string file);

void set_limits(SessionOptions& options, const LimitFlags& limits);
[[nodiscard]] FloatLimits float_limits(const LimitFlags& limits);
[[nodiscard]] Result<std::unique_ptr<Network>> open_network(const Model& model, const std::string& isa, int threads,
                                                            int batch, int spin_us = 0, const LimitFlags& limits = {});
// Each thread runs whole images, so that the number of threads can't change the order of additions.
[[nodiscard]] Result<std::unique_ptr<Network>> open_network(const FloatModel& model, int threads, int batch = 1,
                                                            const LimitFlags& limits = {});

}  // namespace narrow::cli
