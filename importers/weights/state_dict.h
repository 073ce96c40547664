// Named float tensors, the result of reading any format of trained weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "importers/weights/declared_module.h"

namespace narrow::importers {

// A tensor as float32, contiguous in the file's order (last dimension fastest). A scalar has no dimensions and one
// value. Integers and float64 are rounded to the nearest float32.
struct Tensor {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

struct StateDict {
  std::vector<std::pair<std::string, Tensor>> entries;  // in file order; names are unique and without "module."
  // Entries of the file that are no tensors that can be read, and what they are: {"conv1.weight", "an object of class
  // 'torch._utils._rebuild_qtensor'"}.
  std::vector<std::pair<std::string, std::string>> unread;
  // Entries that are the very same elements of the file as an earlier one, and that one: {"head.weight", "fc.weight"}.
  std::vector<std::pair<std::string, std::string>> same;
  // What a pickled module says about itself and its sub-modules, by their names in the network. Empty: the file holds
  // tensors alone.
  std::vector<DeclaredModule> modules;
  // Which weights of the file these are, and what was left out, one sentence each.
  std::vector<std::string> notes;

  // The tensor of this name, or nullptr.
  [[nodiscard]] const Tensor* find(std::string_view name) const;
};

// The length of the prefix "module.", perhaps repeated, that all `names` share. PyTorch adds it when a network is
// wrapped for several GPUs. 0 if there are no names.
[[nodiscard]] std::size_t module_prefix_bytes(std::span<const std::string_view> names);

}  // namespace narrow::importers
