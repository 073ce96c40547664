#include "apps/run/model_bytes.h"

#include "base/try.h"
#include "narrow/float_model.h"

namespace narrow::cli {

Result<ModelBytes> read_model_bytes(const std::string& path) {
  NARROW_ASSIGN(const FileFormat format, detect_format(path));
  if (format != FileFormat::kNarrow) {
    return Error{ErrorCode::kInvalidArgument,
                 "is no .nrw; narrow quantize makes one of a float network, narrow convert of a pre-quantized one",
                 path};
  }
  NARROW_ASSIGN(const Model model, Model::load(path));
  return ModelBytes{model.serialize(), model};
}

}  // namespace narrow::cli
