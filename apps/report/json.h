// Parts of models as JSON, the same in every subcommand.
#pragma once

#include <span>

#include "apps/report/console.h"
#include "narrow/event.h"
#include "narrow/inspect.h"
#include "narrow/model.h"
#include "narrow/preprocess.h"
#include "narrow/types.h"

namespace narrow::cli {

[[nodiscard]] Json shape_json(const TensorShape& shape);
[[nodiscard]] Json quantization_json(const Quantization& quantization);
[[nodiscard]] Json preprocessing_json(const Preprocessing& preprocessing);
[[nodiscard]] Json layer_json(const LayerInfo& layer);

// [{"kind": "folded", "subject": "bn1", "text": "..."}, ...]
[[nodiscard]] Json events_json(std::span<const Event> events);
// The texts alone, as earlier versions had them.
[[nodiscard]] Json event_texts_json(std::span<const Event> events);

}  // namespace narrow::cli
