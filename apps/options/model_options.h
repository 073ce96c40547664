// The options of a network to run, whatever file holds it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/options/options.h"
#include "apps/options/preprocess_options.h"
#include "narrow/float_model.h"
#include "narrow/result.h"

namespace narrow::cli {

struct ModelFlags {
  std::string path;  // empty: the model that is built in
  ImportFlags import;
  std::vector<Option> import_options;
  PreprocessFlags preprocess;
  std::string labels;  // a file
  std::string isa = "auto";
  bool in_float = false;
};
// All options but the file itself.
void add_model_options(const Subcommand& command, ModelFlags& flags);
// As add_model_options(), without --labels.
void add_run_options(const Subcommand& command, ModelFlags& flags);

// True for formats that hold no network: it is an architecture's, with settings that the file does not tell.
[[nodiscard]] bool holds_weights_only(FileFormat format);

// The format of flags.path; of the built-in model it is kNarrow.
[[nodiscard]] Result<FileFormat> format_of(const ModelFlags& flags);

// An option that was given and would have no effect on a file of this format: better said than ignored.
[[nodiscard]] std::optional<Error> useless_option(const ModelFlags& flags, FileFormat format);

}  // namespace narrow::cli
