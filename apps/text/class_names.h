// The names of the classes of well-known sets of images, in the order of their indices.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace narrow::cli {

// "imagenet" (the 1000 classes of ILSVRC-2012), "cifar10", "cifar100" (the 100 fine classes), "mnist", "fashion-mnist".
[[nodiscard]] std::vector<std::string> class_name_sets();
// The names of the set, or nothing if there is no such set. Names of ImageNet are the first word of each synset; two
// that stand for two classes (crane, maillot) are told apart as torchvision does.
[[nodiscard]] std::optional<std::vector<std::string>> class_names(const std::string& set);
// The WordNet identifiers of ImageNet's classes, "n01440764", in the same order. Folders of ImageNet have these names.
[[nodiscard]] std::vector<std::string> imagenet_identifiers();

}  // namespace narrow::cli
