// Limits of graphs. They protect from hostile files and let later stages compute with int.
#pragma once

#include <cstddef>
#include <cstdint>

namespace narrow::graph {

// Height and width of a tensor; also the largest window, stride, dilation, padding and number of output channels.
inline constexpr std::int64_t kMaxDimension = 65536;
// Channels of a tensor. Flattened tensors have many, and normalizations over whole images take them as channels.
inline constexpr std::int64_t kMaxChannels = std::int64_t{1} << 20;
// Elements of one tensor, and weights of one layer.
inline constexpr std::int64_t kMaxElems = (std::int64_t{1} << 31) - 1;
// DenseNet-201 has about 700. A node takes far more memory than in a file, and a session some more.
inline constexpr std::size_t kMaxNodes = 16384;
inline constexpr std::size_t kMaxValues = 2 * kMaxNodes;
// Pixels of an averaging window. 255 times this number still fits into int32.
inline constexpr std::int64_t kMaxAveragePixels = std::int64_t{1} << 23;
// Scales and multipliers are normal floats up to this number, so that an int32 times any of them is finite.
inline constexpr float kMaxScale = 0x1p+96F;

}  // namespace narrow::graph
