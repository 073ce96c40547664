// The few names that mean something in a checkpoint, and the functions that a pickle may call. A pickle can't reach any
// other function: calls of other names make opaque objects.
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

// The name of a kGlobal or kForeign value, for example "torch.FloatStorage", or that of an object's class. The parts of
// a foreign name are cut to 256 bytes.
[[nodiscard]] std::string global_name(const Heap& heap, Value global);

// Returns the result of REDUCE: `callable(*arguments)`. arguments: kTuple. A foreign name or an object as the callable
// gives a kObject; nothing is called.
// Errors (without `where`): not callable, wrong arguments, a tensor that reaches outside its storage.
[[nodiscard]] Result<Value> call(Heap& heap, Value callable, Value arguments);

// Returns the storage that a persistent id names. The id is ('storage', type, key, location, number of elements[,
// view]). The view, in the stream format only, is None or (key, offset, number of elements).
// In the stream format a whole pickled module has ('module', class, file, source), which gives the class. A storage of
// a foreign type is a kObject. Errors (without `where`): another tuple, sizes that contradict an earlier id of the same
// storage.
[[nodiscard]] Result<Value> load_storage(Heap& heap, Value persistent_id);

}  // namespace narrow::torch::pickle
