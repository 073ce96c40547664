// What the subfolders of folders of images are called.
#pragma once

#include <string>
#include <vector>

namespace narrow::cli {

// The names of the classes as subfolders have them: `labels` or, where these are ImageNet's and one of the paths is a
// folder with a subfolder of the name of a WordNet identifier, the identifiers.
[[nodiscard]] std::vector<std::string> folder_classes(const std::vector<std::string>& paths,
                                                      const std::vector<std::string>& labels);

}  // namespace narrow::cli
