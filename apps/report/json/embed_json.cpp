#include "apps/report/embed_report.h"
#include "apps/report/json/json_parts.h"

namespace narrow::cli {

std::string embed_json(const EmbedReport& report) {
  Json document;
  const TensorShape& shape = report.tensor.shape;
  document["model"] = object(report.network);
  document["output"] = report.output;
  document["layer"] = report.tensor.name;
  document["tensor_shape"] = {shape.height, shape.width, shape.channels};
  document["shape"] = {report.images.size(), shape.elems()};
  document["preprocessing"] = object(report.preprocessing);
  document["notes"] = report.notes;
  add_kernels(document, report.network);
  document["threads"] = report.threads;
  document["seconds"] = report.seconds;
  document["pictures"] = report.images;
  document["unreadable"] = list(report.unreadable, [](const Error& error) { return object(error); });
  return written(document);
}

}  // namespace narrow::cli
