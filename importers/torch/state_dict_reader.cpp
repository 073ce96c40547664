#include "importers/torch/state_dict_reader.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/try.h"

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

struct Entry {
  std::string_view name;
  const TensorView* tensor;
};

// Whether this is a dict from names to tensors only, with at least one entry.
bool is_state_dict(const Heap& heap, Value value) {
  if (!value.is(Kind::kDict) || heap.dict(value).empty()) return false;
  const pickle::Dict& dict = heap.dict(value);
  return std::all_of(dict.begin(), dict.end(),
                     [](const auto& item) { return item.first.is(Kind::kString) && item.second.is(Kind::kTensor); });
}

// The names and kinds of a dict's items, for an error: 'epoch' (an int), 'model' (a dict).
std::string describe_items(const Heap& heap, const pickle::Dict& dict) {
  constexpr std::size_t kMost = 12;
  std::string text;
  for (std::size_t i = 0; i < std::min(dict.size(), kMost); ++i) {
    const auto& [key, value] = dict[i];
    text += text.empty() ? "" : ", ";
    text += key.is(Kind::kString) ? in_quotes(heap.text(key)) : std::string(pickle::kind_name(key.kind));
    text += " (" + std::string(pickle::kind_name(value.kind)) + ")";
  }
  return dict.size() > kMost ? text + ", and " + std::to_string(dict.size() - kMost) + " more" : text;
}

// The document itself, or the one value of its dict that is a state dict.
Result<Value> find_state_dict(const pickle::Document& document, const std::string& where) {
  const Heap& heap = document.heap;
  if (is_state_dict(heap, document.root)) return document.root;
  if (!document.root.is(Kind::kDict)) {
    return Error{ErrorCode::kMalformed,
                 "holds " + std::string(pickle::kind_name(document.root.kind)) +
                     " instead of a state_dict; write it with torch.save(model.state_dict(), path)",
                 where};
  }
  std::vector<std::pair<std::string_view, Value>> found;
  std::unordered_set<std::int64_t> seen;  // a dict may occur many times, but is searched once
  for (const auto& item : heap.dict(document.root)) {
    if (!item.first.is(Kind::kString) || !item.second.is(Kind::kDict)) continue;
    if (!seen.insert(item.second.payload).second || !is_state_dict(heap, item.second)) continue;
    found.emplace_back(heap.text(item.first), item.second);
    if (found.size() > 8) break;
  }
  if (found.size() == 1) return found.front().second;
  if (found.empty()) {
    return Error{
        ErrorCode::kMalformed,
        "holds no state_dict (a dict of nothing but tensors), but: " + describe_items(heap, heap.dict(document.root)) +
            "; write one with torch.save(model.state_dict(), path)",
        where};
  }
  std::string names;
  for (const auto& [name, value] : found) names += (names.empty() ? "" : ", ") + in_quotes(name);
  return Error{ErrorCode::kMalformed,
               "holds more than one state_dict (" + names +
                   "); write the one that is meant alone, e.g. torch.save(checkpoint[" +
                   in_quotes(found.front().first) + "], path)",
               where};
}

// The entries of the state dict in file order, without "module." if every name starts with it. The last value of a name
// counts.
Result<std::vector<Entry>> list_entries(const Heap& heap, Value state_dict, const std::string& where) {
  std::vector<Entry> entries;
  std::unordered_map<std::string_view, std::size_t> index_by_name;
  for (const auto& [key, value] : heap.dict(state_dict)) {
    const std::string_view name = heap.text(key);
    if (name.size() > kMaxNameBytes) {
      return Error{ErrorCode::kLimit, "the name " + in_quotes(name) + " of a tensor is too long", where};
    }
    const auto [found, added] = index_by_name.try_emplace(name, entries.size());
    if (added) {
      entries.push_back({name, &heap.tensor(value)});
    } else {
      entries[found->second].tensor = &heap.tensor(value);
    }
  }
  std::vector<std::string_view> names;
  names.reserve(entries.size());
  for (const Entry& entry : entries) names.push_back(entry.name);
  const std::size_t prefix = importers::module_prefix_bytes(names);
  for (Entry& entry : entries) entry.name.remove_prefix(prefix);
  return entries;
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
                                  const std::string& where) {
  const Heap& heap = document.heap;
  NARROW_ASSIGN(const Value found, find_state_dict(document, where));
  NARROW_ASSIGN(const std::vector<Entry> entries, list_entries(heap, found, where));
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
  weights.entries.resize(entries.size());
  for (const std::size_t root : order) {
    NARROW_ASSIGN(const std::span<const std::byte> storage, load(heap.roots()[root]));
    for (const std::size_t i : users[root]) {
      weights.entries[i] = {std::string(entries[i].name),
                            read_tensor(*entries[i].tensor, heap.roots()[root].dtype, storage)};
    }
  }
  return weights;
}

}  // namespace narrow::torch
