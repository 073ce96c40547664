#include "importers/torch/pickle_value.h"

namespace narrow::torch::pickle {

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::kNone:
      return "None";
    case Kind::kBool:
      return "a bool";
    case Kind::kInt:
    case Kind::kBigInt:
      return "an int";
    case Kind::kFloat:
      return "a float";
    case Kind::kString:
      return "a string";
    case Kind::kBytes:
      return "bytes";
    case Kind::kTuple:
      return "a tuple";
    case Kind::kList:
      return "a list";
    case Kind::kDict:
      return "a dict";
    case Kind::kGlobal:
      return "a global";
    case Kind::kForeign:
      return "a class or function";
    case Kind::kObject:
      return "an object";
    case Kind::kStorage:
      return "a storage";
    case Kind::kTensor:
      return "a tensor";
  }
  return "an unknown value";
}

Value Heap::add_text(Kind kind, std::string_view text) {
  texts_.push_back(text);
  ++cost_;
  return {kind, static_cast<std::int64_t>(texts_.size() - 1)};
}

Value Heap::add_sequence(Kind kind, Sequence items) {
  cost_ += 1 + items.size();
  sequences_.push_back(std::move(items));
  return {kind, static_cast<std::int64_t>(sequences_.size() - 1)};
}

Value Heap::add_dict(Dict items) {
  cost_ += 1 + items.size();
  dicts_.push_back(std::move(items));
  return {Kind::kDict, static_cast<std::int64_t>(dicts_.size() - 1)};
}

Value Heap::add_storage(StorageView view) {
  storages_.push_back(view);
  ++cost_;
  return {Kind::kStorage, static_cast<std::int64_t>(storages_.size() - 1)};
}

Value Heap::add_tensor(TensorView tensor) {
  cost_ += 1 + tensor.shape.size();
  tensors_.push_back(std::move(tensor));
  return {Kind::kTensor, static_cast<std::int64_t>(tensors_.size() - 1)};
}

Value Heap::add_foreign(ForeignName name) {
  cost_ += 2;
  foreign_.push_back(name);
  return {Kind::kForeign, static_cast<std::int64_t>(foreign_.size() - 1)};
}

Value Heap::add_object(Value type, Value arguments) {
  cost_ += 4;
  objects_.push_back({type, arguments, {}, {}});
  return {Kind::kObject, static_cast<std::int64_t>(objects_.size() - 1)};
}

const Dict* Heap::items(Value value) const {
  if (value.is(Kind::kDict)) return &dict(value);
  if (value.is(Kind::kObject)) return &object(value).items;
  return nullptr;
}

void Heap::append(Value list, Value item) {
  sequences_[index(list)].push_back(item);
  ++cost_;
}

void Heap::set(Value dict_or_object, Value key, Value item) {
  Dict& items = dict_or_object.is(Kind::kDict) ? dicts_[index(dict_or_object)] : objects_[index(dict_or_object)].items;
  items.emplace_back(key, item);
  ++cost_;
}

void Heap::add_foreign_storage(std::string_view key, std::int64_t elems, std::int64_t element_bytes) {
  cost_ += 4;
  foreign_storages_.try_emplace(key, ForeignStorage{elems, element_bytes});
}

const Heap::ForeignStorage* Heap::foreign_storage(std::string_view key) const {
  const auto found = foreign_storages_.find(key);
  return found == foreign_storages_.end() ? nullptr : &found->second;
}

std::size_t Heap::storage_root(const StorageRoot& root) {
  const auto [found, added] = root_by_key_.try_emplace(root.key, roots_.size());
  if (added) {
    roots_.push_back(root);
    ++cost_;
  }
  return found->second;
}

}  // namespace narrow::torch::pickle
