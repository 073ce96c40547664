#include "importers/torch/pickled_module.h"

namespace narrow::torch {

using pickle::Heap;
using pickle::Kind;
using pickle::Value;

std::optional<Value> attribute(const Heap& heap, const pickle::Dict& dict, std::string_view name) {
  for (std::size_t i = dict.size(); i-- > 0;) {
    if (dict[i].first.is(Kind::kString) && heap.text(dict[i].first) == name) return dict[i].second;
  }
  return std::nullopt;
}

const pickle::Dict* module_attributes(const Heap& heap, Value value) {
  constexpr std::size_t kMaxAttributes = 2000;
  if (!value.is(Kind::kObject) || !heap.object(value).state.is(Kind::kDict)) return nullptr;
  const pickle::Dict& state = heap.dict(heap.object(value).state);
  if (state.size() > kMaxAttributes) return nullptr;
  for (const char* name : {"_parameters", "_modules"}) {
    const std::optional<Value> part = attribute(heap, state, name);
    if (!part || heap.items(*part) == nullptr) return nullptr;
  }
  return &state;
}

// The set is written as a call: set([names]).
std::unordered_set<std::string_view> not_persistent(const Heap& heap, const pickle::Dict& attributes) {
  std::unordered_set<std::string_view> names;
  std::optional<Value> set = attribute(heap, attributes, "_non_persistent_buffers_set");
  if (set && set->is(Kind::kObject)) {
    const Value arguments = heap.object(*set).arguments;
    set = !arguments.is(Kind::kTuple) || heap.sequence(arguments).empty()
              ? std::nullopt
              : std::optional(heap.sequence(arguments).front());
  }
  if (!set || !set->is(Kind::kList)) return names;
  for (const Value name : heap.sequence(*set)) {
    if (name.is(Kind::kString)) names.insert(heap.text(name));
  }
  return names;
}

}  // namespace narrow::torch
