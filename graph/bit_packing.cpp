#include "graph/bit_packing.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/arithmetic.h"

namespace narrow::graph {
namespace {

// Eight values of `bits` bits are exactly `bits` bytes. Packing and unpacking work on such groups.
constexpr std::size_t kGroup = 8;

// Number of values that are unpacked before they are checked. They stay in L1.
constexpr std::size_t kBlock = 4096;

std::size_t bytes_of(std::size_t count, std::size_t bits) { return base::ceil_div(count * bits, 8); }

std::uint64_t in_every_byte(std::uint64_t byte) { return byte * 0x0101010101010101U; }

// Moves eight fields of `bits` < 8 bits, lowest first, to the low bits of eight bytes: first the halves, then
// quarters, then eighths.
std::uint64_t spread(std::uint64_t group, unsigned bits) {
  const auto field = [bits](unsigned fields) { return (std::uint64_t{1} << (bits * fields)) - 1; };
  group = (group & field(4)) | ((group >> (4 * bits)) & field(4)) << 32;
  const std::uint64_t halves = field(2) * 0x0000000100000001U;
  group = (group & halves) | ((group >> (2 * bits)) & halves) << 16;
  const std::uint64_t quarters = field(1) * 0x0001000100010001U;
  return (group & quarters) | ((group >> bits) & quarters) << 8;
}

// Unpacks whole bytes, each of 2 fields. Compilers use vectors here and not for other numbers of bits.
void unpack_halves(std::span<const std::byte> packed, bool is_signed, std::int8_t* values) {
  const auto sign = static_cast<std::uint8_t>(is_signed ? 8 : 0);
  for (std::size_t i = 0; i < packed.size(); ++i) {
    const auto byte = std::to_integer<unsigned>(packed[i]);
    values[2 * i] = static_cast<std::int8_t>(static_cast<std::uint8_t>((byte & 15U) ^ sign) - sign);
    values[2 * i + 1] = static_cast<std::int8_t>(static_cast<std::uint8_t>((byte >> 4) ^ sign) - sign);
  }
}

// The four values of each byte of 2-bit fields.
constexpr auto quarters(bool is_signed) {
  std::array<std::array<std::int8_t, 4>, 256> table{};
  for (int byte = 0; byte < 256; ++byte) {
    for (int i = 0; i < 4; ++i) {
      const int field = byte >> (2 * i) & 3;
      table[static_cast<std::size_t>(byte)][static_cast<std::size_t>(i)] =
          static_cast<std::int8_t>(is_signed && field > 1 ? field - 4 : field);
    }
  }
  return table;
}

// Unpacks whole bytes, each of 4 fields.
void unpack_quarters(std::span<const std::byte> packed, bool is_signed, std::int8_t* values) {
  static constexpr auto kSigned = quarters(true), kUnsigned = quarters(false);
  const auto& table = is_signed ? kSigned : kUnsigned;
  for (const std::byte byte : packed) {
    std::memcpy(values, table[std::to_integer<std::size_t>(byte)].data(), 4);
    values += 4;
  }
}

// Unpacks the values [begin, begin + values.size()). begin is a multiple of kGroup. It does not check their range.
[[gnu::noinline]] void unpack_block(std::span<const std::byte> packed, std::size_t begin, const QRange& range,
                                    std::span<std::int8_t> values) {
  const auto bits = static_cast<std::size_t>(bits_for(range));
  packed = packed.subspan(begin / kGroup * bits, bytes_of(values.size(), bits));
  if (bits == 8) return void(std::memcpy(values.data(), packed.data(), values.size()));
  std::size_t i = 0;
  const std::byte* from = packed.data();
  std::size_t left = packed.size();
  if (bits == 4 || bits == 2) {
    i = values.size() / kGroup * kGroup;
    const std::span<const std::byte> whole = packed.first(i / kGroup * bits);
    (bits == 4 ? unpack_halves : unpack_quarters)(whole, range.lo < 0, values.data());
    from += whole.size();
    left -= whole.size();
  }
  // (v ^ sign) - sign extends a two's complement number. The highest bit of each byte stops the borrow into the next
  // byte.
  const std::uint64_t sign = in_every_byte(range.lo < 0 ? std::uint64_t{1} << (bits - 1) : 0);
  const std::uint64_t high = in_every_byte(0x80);
  const auto unpacked = [&](std::uint64_t group) {
    return (((spread(group, static_cast<unsigned>(bits)) ^ sign) | high) - sign) ^ high;
  };
  // Eight bytes hold a group and some bits of the next one.
  for (; left >= sizeof(std::uint64_t) && i + kGroup <= values.size(); i += kGroup, from += bits, left -= bits) {
    std::uint64_t group = 0;
    std::memcpy(&group, from, sizeof group);
    const std::uint64_t bytes = unpacked(group);
    std::memcpy(values.data() + i, &bytes, sizeof bytes);
  }
  for (; i < values.size(); i += kGroup, from += bits, left -= std::min(left, bits)) {
    std::uint64_t group = 0;
    std::memcpy(&group, from, std::min(left, sizeof group));
    const std::uint64_t bytes = unpacked(group);
    std::memcpy(values.data() + i, &bytes, std::min(values.size() - i, sizeof bytes));
  }
}

// Each value is compared as its difference to range.lo, which wraps as unsigned bytes do.
[[gnu::noinline]] bool all_within(std::span<const std::int8_t> values, const QRange& range) {
  // In vectors, one maximum alone would wait for itself.
  constexpr std::size_t kMaxima = 64;
  std::array<std::uint8_t, kMaxima> found{};
  const auto lo = static_cast<std::uint8_t>(range.lo);
  const auto take = [&](std::size_t maximum, std::int8_t value) {
    const auto above = static_cast<std::uint8_t>(static_cast<std::uint8_t>(value) - lo);
    found[maximum] = std::max(found[maximum], above);
  };
  std::size_t i = 0;
  for (; i + kMaxima <= values.size(); i += kMaxima) {
    for (std::size_t k = 0; k < kMaxima; ++k) take(k, values[i + k]);
  }
  for (; i < values.size(); ++i) take(0, values[i]);
  return *std::max_element(found.begin(), found.end()) <= static_cast<std::uint8_t>(range.hi - range.lo);
}

// The same for fields of 2 or 4 bits, which no byte border cuts. They are compared at the top of a byte, where
// differences wrap as numbers of kBits bits do.
template <int kBits>
[[gnu::noinline]] bool fields_within(std::span<const std::byte> packed, const QRange& range) {
  constexpr unsigned kMask = 0xFFU << (8 - kBits);
  const auto lo = static_cast<std::uint8_t>(range.lo * (1 << (8 - kBits)));
  const auto most = static_cast<std::uint8_t>((range.hi - range.lo) << (8 - kBits));
  std::uint8_t found = 0;
  for (const std::byte byte : packed) {
    for (int shift = 0; shift < 8; shift += kBits) {
      const auto field = static_cast<std::uint8_t>(std::to_integer<unsigned>(byte) << shift & kMask);
      found = std::max(found, static_cast<std::uint8_t>(field - lo));
    }
  }
  return found <= most;
}

// Whether the bits after the last value are zero.
bool rest_is_zero(std::span<const std::byte> packed, std::size_t count, const QRange& range) {
  const std::size_t used = count * static_cast<std::size_t>(bits_for(range)) % 8;
  return used == 0 || std::to_integer<unsigned>(packed.back()) >> used == 0;
}

}  // namespace

std::optional<std::size_t> packed_size(std::size_t count, int bits) noexcept {
  const auto bits_per_value = static_cast<std::size_t>(bits);
  std::size_t total = 0;
  if (__builtin_mul_overflow(count, bits_per_value, &total)) return std::nullopt;
  return total / 8 + (total % 8 != 0 ? 1 : 0);
}

void pack_bits(std::span<const std::int8_t> values, const QRange& range, std::span<std::byte> packed) noexcept {
  const auto bits = static_cast<std::size_t>(bits_for(range));
  const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
  for (std::size_t i = 0; i < values.size(); i += kGroup) {
    const std::size_t count = std::min(kGroup, values.size() - i);
    std::uint64_t group = 0;
    for (std::size_t k = 0; k < count; ++k) {
      group |= (static_cast<std::uint64_t>(std::int64_t{values[i + k]}) & mask) << (k * bits);
    }
    const std::size_t bytes = bytes_of(count, bits);
    for (std::size_t b = 0; b < bytes; ++b) packed[i / kGroup * bits + b] = static_cast<std::byte>(group >> (8 * b));
  }
}

bool unpack_bits(std::span<const std::byte> packed, const QRange& range, std::span<std::int8_t> values) noexcept {
  bool fine = true;
  for (std::size_t begin = 0; begin < values.size(); begin += kBlock) {
    const std::span<std::int8_t> block = values.subspan(begin, std::min(kBlock, values.size() - begin));
    unpack_block(packed, begin, range, block);
    fine = all_within(block, range) && fine;
  }
  return fine && rest_is_zero(packed, values.size(), range);
}

bool is_packed(std::span<const std::byte> packed, const QRange& range, std::size_t count) noexcept {
  const auto bits = static_cast<std::size_t>(bits_for(range));
  if (bits == 8) return all_within({reinterpret_cast<const std::int8_t*>(packed.data()), count}, range);
  std::size_t begin = 0;
  if (bits == 2 || bits == 4) {
    begin = count / kGroup * kGroup;
    const std::span<const std::byte> whole = packed.first(begin / kGroup * bits);
    if (!(bits == 2 ? fields_within<2>(whole, range) : fields_within<4>(whole, range))) return false;
  }
  // What is left, or all where byte borders cut fields, is unpacked first.
  std::array<std::int8_t, kBlock> buffer{};
  for (; begin < count; begin += kBlock) {
    const std::span<std::int8_t> block = std::span(buffer).first(std::min(kBlock, count - begin));
    unpack_block(packed, begin, range, block);
    if (!all_within(block, range)) return false;
  }
  return rest_is_zero(packed, count, range);
}

}  // namespace narrow::graph
