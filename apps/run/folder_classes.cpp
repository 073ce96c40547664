#include "apps/run/folder_classes.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "apps/text/class_names.h"

namespace narrow::cli {

std::vector<std::string> folder_classes(const std::vector<std::string>& paths, const std::vector<std::string>& labels) {
  if (labels.size() != 1000 || labels != class_names("imagenet")) return labels;
  std::vector<std::string> identifiers = imagenet_identifiers();
  for (const std::string& path : paths) {
    std::error_code error;
    for (std::filesystem::directory_iterator at(path, error); !error && at != std::filesystem::directory_iterator();
         at.increment(error)) {
      // They are sorted.
      if (std::binary_search(identifiers.begin(), identifiers.end(), at->path().filename().string())) {
        return identifiers;
      }
    }
  }
  return labels;
}

}  // namespace narrow::cli
