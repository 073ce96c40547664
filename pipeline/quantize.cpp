// narrow::quantize: calibration and quantization of a FloatModel into a Model.
#include "narrow/quantize.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/float_environment.h"
#include "base/guarded.h"
#include "base/try.h"
#include "engine/model/model_data.h"
#include "floating/cost.h"
#include "narrow/image.h"
#include "narrow/version.h"
#include "pipeline/float_model_data.h"
#include "pipeline/noise_images.h"
#include "pipeline/time_network.h"
#include "quantize/activations.h"
#include "quantize/quantize_graph.h"
#include "quantize/range_methods.h"

namespace narrow {
inline namespace v0 {
namespace {

// Memory for decoded images. Most calibration sets fit; otherwise each pass decodes its images again.
constexpr std::size_t kImageBytes = std::size_t{512} << 20;

// For quantization without images.
constexpr std::size_t kNoiseImages = 256;

std::string describe_calibration(std::size_t images, ObserverKind observer) {
  if (images == 0) return "BatchNorm statistics, no pictures, " + std::string(graph::range_method(observer).name);
  return std::to_string(images) + (images == 1 ? " picture, " : " pictures, ") +
         std::string(graph::range_method(observer).name);
}

// The network's input as the presets' mean and std would make it, and with red and blue exchanged.
std::vector<graph::InputVariant> other_preparations(const Preprocessing& given) {
  std::vector<graph::InputVariant> variants;
  std::vector<Preprocessing> seen = {given};
  const auto is_new = [&seen](const Preprocessing& other) {
    return std::none_of(seen.begin(), seen.end(),
                        [&](const Preprocessing& old) { return old.mean == other.mean && old.std == other.std; });
  };
  const auto add = [&](const std::string& name, const Preprocessing& other, bool swaps) {
    graph::InputVariant variant{name, swaps};
    // x = (pixel - mean) / std, so that pixel = x * std + mean. Red and blue change places as pixels.
    for (std::size_t c = 0; c < 3; ++c) {
      const std::size_t from = swaps ? 2 - c : c;
      variant.scale[c] = given.std[from] / other.std[c];
      variant.shift[c] = (given.mean[from] - other.mean[c]) / other.std[c];
    }
    variants.push_back(std::move(variant));
  };
  for (const std::string& name : preprocessing_presets()) {
    Result<Preprocessing> preset = preprocessing_preset(name);
    if (preset.ok() && given.order == ChannelOrder::kBgr) {
      std::swap(preset->mean[0], preset->mean[2]);
      std::swap(preset->std[0], preset->std[2]);
    }
    if (!preset.ok() || preset->channels != given.channels || !is_new(*preset)) continue;
    seen.push_back(*preset);
    add("mean and std of \"" + name + "\"", *preset, false);
  }
  Preprocessing plain = given;
  plain.mean = {0.0F, 0.0F, 0.0F};
  plain.std = {1.0F, 1.0F, 1.0F};
  if (is_new(plain)) add("pixels from 0 to 1 (mean 0, std 1)", plain, false);
  const bool is_bgr = given.order == ChannelOrder::kBgr;
  if (given.channels == 3) add(std::string("red and blue exchanged (") + (is_bgr ? "RGB)" : "BGR)"), given, true);
  return variants;
}

// Of a pass over the images.
std::function<void(std::size_t, std::size_t)> pass_progress(const QuantizeOptions& options) {
  if (!options.progress) return {};
  return [&options](std::size_t done, std::size_t total) { options.progress("calibrating, image", done, total); };
}

graph::TimeNetwork time_within(const QuantizeOptions& options) {
  return [&options](const graph::Graph& integers, bool measure) {
    return time_network(integers, measure, options.cancellation);
  };
}

// The options with as many threads as the limits allow.
Result<QuantizeOptions> within_limits(const FloatModel::Data& source, const QuantizeOptions& given) {
  QuantizeOptions options = given;
  if (given.threads > 0) {
    NARROW_ASSIGN(options.threads, graph::threads_within(source.graph, given.threads, given.limits));
  }
  return options;
}

Quantized finished(const FloatModel::Data& source, graph::QuantizedGraph quantized, std::string calibration,
                   std::size_t images) {
  auto data = std::make_shared<engine::ModelData>();
  data->graph = std::move(quantized.graph);
  data->preprocessing = source.preprocessing;
  data->labels = source.labels;
  data->provenance = {.source = source.source,
                      .architecture = source.architecture,
                      .calibration = std::move(calibration),
                      .tool = "narrow " + std::string(version())};
  quantized.report.pictures = images;
  quantized.report.events.insert(quantized.report.events.begin(), source.log.begin(), source.log.end());
  return Quantized{Model(std::move(data)), std::move(quantized.report)};
}

}  // namespace

Result<Quantized> quantize(const FloatModel& model, const CalibrationInputs& inputs, const QuantizeOptions& given) {
  return base::guarded([&]() -> Result<Quantized> {
    const base::DefaultFloatEnvironment environment;  // threads that calibrate inherit it
    const FloatModel::Data& source = model.data();
    NARROW_ASSIGN(const QuantizeOptions options, within_limits(source, given));
    NARROW_ASSIGN(auto activations, graph::Activations::create(
                                        source.graph, inputs,
                                        {options.threads, kImageBytes, pass_progress(options), options.cancellation}));
    const graph::CalibrationExpectations expected{source.trained, other_preparations(source.preprocessing)};
    NARROW_ASSIGN(auto quantized,
                  graph::quantize_graph(source.graph, activations, options, &expected, time_within(options)));
    return finished(source, std::move(quantized), describe_calibration(inputs.count, options.observer), inputs.count);
  });
}

Result<Quantized> quantize_without_images(const FloatModel& model, const QuantizeOptions& given) {
  return base::guarded([&]() -> Result<Quantized> {
    const base::DefaultFloatEnvironment environment;
    const FloatModel::Data& source = model.data();
    NARROW_ASSIGN(const QuantizeOptions options, within_limits(source, given));
    const CalibrationInputs noise =
        noise_images(source.graph.value(source.graph.input).shape, source.preprocessing, kNoiseImages);
    NARROW_ASSIGN(auto activations, graph::Activations::create(
                                        source.graph, noise,
                                        {options.threads, kImageBytes, pass_progress(options), options.cancellation}));
    NARROW_ASSIGN(auto quantized, graph::quantize_without_images(source.graph, source.trained, activations, options,
                                                                 time_within(options)));
    return finished(source, std::move(quantized), describe_calibration(0, options.observer), 0);
  });
}

CalibrationInputs calibration_inputs(const PictureSet& images, const Preprocessing& preprocessing, std::size_t limit) {
  const std::size_t available = images.size();
  const std::size_t count = limit == 0 || limit > available ? available : limit;
  return {.count = count, .fill = [images, preprocessing, available, count](std::size_t index, std::span<float> out) {
            // Evenly spread, because the first images of a sorted folder are of one class.
            const std::size_t chosen = index * available / count;
            Result<LabelledPicture> image = images.get(chosen);
            if (!image.ok()) return Status(std::move(image).error());
            Status status = preprocess(image->picture, preprocessing, out);
            if (!status.ok()) {
              Error error = std::move(status).error();
              error.where = image->name + (error.where.empty() ? "" : ": " + error.where);
              return Status(std::move(error));
            }
            return status;
          }};
}

}  // namespace v0
}  // namespace narrow
