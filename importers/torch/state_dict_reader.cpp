#include "importers/torch/state_dict_reader.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/try.h"
#include "importers/torch/declared_modules.h"
#include "importers/torch/pickle_globals.h"
#include "importers/torch/pickled_module.h"

namespace narrow::torch {
namespace {

using base::in_quotes;
using importers::DType;
using importers::element_bytes;
using importers::to_float32;

using pickle::Heap;
using pickle::Kind;
using pickle::TensorView;
using pickle::Value;

constexpr std::size_t kMaxNameBytes = 1024;
constexpr std::int64_t kMaxTotalElems = std::int64_t{1} << 29;  // 2 GiB of float32

constexpr int kMaxDepth = 6;                  // of dicts within dicts that are searched
constexpr std::size_t kMaxSearched = 20'000;  // containers that are searched
constexpr std::size_t kMaxListItems = 16;     // of a list that is searched

struct Entry {
  std::string name;
  const TensorView* tensor;
};

// A state dict of the document.
struct Found {
  std::string key;
  std::vector<Entry> entries;                               // in file order; names are unique
  std::vector<std::pair<std::string, std::string>> unread;  // name, what it is
  std::optional<Value> module = std::nullopt;               // the pickled module that it is of
};

std::string describe_value(const Heap& heap, Value value) {
  std::string text(pickle::kind_name(value.kind));
  if (value.is(Kind::kObject)) text += " of " + in_quotes(pickle::global_name(heap, value));
  return text;
}

// The names and kinds of a dict's items, for an error: 'epoch' (an int), 'model' (a dict).
std::string describe_items(const Heap& heap, const pickle::Dict& dict) {
  constexpr std::size_t kMost = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(dict.size(), kMost); ++i) {
    const auto& [key, value] = dict[i];
    text += text.empty() ? "" : ", ";
    text += key.is(Kind::kString) ? in_quotes(heap.text(key)) : std::string(pickle::kind_name(key.kind));
    text += " (" + describe_value(heap, value) + ")";
  }
  return dict.size() > kMost ? text + ", and " + std::to_string(dict.size() - kMost) + " more" : text;
}

// Finds all state dicts of a document, with bounds on depth and work.
class Search {
 public:
  explicit Search(const pickle::Document& document) : heap_(document.heap) { visit(document.root, {}, 0); }

  std::vector<Found> take() { return std::move(found_); }

 private:
  void visit(Value value, const std::string& key, int depth) {
    const bool list = value.is(Kind::kList) || value.is(Kind::kTuple);
    if (heap_.items(value) == nullptr && !list) return;
    if (++searched_ > kMaxSearched) return;
    // A value may occur many times, but is searched once. The kind is part of its identity.
    const std::int64_t identity = static_cast<std::int64_t>(value.kind) + 64 * value.payload;
    if (!seen_.insert(identity).second) {
      add_other_name(identity, key);
      return;
    }
    if (module_attributes(heap_, value) != nullptr) {
      Found module{key, {}, {}, value};
      add_module(value, {}, 0, module);
      keep(std::move(module), identity);
      return;
    }
    if (list) {
      const pickle::Sequence& items = heap_.sequence(value);
      for (std::size_t i = 0; depth < kMaxDepth && i < std::min(items.size(), kMaxListItems); ++i) {
        visit(items[i], join(key, std::to_string(i)), depth + 1);
      }
      return;
    }
    const pickle::Dict& dict = *heap_.items(value);
    Found here{key, {}, {}};
    names_.clear();
    for (const auto& [name, item] : dict) {
      if (name.is(Kind::kString)) add(std::string(heap_.text(name)), item, here);
    }
    keep(std::move(here), identity);
    for (const auto& [name, item] : dict) {
      if (depth < kMaxDepth && name.is(Kind::kString))
        visit(item, join(key, std::string(heap_.text(name).substr(0, kMaxNameBytes))), depth + 1);
    }
  }

  void keep(Found found, std::int64_t identity) {
    if (found.entries.empty()) return;
    index_.emplace(identity, found_.size());
    found_.push_back(std::move(found));
  }

  // Some trainers save one state dict under two keys.
  void add_other_name(std::int64_t identity, const std::string& key) {
    const auto known = index_.find(identity);
    if (known == index_.end() || ++other_names_ > kMaxListItems) return;
    Found again = found_[known->second];
    again.key = key;
    found_.push_back(std::move(again));
  }

  static std::string join(const std::string& key, const std::string& name) {
    return key.empty() ? name : key + "." + name;
  }

  // The last value of a name counts. Dicts and lists are searched on their own.
  void add(std::string name, Value value, Found& found) {
    if (!value.is(Kind::kTensor)) {
      const bool container = value.is(Kind::kDict) || value.is(Kind::kList) || value.is(Kind::kTuple);
      if (!container && !value.is(Kind::kNone))
        found.unread.emplace_back(std::move(name), describe_value(heap_, value));
      return;
    }
    const auto [at, added] = names_.try_emplace(name, found.entries.size());
    if (added) {
      found.entries.push_back({std::move(name), &heap_.tensor(value)});
    } else {
      found.entries[at->second].tensor = &heap_.tensor(value);
    }
  }

  // Adds what module.state_dict() would hold. A module may occur many times, so the work is bounded.
  void add_module(Value module, const std::string& prefix, std::size_t depth, Found& found) {
    if (depth > kMaxModuleDepth || ++searched_ > kMaxSearched) return;
    const pickle::Dict* const attributes = module_attributes(heap_, module);
    if (attributes == nullptr) return;
    if (depth == 0) names_.clear();
    const std::unordered_set<std::string_view> left_out = not_persistent(heap_, *attributes);
    for (const char* part : {"_parameters", "_buffers"}) {
      const std::optional<Value> values = attribute(heap_, *attributes, part);
      if (!values || heap_.items(*values) == nullptr) continue;
      for (const auto& [name, value] : *heap_.items(*values)) {
        if (!name.is(Kind::kString) || ++searched_ > kMaxSearched) continue;
        if (part[1] == 'b' && left_out.count(heap_.text(name)) != 0) continue;
        add(prefix + std::string(heap_.text(name)), value, found);
      }
    }
    const pickle::Dict& modules = *heap_.items(*attribute(heap_, *attributes, "_modules"));
    for (const auto& [name, value] : modules) {
      if (searched_ > kMaxSearched) return;
      const std::string below = name.is(Kind::kString) ? prefix + std::string(heap_.text(name)) + "." : "";
      if (!below.empty() && below.size() <= kMaxNameBytes) add_module(value, below, depth + 1, found);
    }
  }

  const Heap& heap_;
  std::vector<Found> found_;
  std::unordered_set<std::int64_t> seen_;
  std::unordered_map<std::string, std::size_t> names_;   // of the state dict that is read
  std::unordered_map<std::int64_t, std::size_t> index_;  // of a value that is a state dict, in found_
  std::size_t other_names_ = 0;
  std::size_t searched_ = 0;
};

// The state dicts of the document. Error: there is none.
Result<std::vector<Found>> find_state_dicts(const pickle::Document& document, const std::string& where) {
  const Heap& heap = document.heap;
  std::vector<Found> found = Search(document).take();
  for (const Found& state_dict : found) {
    for (const Entry& entry : state_dict.entries) {
      if (entry.name.size() <= kMaxNameBytes) continue;
      return Error{ErrorCode::kLimit, "the name " + in_quotes(entry.name) + " of a tensor is too long", where};
    }
  }
  if (!found.empty()) return found;
  const pickle::Dict* const items = heap.items(document.root);
  if (items == nullptr || document.root.is(Kind::kObject)) {
    return Error{ErrorCode::kMalformed,
                 "holds " + describe_value(heap, document.root) +
                     " instead of a state_dict; write it with torch.save(model.state_dict(), path)",
                 where};
  }
  const std::string text = items->empty() ? "nothing" : describe_items(heap, *items);
  const bool arrays = text.find("an object of 'numpy") != std::string::npos;
  return Error{ErrorCode::kMalformed,
               "holds no state_dict (a dict with tensors), but: " + text +
                   (arrays ? "; make tensors of the numpy arrays: torch.save({k: torch.from_numpy(v) for k, v in "
                             "weights.items()}, path)"
                           : "; write one with torch.save(model.state_dict(), path)"),
               where};
}

// Finds tensors that are the same elements of a storage, in the same order.
class SameViews {
 public:
  // The index of the first tensor that is the same. Nothing: it is this one.
  std::optional<std::size_t> add(const TensorView& view, std::size_t index) {
    std::vector<std::int64_t> strides = view.strides;
    for (std::size_t i = 0; i < strides.size(); ++i) {
      if (view.shape[i] == 1) strides[i] = 0;  // it says nothing
    }
    const auto [first, added] =
        first_.try_emplace(std::tuple(view.root, view.offset, view.shape, std::move(strides)), index);
    return added ? std::nullopt : std::optional(first->second);
  }

 private:
  std::map<std::tuple<std::size_t, std::int64_t, std::vector<std::int64_t>, std::vector<std::int64_t>>, std::size_t>
      first_;
};

// Chooses the weights to read.
Result<importers::ChosenWeights> choose(const std::vector<Found>& found, const ChoiceOptions& options,
                                        const std::string& where) {
  std::vector<importers::ListedWeights> lists;
  lists.reserve(found.size());
  for (const Found& state_dict : found) {
    importers::ListedWeights list{state_dict.key, {}};
    SameViews views;
    for (const Entry& entry : state_dict.entries) {
      list.tensors.push_back({entry.name, entry.tensor->shape, views.add(*entry.tensor, list.tensors.size())});
    }
    lists.push_back(std::move(list));
  }
  return importers::choose_weights(lists, options, where);
}

// A few views of a small storage could require any amount of memory, but weights never do.
Status check_total(const std::vector<Entry>& entries, std::size_t file_bytes, const std::string& where) {
  const std::int64_t most =
      std::min(kMaxTotalElems, 65536 + 4 * static_cast<std::int64_t>(std::min(file_bytes, std::size_t{1} << 40)));
  std::int64_t total = 0;
  for (const Entry& entry : entries) {
    // A tensor without elements counts as if its dimensions of 0 were 1: networks are made of shapes.
    if (entry.tensor->claimed > most - total) {
      return Error{ErrorCode::kLimit,
                   "the tensors up to " + in_quotes(entry.name) + " have more than " + std::to_string(most) +
                       " elements, the most that is read from a file of this size",
                   where};
    }
    total += entry.tensor->claimed;
  }
  return {};
}

bool is_contiguous(const TensorView& view) {
  std::int64_t stride = 1;
  for (std::size_t i = view.shape.size(); i-- > 0;) {
    if (view.shape[i] != 1 && view.strides[i] != stride) return false;
    stride *= view.shape[i];
  }
  return true;
}

// Reads rows along the last dimension. The dimensions before it count like an odometer.
Tensor read_tensor(const TensorView& view, DType dtype, std::span<const std::byte> storage) {
  Tensor tensor{view.shape, std::vector<float>(static_cast<std::size_t>(view.elems))};
  if (view.elems == 0) return tensor;
  if (is_contiguous(view)) {
    to_float32(dtype, storage.data() + view.offset * element_bytes(dtype), 1, view.elems, tensor.values.data());
    return tensor;
  }
  const std::int64_t row = view.shape.back();
  const std::size_t outer = view.shape.size() - 1;
  std::vector<std::int64_t> at(outer, 0);
  std::int64_t source = view.offset;
  for (std::int64_t done = 0; done < view.elems; done += row) {
    // A dimension of size 1 may have any stride, even one that would reach outside.
    to_float32(dtype, storage.data() + source * element_bytes(dtype), row == 1 ? 0 : view.strides.back(), row,
               tensor.values.data() + done);
    for (std::size_t i = outer; i-- > 0;) {
      if (++at[i] < view.shape[i]) {
        source += view.strides[i];
        break;
      }
      source -= (view.shape[i] - 1) * view.strides[i];
      at[i] = 0;
    }
  }
  return tensor;
}

}  // namespace

Result<StateDict> read_state_dict(const pickle::Document& document, std::size_t file_bytes, const LoadStorage& load,
                                  const std::string& where, const ChoiceOptions& choice) {
  const Heap& heap = document.heap;
  NARROW_ASSIGN(std::vector<Found> found, find_state_dicts(document, where));
  NARROW_ASSIGN(importers::ChosenWeights chosen, choose(found, choice, where));
  Found& state_dict = found[chosen.list];
  std::vector<Entry> entries;
  entries.reserve(chosen.tensors.size());
  NetworkNames names;
  for (auto& [index, name] : chosen.tensors) {
    if (state_dict.module) names.add(state_dict.entries[index].name, name);
    entries.push_back({std::move(name), state_dict.entries[index].tensor});
  }
  NARROW_TRY(check_total(entries, file_bytes, where));

  // Tensors are read by storage, in order of first use, so that each storage is loaded once and freed.
  std::vector<std::vector<std::size_t>> users(heap.roots().size());
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    std::vector<std::size_t>& of_root = users[entries[i].tensor->root];
    if (of_root.empty()) order.push_back(entries[i].tensor->root);
    of_root.push_back(i);
  }
  StateDict weights;
  if (state_dict.module) weights.modules = declared_modules(heap, *state_dict.module, names);
  weights.notes = std::move(chosen.notes);
  weights.unread = std::move(state_dict.unread);
  if (!weights.unread.empty()) {
    const auto& [name, what] = weights.unread.front();
    const std::size_t more = weights.unread.size() - 1;
    weights.notes.push_back("left out what is no tensor: " + in_quotes(name) + " (" + what + ")" +
                            (more > 0 ? " and " + std::to_string(more) + " more" : ""));
  }
  SameViews views;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::optional<std::size_t> first = views.add(*entries[i].tensor, i);
    if (first) weights.same.emplace_back(entries[i].name, entries[*first].name);
  }
  weights.entries.resize(entries.size());
  for (const std::size_t root : order) {
    NARROW_ASSIGN(const std::span<const std::byte> storage, load(heap.roots()[root]));
    for (const std::size_t i : users[root]) {
      weights.entries[i] = {entries[i].name, read_tensor(*entries[i].tensor, heap.roots()[root].dtype, storage)};
    }
  }
  return weights;
}

}  // namespace narrow::torch
