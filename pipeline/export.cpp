// Exports to formats that other engines read.
#include "narrow/onnx.h"

#include "base/guarded.h"
#include "engine/model/model_data.h"
#include "exporters/onnx/export_graph.h"
#include "pipeline/float_model_data.h"

namespace narrow {
inline namespace v0 {

Result<std::vector<std::byte>> to_onnx(const Model& model) {
  return base::guarded([&] { return exporters::export_graph(model.data().graph, model.provenance().architecture); });
}

Result<std::vector<std::byte>> to_onnx(const FloatModel& model) {
  return base::guarded([&] { return exporters::export_graph(model.data().graph, model.architecture()); });
}

}  // namespace v0
}  // namespace narrow
