// The few names that a checkpoint may load, and what they do when a pickle calls them. Nothing else exists: there is no
// way from a pickle to any other function.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "importers/torch/pickle_value.h"
#include "narrow/result.h"

namespace narrow::torch::pickle {

// Of a storage's key. torch.save writes a number of at most 20 digits.
inline constexpr std::size_t kMaxKeyBytes = 256;

// The global `module.name` as a kGlobal value; nothing if it is not on the list.
[[nodiscard]] std::optional<Value> find_global(std::string_view module, std::string_view name);

// Name of a kGlobal value, e.g. "torch.FloatStorage".
[[nodiscard]] std::string global_name(Value global);

// What REDUCE gives: `callable(*arguments)`. arguments: kTuple.
// Errors (without `where`): not callable, wrong arguments, a tensor that reaches outside its storage.
[[nodiscard]] Result<Value> call(Heap& heap, Value callable, Value arguments);

// The storage that a persistent id names: ('storage', type, key, location, number of elements[, view]), where view is
// None or (key, offset, number of elements), in the stream format only.
// Errors (without `where`): another form, an unknown type, sizes that contradict what was said before.
[[nodiscard]] Result<Value> load_storage(Heap& heap, Value persistent_id);

}  // namespace narrow::torch::pickle
