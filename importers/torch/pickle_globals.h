// The few names that a checkpoint may load, and the functions that a pickle may call. A pickle can't reach any other
// function.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "importers/torch/pickle_value.h"
#include "narrow/result.h"

namespace narrow::torch::pickle {

// Longest key of a storage. torch.save writes a number of at most 20 digits.
inline constexpr std::size_t kMaxKeyBytes = 256;

// The global `module.name` as a kGlobal value, or nothing if it is not on the list.
[[nodiscard]] std::optional<Value> find_global(std::string_view module, std::string_view name);

// The name of a kGlobal value, for example "torch.FloatStorage".
[[nodiscard]] std::string global_name(Value global);

// Returns the result of REDUCE: `callable(*arguments)`. arguments: kTuple.
// Errors (without `where`): not callable, wrong arguments, a tensor that reaches outside its storage.
[[nodiscard]] Result<Value> call(Heap& heap, Value callable, Value arguments);

// Returns the storage that a persistent id names. The id is ('storage', type, key, location, number of elements[,
// view]). The view, in the stream format only, is None or (key, offset, number of elements).
// Errors (without `where`): another tuple, an unknown type, sizes that contradict an earlier id of the same storage.
[[nodiscard]] Result<Value> load_storage(Heap& heap, Value persistent_id);

}  // namespace narrow::torch::pickle
