// Quantizing that another thread, a deadline or the progress report ends.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "narrow/cancellation.h"
#include "narrow/quantize.h"
#include "pipeline/float_model_data.h"

namespace narrow {
inline namespace v0 {
namespace {

// Two convolutions and a linear layer: what every stage of quantizing has work with.
FloatModel network() {
  auto data = std::make_shared<FloatModel::Data>();
  graph::Graph& graph = data->graph;
  graph.input = graph.add_value("input", {8, 8, 3});
  std::uint32_t seed = 1;
  const auto numbers = [&seed](std::size_t count) {
    std::vector<float> result(count);
    for (float& number : result) {
      seed = seed * 1664525U + 1013904223U;
      number = static_cast<float>(seed >> 8) / 8388608.0F - 1.0F;
    }
    return result;
  };
  Clamp relu;
  relu.lo = 0;
  graph::ValueId at = graph.input;
  for (const int inputs : {3, 8}) {
    graph::Convolution convolution;
    convolution.window.kernel_h = convolution.window.kernel_w = 3;
    convolution.window.pad = {1, 1, 1, 1};
    convolution.out_channels = 8;
    convolution.filter.weights = numbers(std::size_t{8 * 9} * static_cast<std::size_t>(inputs));
    convolution.filter.bias = numbers(8);
    at = graph.add_node("conv" + std::to_string(inputs), convolution, {at}, relu).value();
  }
  at = graph.add_node("pool", graph::GlobalAveragePool{}, {at}).value();
  graph::Linear linear;
  linear.out_features = 5;
  linear.filter.weights = numbers(40);
  linear.filter.bias = numbers(5);
  graph.output = graph.add_node("fc", linear, {at}).value();
  data->preprocessing.crop_height = data->preprocessing.crop_width = 8;
  return FloatModel(std::move(data));
}

CalibrationInputs inputs(std::size_t count) {
  return {count, [](std::size_t index, std::span<float> out) -> Status {
            for (std::size_t i = 0; i < out.size(); ++i) {
              out[i] = static_cast<float>((i * 7 + index * 31) % 53) / 26.0F - 1.0F;
            }
            return {};
          }};
}

QuantizeOptions slow_options() {
  QuantizeOptions options;
  options.weight_bits = options.activation_bits = 3;
  options.effort = Effort::kMax;
  options.equalization = Preparation::kAuto;
  return options;
}

}  // namespace

TEST_CASE("cancelled calibration ends with an error before an image is asked for") {
  Cancellation cancellation;
  cancellation.cancel();
  QuantizeOptions options;
  options.cancellation = &cancellation;
  CalibrationInputs counted = inputs(4);
  std::atomic<int> asked = 0;
  counted.fill = [&asked, fill = counted.fill](std::size_t index, std::span<float> out) {
    ++asked;
    return fill(index, out);
  };
  const FloatModel model = network();
  for (const bool with_images : {true, false}) {
    const Result<Quantized> ended =
        with_images ? quantize(model, counted, options) : quantize_without_images(model, options);
    REQUIRE_FALSE(ended.ok());
    if (with_images) CHECK(ended.error().code == ErrorCode::kCancelled);
  }
  CHECK(asked == 0);
  // The same options work again after a reset, with the bytes of work that nothing can cancel.
  cancellation.reset();
  CHECK(quantize(model, counted, options).value().model.serialize() ==
        quantize(model, inputs(4), {}).value().model.serialize());
}

TEST_CASE("each stage of quantizing ends soon after it is cancelled and no other follows") {
  const FloatModel model = network();
  QuantizeOptions options = slow_options();
  std::set<std::string> stages;
  options.progress = [&](std::string_view stage, std::size_t, std::size_t) { stages.emplace(stage); };
  REQUIRE(quantize(model, inputs(20), options).ok());
  REQUIRE(stages.size() >= 4);
  for (const int threads : {1, 3}) {
    for (const std::string& stage : stages) {
      Cancellation cancellation;
      options.cancellation = &cancellation;
      options.threads = threads;
      int later = 0;
      options.progress = [&](std::string_view name, std::size_t done, std::size_t total) {
        if (cancellation.cancelled()) ++later;
        // Not at the last step of it, after which a next stage has to notice.
        if (name == stage && (done < total || total == 1)) cancellation.cancel();
      };
      const Result<Quantized> ended = quantize(model, inputs(20), options);
      if (!cancellation.cancelled()) continue;  // a stage of a single step
      REQUIRE_MESSAGE(!ended.ok(), stage);
      CHECK_MESSAGE(ended.error().code == ErrorCode::kCancelled, stage, ": ", ended.error().text());
      CHECK_MESSAGE(later <= threads, stage);
    }
  }
}

TEST_CASE("work that a deadline ends at any moment is cancelled or gives the whole result") {
  const FloatModel model = network();
  QuantizeOptions options = slow_options();
  options.threads = 2;
  const auto run = [&] { return quantize(model, inputs(20), options); };
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  const std::vector<std::byte> whole = run().value().model.serialize();
  const Clock::duration all = Clock::now() - begin;
  int cancelled = 0;
  constexpr int kMoments = 24;
  for (int i = 0; i < kMoments; ++i) {
    Cancellation cancellation;
    cancellation.cancel_at(Clock::now() + all * i / kMoments);
    options.cancellation = &cancellation;
    const Result<Quantized> result = run();
    if (result.ok()) {
      CHECK(result->model.serialize() == whole);
    } else {
      ++cancelled;
      CHECK_MESSAGE(result.error().code == ErrorCode::kCancelled, result.error().text());
    }
  }
  CHECK(cancelled > 0);
}

TEST_CASE("a bit search and a deadline can be cancelled") {
  const FloatModel model = network();
  Cancellation cancellation;
  QuantizeOptions options;
  options.cancellation = &cancellation;
  options.goal = BitGoal{.max_changed = 0.05};
  options.progress = [&](std::string_view stage, std::size_t, std::size_t) {
    if (stage == "measuring sensitivity, tensor") cancellation.cancel();
  };
  const Result<Quantized> searched = quantize(model, inputs(20), options);
  REQUIRE_FALSE(searched.ok());
  CHECK(searched.error().code == ErrorCode::kCancelled);

  cancellation.reset();
  cancellation.cancel_at(std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
  options = slow_options();
  options.cancellation = &cancellation;
  CalibrationInputs slow = inputs(200);
  slow.fill = [fill = slow.fill](std::size_t index, std::span<float> out) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return fill(index, out);
  };
  const Result<Quantized> late = quantize(model, slow, options);
  REQUIRE_FALSE(late.ok());
  CHECK(late.error().code == ErrorCode::kCancelled);
}

}  // namespace v0
}  // namespace narrow
