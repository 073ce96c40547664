#include "importers/torch/pickle_globals.h"

#include <array>
#include <string>

#include "base/checked.h"
#include "base/text.h"
#include "base/try.h"

namespace narrow::torch::pickle {
namespace {

using base::in_quotes;
using importers::DType;
using importers::dtype_name;
using importers::element_bytes;

constexpr std::int64_t kMaxStorageBytes = std::int64_t{1} << 31;
constexpr std::size_t kMaxDimensions = 16;
constexpr std::size_t kMaxNameBytes = 256;

enum class Role : std::uint8_t {
  kOrderedDict,
  kRebuildTensor,
  kRebuildParameter,
  kRebuildFromType,
  kSize,
  kStorageType,
  kDType
};

struct Global {
  std::string_view module;
  std::string_view name;
  Role role;
  DType dtype = DType::kFloat32;  // of kStorageType and kDType
};

constexpr std::array kGlobals = {
    Global{"collections", "OrderedDict", Role::kOrderedDict},
    Global{"torch._utils", "_rebuild_tensor", Role::kRebuildTensor},
    Global{"torch._utils", "_rebuild_tensor_v2", Role::kRebuildTensor},
    Global{"torch._utils", "_rebuild_parameter", Role::kRebuildParameter},
    Global{"torch._utils", "_rebuild_parameter_with_state", Role::kRebuildParameter},
    Global{"torch._tensor", "_rebuild_from_type_v2", Role::kRebuildFromType},
    Global{"torch", "Size", Role::kSize},
    Global{"torch", "DoubleStorage", Role::kStorageType, DType::kFloat64},
    Global{"torch", "FloatStorage", Role::kStorageType, DType::kFloat32},
    Global{"torch", "HalfStorage", Role::kStorageType, DType::kFloat16},
    Global{"torch", "BFloat16Storage", Role::kStorageType, DType::kBFloat16},
    Global{"torch", "LongStorage", Role::kStorageType, DType::kInt64},
    Global{"torch", "IntStorage", Role::kStorageType, DType::kInt32},
    Global{"torch", "ShortStorage", Role::kStorageType, DType::kInt16},
    Global{"torch", "CharStorage", Role::kStorageType, DType::kInt8},
    Global{"torch", "ByteStorage", Role::kStorageType, DType::kUint8},
    Global{"torch", "BoolStorage", Role::kStorageType, DType::kBool},
    Global{"torch", "float64", Role::kDType, DType::kFloat64},
    Global{"torch", "float32", Role::kDType, DType::kFloat32},
    Global{"torch", "float16", Role::kDType, DType::kFloat16},
    Global{"torch", "bfloat16", Role::kDType, DType::kBFloat16},
    Global{"torch", "int64", Role::kDType, DType::kInt64},
    Global{"torch", "int32", Role::kDType, DType::kInt32},
    Global{"torch", "int16", Role::kDType, DType::kInt16},
    Global{"torch", "int8", Role::kDType, DType::kInt8},
    Global{"torch", "uint8", Role::kDType, DType::kUint8},
    Global{"torch", "bool", Role::kDType, DType::kBool},
};

const Global& global_of(Value value) { return kGlobals[static_cast<std::size_t>(value.payload)]; }

Error malformed(std::string message) { return {ErrorCode::kMalformed, std::move(message), {}}; }

Result<std::vector<std::int64_t>> integers(const Heap& heap, Value value, std::string_view what) {
  if (!value.is(Kind::kTuple) && !value.is(Kind::kList)) {
    return malformed("the " + std::string(what) + " of a tensor is " + std::string(kind_name(value.kind)) +
                     ", not a tuple");
  }
  const Sequence& items = heap.sequence(value);
  if (items.size() > kMaxDimensions) {
    return Error{ErrorCode::kLimit,
                 "a tensor has " + std::to_string(items.size()) + " dimensions, at most " +
                     std::to_string(kMaxDimensions) + " are read",
                 {}};
  }
  std::vector<std::int64_t> numbers;
  for (const Value& item : items) {
    if (!item.is(Kind::kInt) || item.payload < 0) {
      return malformed("the " + std::string(what) + " of a tensor holds something that is not an int >= 0");
    }
    if (!base::is_file_number(item.payload)) {
      return Error{ErrorCode::kLimit,
                   "the " + std::string(what) + " of a tensor holds " + std::to_string(item.payload) + ", above 2^31",
                   {}};
    }
    numbers.push_back(item.payload);
  }
  return numbers;
}

// Checks that the tensor lies inside the `available` elements of its storage, and sets its number of elements.
Status check_bounds(TensorView& tensor, std::int64_t offset, std::int64_t available) {
  const Error huge{ErrorCode::kLimit, "a tensor's size overflows: the file is damaged or hostile", {}};
  const auto count = base::count_elements(tensor.shape, kMaxStorageBytes);
  if (!count) return huge;
  base::Checked last = offset;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    if (tensor.shape[i] != 0) last += base::Checked(tensor.shape[i] - 1) * tensor.strides[i];
  }
  if (!last.value()) return huge;
  tensor.elems = count->elems;
  tensor.claimed = count->claimed;
  if (tensor.elems == 0 ? offset > available : *last.value() >= available) {
    return malformed("a tensor reaches to element " + std::to_string(*last.value()) + " of a storage with " +
                     std::to_string(available) + " elements");
  }
  return {};
}

// _rebuild_tensor(storage, offset, shape, strides) and _rebuild_tensor_v2(..., requires_grad, hooks[, metadata]).
Result<Value> rebuild_tensor(Heap& heap, const Sequence& arguments) {
  if (arguments.size() < 4 || arguments.size() > 7) {
    return malformed("a tensor is made from " + std::to_string(arguments.size()) + " arguments, not from 4 to 7");
  }
  if (arguments[0].is(Kind::kObject)) return arguments[0];  // of a storage whose type is not read
  if (!arguments[0].is(Kind::kStorage)) {
    return malformed("a tensor is made from " + std::string(kind_name(arguments[0].kind)) + " instead of a storage");
  }
  if (!arguments[1].is(Kind::kInt) || arguments[1].payload < 0) {
    return malformed("the storage offset of a tensor is not an int >= 0");
  }
  const StorageView storage = heap.storage(arguments[0]);
  TensorView tensor;
  NARROW_ASSIGN(tensor.shape, integers(heap, arguments[2], "shape"));
  NARROW_ASSIGN(tensor.strides, integers(heap, arguments[3], "strides"));
  if (tensor.shape.size() != tensor.strides.size()) {
    return malformed("a tensor has " + std::to_string(tensor.shape.size()) + " dimensions, but " +
                     std::to_string(tensor.strides.size()) + " strides");
  }
  NARROW_TRY(check_bounds(tensor, arguments[1].payload, storage.elems));
  tensor.root = storage.root;
  tensor.offset = storage.offset + arguments[1].payload;  // both summands were checked against the storage's size
  return heap.add_tensor(std::move(tensor));
}

// OrderedDict() or, as Python 2 wrote it, OrderedDict([[key, value], ...]).
Result<Value> ordered_dict(Heap& heap, const Sequence& arguments) {
  if (arguments.empty()) return heap.add_dict({});
  if (arguments.size() != 1 || !arguments[0].is(Kind::kList)) {
    return malformed("OrderedDict is made from something else than a list of pairs");
  }
  Dict items;
  for (const Value& pair : heap.sequence(arguments[0])) {
    if ((!pair.is(Kind::kTuple) && !pair.is(Kind::kList)) || heap.sequence(pair).size() != 2) {
      return malformed("OrderedDict is made from something else than a list of pairs");
    }
    const Sequence& key_and_value = heap.sequence(pair);
    items.emplace_back(key_and_value[0], key_and_value[1]);
  }
  return heap.add_dict(std::move(items));
}

// The range of `root` that the view metadata of the stream format names.
Status apply_view(const Heap& heap, Value metadata, StorageView& view) {
  if (metadata.is(Kind::kNone)) return {};
  if (!metadata.is(Kind::kTuple) || heap.sequence(metadata).size() != 3) {
    return malformed("the view of a storage is not a tuple of three");
  }
  const Sequence& items = heap.sequence(metadata);
  if (!items[1].is(Kind::kInt) || !items[2].is(Kind::kInt) || items[1].payload < 0 || items[2].payload < 0 ||
      !(base::Checked(items[1].payload) + items[2].payload).is_within(0, view.elems)) {
    return malformed("the view of a storage reaches outside the storage");
  }
  view.offset = items[1].payload;
  view.elems = items[2].payload;
  return {};
}

// The bytes of an element of a storage whose type is not read; 0: not known. Source: torch/storage.py.
std::int64_t foreign_element_bytes(std::string_view type) {
  struct Size {
    std::string_view type;
    std::int64_t bytes;
  };
  constexpr std::array kSizes = {Size{"ComplexDoubleStorage", 16}, Size{"ComplexFloatStorage", 8},
                                 Size{"QInt8Storage", 1},          Size{"QUInt8Storage", 1},
                                 Size{"QInt32Storage", 4},         Size{"UntypedStorage", 1}};
  for (const Size& size : kSizes) {
    if (size.type == type) return size.bytes;
  }
  return 0;
}

// A storage of a type that is not read. Precondition: the persistent id has a type.
Value foreign_storage(Heap& heap, Value persistent_id) {
  const Sequence& items = heap.sequence(persistent_id);
  const Value type = items[1];
  if (items[2].is(Kind::kString) && items[4].is(Kind::kInt) && items[4].payload >= 0) {
    heap.add_foreign_storage(heap.text(items[2]), items[4].payload, foreign_element_bytes(heap.foreign(type).name));
  }
  return heap.add_object(type, persistent_id);
}

}  // namespace

std::optional<Value> find_global(std::string_view module, std::string_view name) {
  for (std::size_t i = 0; i < kGlobals.size(); ++i) {
    if (kGlobals[i].module == module && kGlobals[i].name == name) {
      return Value{Kind::kGlobal, static_cast<std::int64_t>(i)};
    }
  }
  return std::nullopt;
}

std::string global_name(const Heap& heap, Value global) {
  // An object that is called may be the result of another call.
  for (int depth = 0; global.is(Kind::kObject) && depth < 8; ++depth) global = heap.object(global).type;
  if (global.is(Kind::kGlobal)) {
    return std::string(global_of(global).module) + "." + std::string(global_of(global).name);
  }
  if (!global.is(Kind::kForeign)) return "unknown";
  const ForeignName& name = heap.foreign(global);
  return std::string(name.module.substr(0, kMaxNameBytes)) + "." + std::string(name.name.substr(0, kMaxNameBytes));
}

Result<Value> call(Heap& heap, Value callable, Value arguments) {
  const bool foreign = callable.is(Kind::kForeign) || callable.is(Kind::kObject);
  if (!callable.is(Kind::kGlobal) && !foreign) {
    return malformed("REDUCE calls " + std::string(kind_name(callable.kind)) + ", which is not callable");
  }
  if (!arguments.is(Kind::kTuple)) {
    return malformed("REDUCE has " + std::string(kind_name(arguments.kind)) + " as arguments instead of a tuple");
  }
  if (foreign) return heap.add_object(callable, arguments);
  const Sequence& items = heap.sequence(arguments);
  switch (global_of(callable).role) {
    case Role::kOrderedDict:
      return ordered_dict(heap, items);
    case Role::kRebuildTensor:
      return rebuild_tensor(heap, items);
    case Role::kRebuildParameter:
      if (items.size() < 3 || items.size() > 4 || (!items[0].is(Kind::kTensor) && !items[0].is(Kind::kObject))) {
        return malformed("a parameter is not made from a tensor and two flags");
      }
      return items[0];
    case Role::kRebuildFromType:  // (function, class, its arguments, attributes): a tensor with attributes
      if (items.size() != 4 || !items[2].is(Kind::kTuple)) {
        return malformed("a tensor with attributes is not made from a function, a class, arguments and a state");
      }
      if (items[0].is(Kind::kGlobal) && global_of(items[0]).role == Role::kRebuildTensor) {
        return rebuild_tensor(heap, heap.sequence(items[2]));
      }
      return heap.add_object(items[0], items[2]);
    case Role::kSize:
      if (items.size() != 1 || !items[0].is(Kind::kTuple)) return malformed("torch.Size is not made from a tuple");
      return items[0];
    case Role::kStorageType:
    case Role::kDType:
      break;
  }
  return Error{ErrorCode::kUnsupported,
               "refuses to call " + in_quotes(global_name(heap, callable)) +
                   "; save the weights alone: torch.save(model.state_dict(), path)",
               {}};
}

Result<Value> load_storage(Heap& heap, Value persistent_id) {
  if (!persistent_id.is(Kind::kTuple)) {
    return malformed("a persistent id is " + std::string(kind_name(persistent_id.kind)) + " instead of a tuple");
  }
  const Sequence& items = heap.sequence(persistent_id);
  if (items.size() >= 2 && items[0].is(Kind::kString) && heap.text(items[0]) == "module" &&
      (items[1].is(Kind::kForeign) || items[1].is(Kind::kGlobal))) {
    return items[1];
  }
  if (items.empty() || !items[0].is(Kind::kString) || heap.text(items[0]) != "storage") {
    const bool named = !items.empty() && items[0].is(Kind::kString);
    return Error{
        ErrorCode::kUnsupported,
        "refuses a persistent id of type " + (named ? in_quotes(heap.text(items[0])) : "'unknown'") +
            "; only 'storage' and 'module' are read: save the weights alone, torch.save(model.state_dict(), path)",
        {}};
  }
  if (items.size() != 5 && items.size() != 6) {
    return malformed("the persistent id of a storage has " + std::to_string(items.size()) + " items instead of 5 or 6");
  }
  if (items[1].is(Kind::kForeign)) return foreign_storage(heap, persistent_id);
  if (!items[1].is(Kind::kGlobal) || global_of(items[1]).role != Role::kStorageType) {
    return malformed("the persistent id of a storage names no storage type");
  }
  if (!items[2].is(Kind::kString) || !items[3].is(Kind::kString)) {
    return malformed("key or location of a storage is not a string");
  }
  if (heap.text(items[2]).size() > kMaxKeyBytes) {
    return Error{ErrorCode::kLimit, "the key " + in_quotes(heap.text(items[2])) + " of a storage is too long", {}};
  }
  if (!items[4].is(Kind::kInt) || items[4].payload < 0) {
    return malformed("the number of elements of a storage is not an int >= 0");
  }
  const StorageRoot root{heap.text(items[2]), global_of(items[1]).dtype, items[4].payload};
  if (!(base::Checked(root.elems) * element_bytes(root.dtype)).is_within(0, kMaxStorageBytes)) {
    return Error{ErrorCode::kLimit,
                 "storage " + in_quotes(root.key) + " claims " + std::to_string(root.elems) +
                     " elements, at most 2 GiB are read",
                 {}};
  }
  StorageView view{0, 0, root.elems};
  if (items.size() == 6) NARROW_TRY(apply_view(heap, items[5], view));
  view.root = heap.storage_root(root);
  const StorageRoot& known = heap.roots()[view.root];
  if (known.dtype != root.dtype || known.elems != root.elems) {
    return malformed("storage " + in_quotes(root.key) + " is " + std::to_string(known.elems) + " x " +
                     std::string(dtype_name(known.dtype)) + " in one place and " + std::to_string(root.elems) + " x " +
                     std::string(dtype_name(root.dtype)) + " in another");
  }
  return heap.add_storage(view);
}

}  // namespace narrow::torch::pickle
