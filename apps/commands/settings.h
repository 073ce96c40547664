// What answers depend on, so that files of answers are not mixed up.
#pragma once

#include <string>
#include <vector>

#include "apps/options/model_options.h"
#include "apps/run/content_hash.h"
#include "apps/run/model_file.h"
#include "narrow/result.h"

namespace narrow::cli {

// A hash of the network's file, of the files beside it that hold its weights, and of what the options say about it.
// more: of the command. Error: kIo.
[[nodiscard]] Result<ContentHash> hash_settings(const ModelFlags& flags, const LoadedModel& loaded,
                                                const std::vector<std::string>& more);

}  // namespace narrow::cli
