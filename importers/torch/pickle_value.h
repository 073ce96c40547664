// The values that a restricted pickle can hold: plain values, containers, and PyTorch's storages and tensors.
//
// Values are small and refer to objects in a Heap by index, so that a cyclic or deeply nested pickle needs neither
// recursion nor reference counts. Text points into the file's bytes, which must outlive the heap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "importers/weights/dtype.h"

namespace narrow::torch::pickle {

using importers::DType;

enum class Kind : std::uint8_t {
  kNone,
  kBool,
  kInt,
  kBigInt,  // an integer beyond 64 bits: its bytes, little-endian two's complement
  kFloat,
  kString,
  kBytes,
  kTuple,
  kList,
  kDict,
  kGlobal,   // one of the known globals, see pickle_globals.h
  kForeign,  // the name of any other class or function; nothing of it is loaded
  kObject,   // what a pickle makes with a foreign name; nothing is executed
  kStorage,
  kTensor,
};

// The name of the kind for Python users, for example "a dict".
[[nodiscard]] std::string_view kind_name(Kind kind);

struct Value {
  Kind kind = Kind::kNone;
  std::int64_t payload = 0;  // kBool, kInt: the value; kFloat: its bits; otherwise an index

  [[nodiscard]] bool is(Kind other) const { return kind == other; }
};

// One storage of the file, named by its key.
struct StorageRoot {
  std::string_view key;
  DType dtype = DType::kFloat32;
  std::int64_t elems = 0;
};
// A range of a storage. Only views in the old stream format are less than the whole storage.
struct StorageView {
  std::size_t root = 0;
  std::int64_t offset = 0;
  std::int64_t elems = 0;
};
// Every element of a tensor lies inside its storage. This is checked when the tensor is made.
struct TensorView {
  std::size_t root = 0;
  std::int64_t offset = 0;  // offset of the first element in the root
  std::int64_t elems = 0;
  std::int64_t claimed = 0;  // the product of the dimensions that are not 0
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
};

// A class or function by name, as the pickle writes it.
struct ForeignName {
  std::string_view module;
  std::string_view name;
};

using Sequence = std::vector<Value>;
using Dict = std::vector<std::pair<Value, Value>>;  // insertion order; if a key repeats, the last one counts

// An object of a class that is not known: what the pickle would have passed to its class.
struct Object {
  Value type;       // kForeign, kGlobal, or a kObject that was called
  Value arguments;  // of the call
  Value state;      // what BUILD would have set, mostly a dict of attributes
  Dict items;       // what SETITEMS would have set, if the class is a kind of dict
};

class Heap {
 public:
  [[nodiscard]] Value add_text(Kind kind, std::string_view text);  // kString, kBytes, kBigInt
  [[nodiscard]] Value add_sequence(Kind kind, Sequence items);     // kTuple, kList
  [[nodiscard]] Value add_dict(Dict items);
  [[nodiscard]] Value add_storage(StorageView view);
  [[nodiscard]] Value add_tensor(TensorView tensor);
  [[nodiscard]] Value add_foreign(ForeignName name);
  [[nodiscard]] Value add_object(Value type, Value arguments);
  void append(Value list, Value item);
  void set(Value dict_or_object, Value key, Value item);
  void set_state(Value object, Value state) { objects_[index(object)].state = state; }

  // Remembers the size of a storage whose type is not read, so that a stream of storages can be followed.
  void add_foreign_storage(std::string_view key, std::int64_t elems, std::int64_t element_bytes);
  struct ForeignStorage {
    std::int64_t elems = 0;
    std::int64_t element_bytes = 0;  // 0: not known
  };
  // nullptr if there is none of this key.
  [[nodiscard]] const ForeignStorage* foreign_storage(std::string_view key) const;

  // The index of the storage with this key, which is added if it is new.
  [[nodiscard]] std::size_t storage_root(const StorageRoot& root);

  // Precondition: the value has that kind and was made by this heap.
  [[nodiscard]] std::string_view text(Value value) const { return texts_[index(value)]; }
  [[nodiscard]] const Sequence& sequence(Value value) const { return sequences_[index(value)]; }
  [[nodiscard]] const Dict& dict(Value value) const { return dicts_[index(value)]; }
  [[nodiscard]] const StorageView& storage(Value value) const { return storages_[index(value)]; }
  [[nodiscard]] const TensorView& tensor(Value value) const { return tensors_[index(value)]; }
  [[nodiscard]] const std::vector<StorageRoot>& roots() const { return roots_; }

  [[nodiscard]] const ForeignName& foreign(Value value) const { return foreign_[index(value)]; }
  [[nodiscard]] const Object& object(Value value) const { return objects_[index(value)]; }
  // The items of a dict or of an object that is a kind of dict; nullptr for any other value.
  [[nodiscard]] const Dict* items(Value value) const;

  // The number of objects and container elements so far. Memory is proportional to it.
  [[nodiscard]] std::size_t cost() const { return cost_; }

 private:
  [[nodiscard]] static std::size_t index(Value value) { return static_cast<std::size_t>(value.payload); }

  std::vector<std::string_view> texts_;
  std::vector<Sequence> sequences_;
  std::vector<Dict> dicts_;
  std::vector<StorageView> storages_;
  std::vector<TensorView> tensors_;
  std::vector<ForeignName> foreign_;
  std::vector<Object> objects_;
  std::unordered_map<std::string_view, ForeignStorage> foreign_storages_;
  std::vector<StorageRoot> roots_;
  std::unordered_map<std::string_view, std::size_t> root_by_key_;
  std::size_t cost_ = 0;
};

}  // namespace narrow::torch::pickle
