#include "engine/model/model_data.h"

#include <string_view>

#include "base/text.h"
#include "base/try.h"

namespace narrow::engine {

using base::text_problem;

namespace {

Status check_text(std::string_view text, const std::string& where) {
  if (const std::string problem = text_problem(text); !problem.empty()) {
    return Error{ErrorCode::kInvalidArgument, base::joined({"the text ", problem, ", which a model file can't hold"}),
                 where};
  }
  return {};
}

Status check_texts(const ModelData& model) {
  for (std::size_t i = 0; i < model.labels.size(); ++i) {
    NARROW_TRY(check_text(model.labels[i], base::joined({"label ", i})));
  }
  NARROW_TRY(check_text(model.provenance.source, "provenance: source"));
  NARROW_TRY(check_text(model.provenance.architecture, "provenance: architecture"));
  NARROW_TRY(check_text(model.provenance.calibration, "provenance: calibration"));
  return check_text(model.provenance.tool, "provenance: tool");
}

}  // namespace

Status check_model(const ModelData& model) {
  NARROW_TRY(graph::validate(model.graph));
  NARROW_TRY(check_texts(model));
  const graph::Value& input = model.graph.value(model.graph.input);
  NARROW_TRY(validate(model.preprocessing));
  if (input.shape.height != model.preprocessing.crop_height || input.shape.width != model.preprocessing.crop_width) {
    return Error{ErrorCode::kInvalidArgument,
                 base::joined({"preprocessing makes images of ", model.preprocessing.crop_height, "x",
                               model.preprocessing.crop_width, " pixels, the network takes ", input.shape.height, "x",
                               input.shape.width}),
                 input.name};
  }
  // A network whose input is no image has no use for preprocessing. Session::classify refuses it.
  const bool takes_images = input.shape.channels == 1 || input.shape.channels == 3;
  if (takes_images && input.shape.channels != model.preprocessing.channels) {
    return Error{ErrorCode::kInvalidArgument,
                 base::joined({"preprocessing makes images of ", model.preprocessing.channels,
                               model.preprocessing.channels == 1 ? " channel" : " channels", ", the network takes ",
                               input.shape.channels}),
                 input.name};
  }
  const std::int64_t classes = model.graph.value(model.graph.output).shape.elems();
  const auto labels = static_cast<std::int64_t>(model.labels.size());
  const bool names_both = classes == 1 && labels == 2;  // a single score tells two classes apart
  if (labels != 0 && labels != classes && !names_both) {
    return Error{ErrorCode::kInvalidArgument,
                 base::joined({model.labels.size(), " labels do not fit ", classes, " classes"}), "labels"};
  }
  return {};
}

}  // namespace narrow::engine
