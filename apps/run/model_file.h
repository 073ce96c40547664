// Opening a file that holds a network, whatever its format.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "apps/options/model_options.h"
#include "apps/run/network.h"
#include "narrow/float_model.h"
#include "narrow/model.h"

namespace narrow::cli {

// A float network, and whether anybody said how its pictures are prepared.
struct FloatFile {
  FloatModel model;
  bool preprocessing_is_assumed = false;
};
// Loads a float network of any format. Where only a part of the preprocessing is given, the rest is the file's or the
// architecture's own. The input size follows the crop unless it is given.
[[nodiscard]] Result<FloatFile> load_float_file(const std::filesystem::path& path, const ImportFlags& import,
                                                const PreprocessFlags& preprocess,
                                                const std::vector<std::string>& labels = {});

struct LoadedModel {
  std::variant<Model, FloatModel> model;
  Preprocessing preprocessing;  // the network's own, or what the flags make of it
  bool preprocessing_is_assumed = false;
  std::vector<std::string> labels;  // given, or the network's own; may be empty
  std::vector<std::string> notes;   // what a user should know about how it runs
};

// Loads the file so that it runs: an integer network on integers, an ONNX file that states its quantization too
// (in_float: simulated in float), and everything else in float.
[[nodiscard]] Result<LoadedModel> load_model_file(const ModelFlags& flags, FileFormat format);
// Made ready for this CPU. `isa` does not apply to a FloatModel, nor do `batch` and `spin_us`.
[[nodiscard]] Result<std::unique_ptr<Network>> open_network(const LoadedModel& loaded, const std::string& isa,
                                                            int threads, int batch, int spin_us = 0);

}  // namespace narrow::cli
