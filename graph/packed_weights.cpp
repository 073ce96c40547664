#include "graph/packed_weights.h"

#include "graph/bit_packing.h"

namespace narrow::graph {

std::optional<PackedWeights> PackedWeights::check(std::span<const std::byte> bytes, std::size_t count,
                                                  const QRange& range, std::shared_ptr<const void> owner) {
  if (packed_size(count, bits_for(range)) != bytes.size() || !is_packed(bytes, range, count)) return std::nullopt;
  PackedWeights weights;
  weights.bytes_ = bytes;
  weights.count_ = count;
  weights.range_ = range;
  weights.owner_ = std::move(owner);
  return weights;
}

std::span<const std::int8_t> PackedWeights::view(std::vector<std::int8_t>& buffer) const {
  if (are_bytes()) return {reinterpret_cast<const std::int8_t*>(bytes_.data()), count_};
  buffer.resize(count_);
  unpack(buffer);
  return buffer;
}

bool PackedWeights::are_bytes() const { return bits_for(range_) == 8; }

void PackedWeights::unpack(std::span<std::int8_t> out) const {
  // check() has checked that all values are in range.
  static_cast<void>(unpack_bits(bytes_, range_, out));
}

}  // namespace narrow::graph
