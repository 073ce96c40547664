// narrow::convert: makes a Model without calibration.
#include <algorithm>
#include <memory>
#include <utility>

#include "base/float_environment.h"
#include "base/guarded.h"
#include "base/try.h"
#include "engine/model/model_data.h"
#include "narrow/quantize.h"
#include "narrow/version.h"
#include "pipeline/float_model_data.h"
#include "quantize/integer_where_pre_quantized.h"
#include "rewrites/pre_quantized.h"

namespace narrow {
inline namespace v0 {
namespace {

constexpr int kFloatBits = 32;

WeightReport report_of(const graph::Node& layer, const graph::Filter& filter) {
  WeightReport report;
  report.layer = layer.name;
  report.bits = kFloatBits;
  if (!filter.quantized) return report;
  const auto [min, max] = std::minmax_element(filter.quantized->scales.begin(), filter.quantized->scales.end());
  report.bits = bits_for(filter.quantized->range);
  report.scale_min = *min;
  report.scale_max = *max;
  return report;
}

}  // namespace

Result<Quantized> convert(const FloatModel& model) {
  return base::guarded([&]() -> Result<Quantized> {
    const base::DefaultFloatEnvironment environment;
    const FloatModel::Data& source = model.data();
    NARROW_ASSIGN(auto converted, graph::integer_where_pre_quantized(source.graph));
    QuantizeReport report;
    report.events = source.log;
    report.events.insert(report.events.end(), converted.log.begin(), converted.log.end());
    for (const graph::Node& node : converted.graph.nodes) {
      if (const graph::Filter* filter = graph::filter_of(node)) report.weights.push_back(report_of(node, *filter));
    }
    const bool pre_quantized = graph::is_pre_quantized(converted.graph);

    auto data = std::make_shared<engine::ModelData>();
    data->graph = std::move(converted.graph);
    data->preprocessing = source.preprocessing;
    data->labels = source.labels;
    data->provenance = {.source = source.source,
                        .architecture = source.architecture,
                        .calibration = pre_quantized ? "none: stated in the file" : "none: float32",
                        .tool = "narrow " + std::string(version())};
    return Quantized{Model(std::move(data)), std::move(report)};
  });
}

}  // namespace v0
}  // namespace narrow
