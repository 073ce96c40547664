// Opens files of any format that hold a network.
#pragma once

#include <cstdint>
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

// A float network, and whether its preprocessing is an assumption.
struct FloatFile {
  FloatModel model;
  bool preprocessing_is_assumed = false;
};
// Loads a float network of any format. Where the flags give only a part of the preprocessing, the rest is that of the
// file or the architecture. The input size follows the crop unless it is given.
[[nodiscard]] Result<FloatFile> load_float_file(const std::filesystem::path& path, const ImportFlags& import,
                                                const PreprocessFlags& preprocess,
                                                const std::vector<std::string>& labels = {});

struct LoadedModel {
  std::variant<Model, FloatModel> model;
  Preprocessing preprocessing;  // the network's own, changed by the flags
  bool preprocessing_is_assumed = false;
  std::vector<std::string> labels;  // those of the flags, or else the network's own; may be empty
  std::vector<std::string> notes;   // what the user should know about how the network runs
  std::string path;                 // of the file; empty: the built-in model

  // The names to show. They are not those of subfolders: they may be an assumption.
  [[nodiscard]] const std::vector<std::string>& shown_labels() const {
    return labels.empty() ? assumed_labels : labels;
  }
  std::vector<std::string> assumed_labels = {};  // where there are no labels: ImageNet's, of a network made for it
  LimitFlags limits = {};                        // what it may take when it is opened
  std::vector<std::filesystem::path> external_files = {};  // beside `path`, that hold weights of it
};

// Loads a file in the form in which it runs. Integer networks and pre-quantized ONNX files run in integers (in_float:
// simulated in float). All others run in float.
[[nodiscard]] Result<LoadedModel> load_model_file(const ModelFlags& flags, FileFormat format);
// Bytes of a network's file and of those beside it that hold weights of it; 0 for the built-in model.
[[nodiscard]] std::uint64_t size_of_files(const std::string& path,
                                          const std::vector<std::filesystem::path>& external_files = {});
// An error of Session::create(), with the file before its place, and the option that raises a limit.
[[nodiscard]] Error of_file(Error error, const std::string& path);
// Prepares the network for this CPU. `isa`, `batch` and `spin_us` do not apply to a FloatModel.
[[nodiscard]] Result<std::unique_ptr<Network>> open_network(const LoadedModel& loaded, const std::string& isa,
                                                            int threads, int batch, int spin_us = 0);

}  // namespace narrow::cli
