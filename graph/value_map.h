// One element for each value of a graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace narrow::graph {

// The index of a value in Graph::values.
using ValueId = std::int32_t;
inline constexpr ValueId kNoValue = -1;
// The same for containers of the standard library. Precondition: not kNoValue.
[[nodiscard]] constexpr std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

// A vector that is indexed by ValueId.
template <class T>
class ValueMap {
 public:
  ValueMap() = default;
  explicit ValueMap(std::size_t values, const T& initial = T()) : elements_(values, initial) {}

  [[nodiscard]] typename std::vector<T>::reference operator[](ValueId id) { return elements_[index(id)]; }
  [[nodiscard]] typename std::vector<T>::const_reference operator[](ValueId id) const { return elements_[index(id)]; }

  [[nodiscard]] std::size_t size() const { return elements_.size(); }
  // Adds the element of a value that was added to the graph.
  void push_back(T element) { elements_.push_back(std::move(element)); }

  [[nodiscard]] auto begin() { return elements_.begin(); }
  [[nodiscard]] auto begin() const { return elements_.begin(); }
  [[nodiscard]] auto end() { return elements_.end(); }
  [[nodiscard]] auto end() const { return elements_.end(); }

  friend bool operator==(const ValueMap&, const ValueMap&) = default;

 private:
  std::vector<T> elements_;
};

// Maps each value to itself.
[[nodiscard]] inline ValueMap<ValueId> each_to_itself(std::size_t values) {
  ValueMap<ValueId> map(values);
  std::iota(map.begin(), map.end(), ValueId{0});
  return map;
}

}  // namespace narrow::graph
