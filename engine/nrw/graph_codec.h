// The layout of a graph in a .nrw file, described once for both directions: the same function visits a graph with a
// writer or a reader ("archive"). docs/model_format.md is normative for the result. A change here is a new format
// version.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <variant>

#include "graph/ir.h"
#include "graph/operators.h"

namespace narrow::engine {

// The smallest size of one entry in the graph section. It limits the memory that a hostile count can request.
inline constexpr std::size_t kMinValueBytes = 4 + 3 * 8 + 1;
inline constexpr std::size_t kMinNodeBytes = 4 + 1 + 4 + 4 + 2 * 4;

template <class Archive, class Range>
void describe_range(Archive& archive, Range& range) {
  archive.number(range.lo);
  archive.number(range.hi);
}

template <class Archive, class Padding>
void describe_padding(Archive& archive, Padding& pad) {
  archive.number(pad.top);
  archive.number(pad.left);
  archive.number(pad.bottom);
  archive.number(pad.right);
}

template <class Archive, class Window>
void describe_window(Archive& archive, Window& window) {
  archive.number(window.kernel_h);
  archive.number(window.kernel_w);
  archive.number(window.stride_h);
  archive.number(window.stride_w);
  archive.number(window.dilation_h);
  archive.number(window.dilation_w);
  describe_padding(archive, window.pad);
}

template <class Archive, class Shape>
void describe_shape(Archive& archive, Shape& shape) {
  archive.number(shape.height);
  archive.number(shape.width);
  archive.number(shape.channels);
}

template <class Archive, class Filter>
void describe_filter(Archive& archive, Filter& filter) {
  archive.optional(filter.quantized, [&archive](auto& quantized) {
    describe_range(archive, quantized.range);
    archive.integers(quantized);
    archive.channels(quantized.scales);
    archive.channels(quantized.bias);
  });
  archive.floats(filter.weights);
  archive.floats(filter.bias);
}

// The attributes of one operator. Operators without attributes have an empty function.
template <class Archive, class Op>
void describe_op(Archive& archive, Op& op) {
  using T = std::remove_const_t<Op>;
  if constexpr (std::is_same_v<T, graph::Convolution>) {
    describe_window(archive, op.window);
    archive.number(op.groups);
    archive.number(op.out_channels);
    describe_filter(archive, op.filter);
  } else if constexpr (std::is_same_v<T, graph::Linear>) {
    archive.number(op.out_features);
    describe_filter(archive, op.filter);
  } else if constexpr (std::is_same_v<T, graph::BatchNorm>) {
    archive.floats(op.gamma);
    archive.floats(op.beta);
    archive.floats(op.mean);
    archive.floats(op.variance);
    archive.number(op.epsilon);
  } else if constexpr (std::is_same_v<T, graph::MaxPool>) {
    describe_window(archive, op.window);
  } else if constexpr (std::is_same_v<T, graph::AveragePool>) {
    describe_window(archive, op.window);
    archive.number(op.count_include_pad);
  } else if constexpr (std::is_same_v<T, graph::PadChannels>) {
    archive.number(op.before);
    archive.number(op.after);
  } else if constexpr (std::is_same_v<T, graph::Function>) {
    archive.choice(op.kind, static_cast<graph::FunctionKind>(graph::kFunctionKinds - 1));
    archive.number(op.alpha);
    archive.number(op.beta);
    archive.floats(op.slopes);
    archive.bytes(op.table);
  } else if constexpr (std::is_same_v<T, graph::Pad>) {
    describe_padding(archive, op.pad);
  } else if constexpr (std::is_same_v<T, graph::Slice>) {
    describe_shape(archive, op.begin);
    describe_shape(archive, op.size);
  } else if constexpr (std::is_same_v<T, graph::Reshape>) {
    describe_shape(archive, op.shape);
  } else if constexpr (std::is_same_v<T, graph::Transpose>) {
    for (auto& dimension : op.order) archive.number(dimension);
  } else if constexpr (std::is_same_v<T, graph::Gather>) {
    archive.number(op.dimension);
    archive.channels(op.indices);
  } else if constexpr (std::is_same_v<T, graph::Lrn>) {
    archive.number(op.size);
    archive.number(op.alpha);
    archive.number(op.beta);
    archive.number(op.bias);
  } else if constexpr (std::is_same_v<T, graph::LayerNorm>) {
    archive.floats(op.scale);
    archive.floats(op.shift);
    archive.number(op.epsilon);
  } else {
    static_assert(std::is_empty_v<T>, "a new operator with attributes must describe them here");
  }
}

template <class Archive, class Graph>
void describe_graph(Archive& archive, Graph& graph) {
  archive.list(graph.values, kMinValueBytes, [&archive](auto& value) {
    archive.text(value.name);
    describe_shape(archive, value.shape);
    archive.optional(value.quantization, [&archive](auto& quantization) {
      archive.number(quantization.scale);
      archive.number(quantization.zero_point);
      describe_range(archive, quantization.range);
    });
  });
  archive.list(graph.nodes, kMinNodeBytes, [&archive](auto& node) {
    archive.text(node.name);
    archive.op(node.op);
    archive.list(node.inputs, sizeof(graph::ValueId), [&archive](auto& id) { archive.number(id); });
    archive.number(node.output);
    archive.number(node.clamp.lo);
    archive.number(node.clamp.hi);
    graph::visit([&archive](auto& op) { describe_op(archive, op); }, node.op);
  });
  archive.number(graph.input);
  archive.number(graph.output);
}

}  // namespace narrow::engine
