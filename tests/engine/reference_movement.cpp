// The reference interpreter's operators that move elements.
#include <array>

#include "tests/engine/reference_node.h"

namespace narrow::testing {

Tensor evaluate(const ReferenceNode& n, const graph::Concat& /*op*/) {
  return n.each_output([&](std::int64_t y, std::int64_t x, std::int64_t c) {
    std::size_t part = 0;
    for (; c >= n.in_shape(part).channels; ++part) c -= n.in_shape(part).channels;
    const double value = n.pixel(y, x, c, part);
    return n.is_float() ? value : requantize(n.rescaled(value, part), n.to(), n.to().range);
  });
}

Tensor evaluate(const ReferenceNode& n, const graph::PadChannels& op) {
  return n.each_output([&](std::int64_t y, std::int64_t x, std::int64_t c) {
    const std::int64_t from = c - op.before;
    return from >= 0 && from < n.in_shape().channels ? n.pixel(y, x, from) : n.zero();
  });
}

Tensor evaluate(const ReferenceNode& n, const graph::Pad& op) {
  return n.each_output([&](std::int64_t y, std::int64_t x, std::int64_t c) {
    const std::int64_t from_y = y - op.pad.top;
    const std::int64_t from_x = x - op.pad.left;
    const bool inside = from_y >= 0 && from_y < n.in_shape().height && from_x >= 0 && from_x < n.in_shape().width;
    return inside ? n.pixel(from_y, from_x, c) : n.zero();
  });
}

Tensor evaluate(const ReferenceNode& n, const graph::Slice& op) {
  return n.each_output([&](std::int64_t y, std::int64_t x, std::int64_t c) {
    return n.pixel(op.begin.height + y, op.begin.width + x, op.begin.channels + c);
  });
}

Tensor evaluate(const ReferenceNode& n, const graph::Transpose& op) {
  return n.each_output([&](std::int64_t y, std::int64_t x, std::int64_t c) {
    const std::array<std::int64_t, 3> out{y, x, c};
    std::array<std::int64_t, 3> in{};
    for (std::size_t i = 0; i < 3; ++i) in[static_cast<std::size_t>(op.order[i])] = out[i];
    return n.pixel(in[0], in[1], in[2]);
  });
}

Tensor evaluate(const ReferenceNode& n, const graph::Gather& op) {
  return n.each_output([&](std::int64_t y, std::int64_t x, std::int64_t c) {
    std::array<std::int64_t, 3> at{y, x, c};
    std::int64_t& moved = at[static_cast<std::size_t>(op.dimension)];
    moved = op.indices[static_cast<std::size_t>(moved)];
    return n.pixel(at[0], at[1], at[2]);
  });
}

Tensor evaluate(const ReferenceNode& n, const graph::Flatten& /*op*/) { return n.in(); }
Tensor evaluate(const ReferenceNode& n, const graph::Reshape& /*op*/) { return n.in(); }
Tensor evaluate(const ReferenceNode& n, const graph::Identity& /*op*/) { return n.in(); }

}  // namespace narrow::testing
