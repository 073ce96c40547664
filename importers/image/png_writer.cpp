// Writes PNG (ISO/IEC 15948): one IDAT chunk, and for each row the filter Sub or Up, whichever has the smaller sum.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "base/guarded.h"
#include "narrow/image.h"

namespace narrow {
inline namespace v0 {
namespace {

constexpr std::size_t kChannels = 3;

void put_u32(std::vector<std::byte>& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(value >> shift));
}

void put_chunk(std::vector<std::byte>& out, std::string_view type, std::span<const std::uint8_t> data) {
  put_u32(out, static_cast<std::uint32_t>(data.size()));
  const std::size_t checked = out.size();
  for (const char letter : type) out.push_back(static_cast<std::byte>(letter));
  for (const std::uint8_t byte : data) out.push_back(static_cast<std::byte>(byte));
  const auto crc =
      ::crc32(0, reinterpret_cast<const Bytef*>(out.data() + checked), static_cast<uInt>(out.size() - checked));
  put_u32(out, static_cast<std::uint32_t>(crc));
}

// The row after a filter, with the filter's number before it. above: empty for the first row.
std::vector<std::uint8_t> filtered(std::uint8_t filter, std::span<const std::uint8_t> row,
                                   std::span<const std::uint8_t> above) {
  constexpr std::uint8_t kSub = 1;
  std::vector<std::uint8_t> out{filter};
  for (std::size_t i = 0; i < row.size(); ++i) {
    std::uint8_t before = 0;
    if (filter == kSub) {
      before = i >= kChannels ? row[i - kChannels] : std::uint8_t{0};
    } else {
      before = above.empty() ? std::uint8_t{0} : above[i];
    }
    out.push_back(static_cast<std::uint8_t>(row[i] - before));
  }
  return out;
}

// The sum of the differences, as signed bytes: small ones compress well.
std::size_t size_of_differences(std::span<const std::uint8_t> row) {
  std::size_t sum = 0;
  for (const std::uint8_t byte : row.subspan(1))
    sum += static_cast<std::size_t>(std::abs(static_cast<std::int8_t>(byte)));
  return sum;
}

}  // namespace

Result<std::vector<std::byte>> encode_png(const Picture& image, std::string_view software) {
  return base::guarded([&]() -> Result<std::vector<std::byte>> {
    const auto row_bytes = static_cast<std::size_t>(std::max(image.width, 0)) * kChannels;
    if (image.width <= 0 || image.height <= 0 ||
        image.rgb.size() != row_bytes * static_cast<std::size_t>(image.height)) {
      return Error{ErrorCode::kInvalidArgument, "an image of another size than its pixels", ""};
    }
    std::vector<std::uint8_t> raw;
    std::span<const std::uint8_t> above;
    for (int y = 0; y < image.height; ++y) {
      const auto row = std::span(image.rgb).subspan(static_cast<std::size_t>(y) * row_bytes, row_bytes);
      const std::vector<std::uint8_t> sub = filtered(1, row, above);
      const std::vector<std::uint8_t> up = filtered(2, row, above);
      const bool is_sub = size_of_differences(sub) <= size_of_differences(up);
      const std::vector<std::uint8_t>& better = is_sub ? sub : up;
      raw.insert(raw.end(), better.begin(), better.end());
      above = row;
    }
    uLongf size = ::compressBound(static_cast<uLong>(raw.size()));
    std::vector<std::uint8_t> packed(size);
    if (::compress2(packed.data(), &size, raw.data(), static_cast<uLong>(raw.size()), Z_BEST_COMPRESSION) != Z_OK) {
      return Error{ErrorCode::kInternal, "zlib could not compress an image", ""};
    }
    packed.resize(size);

    constexpr std::array<std::uint8_t, 8> kSignature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    constexpr std::size_t kOfChunks = 64;  // more than their lengths, types, checksums and the header take
    std::vector<std::byte> out;
    out.reserve(kSignature.size() + packed.size() + kOfChunks);
    for (const std::uint8_t byte : kSignature) out.push_back(static_cast<std::byte>(byte));
    std::vector<std::byte> sizes;
    put_u32(sizes, static_cast<std::uint32_t>(image.width));
    put_u32(sizes, static_cast<std::uint32_t>(image.height));
    std::vector<std::uint8_t> header;
    header.reserve(sizes.size());
    for (const std::byte byte : sizes) header.push_back(std::to_integer<std::uint8_t>(byte));
    // 8 bits, RGB, deflate, the standard's filters, not interlaced.
    header.insert(header.end(), {8, 2, 0, 0, 0});
    put_chunk(out, "IHDR", header);
    if (!software.empty()) {
      const std::string text = std::string("Software") + '\0' + std::string(software);
      put_chunk(out, "tEXt", {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    }
    put_chunk(out, "IDAT", packed);
    put_chunk(out, "IEND", {});
    return out;
  });
}

}  // namespace v0
}  // namespace narrow
