// A pickled torch.nn.Module as data: its attributes, parameters, buffers and sub-modules are dicts in its state.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "importers/torch/pickle_value.h"

namespace narrow::torch {

// Modules within modules that are searched. Networks have less than ten levels.
inline constexpr std::size_t kMaxModuleDepth = 64;

// The last value of a name in a dict; nothing if there is none.
[[nodiscard]] std::optional<pickle::Value> attribute(const pickle::Heap& heap, const pickle::Dict& dict,
                                                     std::string_view name);

// The attributes of a pickled module; nullptr for any other value. A module has few attributes, and a file may name it
// many times, so an object with thousands of them is no module.
[[nodiscard]] const pickle::Dict* module_attributes(const pickle::Heap& heap, pickle::Value value);

// The names that a module leaves out of its state dict.
[[nodiscard]] std::unordered_set<std::string_view> not_persistent(const pickle::Heap& heap,
                                                                  const pickle::Dict& attributes);

}  // namespace narrow::torch
