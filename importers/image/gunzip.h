// Reads files that may be gzip-compressed and whose own header holds their length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "narrow/result.h"

namespace narrow::image {

[[nodiscard]] bool is_gzip(std::span<const std::byte> bytes);

// Returns, from the first bytes of the unpacked file, its whole length, header included.
using ClaimedSize = std::function<Result<std::uint64_t>(std::span<const std::byte> header)>;

// Returns the bytes of `file`, unpacked if they are gzip. It unpacks `header_bytes` bytes, calls `claimed_size` on
// them, and then unpacks exactly the claimed number of bytes, so a decompression bomb ends there. It allocates no more
// than this number of compressed bytes can hold.
// Errors: kMalformed (cut off, damaged, longer or shorter than claimed), errors of `claimed_size`.
[[nodiscard]] Result<std::vector<std::byte>> unpack(std::vector<std::byte> file, std::size_t header_bytes,
                                                    const ClaimedSize& claimed_size, const std::string& where);

}  // namespace narrow::image
