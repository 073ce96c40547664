// The options of a network to run, for files of any format.
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
  std::string path;  // empty: the built-in model
  ImportFlags import;
  std::vector<Option> import_options;
  PreprocessFlags preprocess;
  std::string labels;  // a file
  std::string isa = "auto";
  LimitFlags limits;
  bool in_float = false;
};
// All options but the file itself.
void add_model_options(const Subcommand& command, ModelFlags& flags);
// As add_model_options(), without --labels. is_output_free: as in add_import_options().
void add_run_options(const Subcommand& command, ModelFlags& flags, bool is_output_free = true);

// Those of add_run_options() that a .nrw has.
void add_model_run_options(const Subcommand& command, ModelFlags& flags);

// Whether files of this format hold no network. The architecture then makes the network, with settings that the file
// does not hold.
[[nodiscard]] bool holds_weights_only(FileFormat format);

// The format of flags.path. The built-in model has kNarrow.
[[nodiscard]] Result<FileFormat> format_of(const ModelFlags& flags);

// The error for an option that was given and would have no effect on a file of this format.
[[nodiscard]] std::optional<Error> useless_option(const ModelFlags& flags, FileFormat format);

}  // namespace narrow::cli
