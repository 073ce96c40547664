// What the documents of several commands have: networks, layers, preprocessing, agreement.
#pragma once

#include <cstddef>
#include <vector>

#include "apps/report/events.h"
#include "apps/report/json/json_text.h"
#include "apps/run/comparison.h"
#include "apps/run/left_out.h"
#include "apps/run/network.h"
#include "apps/run/statistics.h"
#include "apps/run/tally.h"
#include "narrow/inspect.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow::cli {

[[nodiscard]] Json object(const LeftOutFile& file);
[[nodiscard]] Json object(const Error& error);
[[nodiscard]] Json object(const TensorShape& shape);
[[nodiscard]] Json object(const Quantization& quantization);
[[nodiscard]] Json object(const Preprocessing& preprocessing);
// A network that ran.
[[nodiscard]] Json object(const NetworkSummary& network);
// Which kernels a network runs on. Only integer networks have a core by whose costs they were chosen.
void add_kernels(Json& json, const NetworkSummary& network);
[[nodiscard]] Json object(const LayerInfo& layer);
[[nodiscard]] Json layers_json(const std::vector<LayerInfo>& layers);
// Sets document["events"], and document[texts] to their sentences alone, as earlier versions had them.
void add_events(Json& document, const char* texts, const std::vector<Event>& events);
[[nodiscard]] Json object(const StepInfo& step);
[[nodiscard]] Json milliseconds(const Summary& seconds);
[[nodiscard]] Json object(const Tally& tally, std::size_t right);
[[nodiscard]] Json object(const Agreement& agreement);
[[nodiscard]] Json object(const Comparison& comparison);

}  // namespace narrow::cli
