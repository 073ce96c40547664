// Sorting by a number, compiled once: each call of std::stable_sort with an order of its own takes 2 KB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace narrow::base {

// The indices of the keys by ascending key; equal keys keep their order.
[[nodiscard]] std::vector<std::size_t> order_of(const std::vector<std::int64_t>& keys);

}  // namespace narrow::base
