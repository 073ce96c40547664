// Named float tensors: what every format of trained weights comes down to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narrow::importers {

// A tensor as float32, contiguous in the origin's order (last dimension fastest). A scalar has no dimensions and one
// value. Integers and float64 are rounded to the nearest float32.
struct Tensor {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

struct StateDict {
  std::vector<std::pair<std::string, Tensor>> entries;  // file order, names unique and without "module."

  // The tensor of this name, or nullptr.
  [[nodiscard]] const Tensor* find(std::string_view name) const;
};

// Number of bytes at the front of every one of `names` that are "module.", perhaps repeated: what PyTorch puts there
// when a network is wrapped for several GPUs. 0 without names.
[[nodiscard]] std::size_t module_prefix_bytes(std::span<const std::string_view> names);

}  // namespace narrow::importers
