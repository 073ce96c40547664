// What a pickled module says about the layers of its network: the class of each and the settings that decide what it
// computes. Its code is not in the file.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "importers/torch/pickle_value.h"
#include "importers/weights/declared_module.h"

namespace narrow::torch {

// The names of modules in the network, learnt from the names of tensors: wrappers and prefixes are removed there.
class NetworkNames {
 public:
  // A tensor of the file, and its name in the network.
  void add(std::string_view in_file, std::string_view in_network);
  // The name of a module of the file. A module without weights has the name of the one around it and its own. Nothing:
  // it does not belong to the network.
  [[nodiscard]] std::optional<std::string> of_module(std::string_view in_file) const;

 private:
  std::unordered_map<std::string, std::string> names_;
  std::size_t bytes_ = 0;  // of the names
};

// The module and its sub-modules, as far as they belong to the network. Depth, number and sizes are bounded.
[[nodiscard]] std::vector<importers::DeclaredModule> declared_modules(const pickle::Heap& heap, pickle::Value module,
                                                                      const NetworkNames& names);

}  // namespace narrow::torch
