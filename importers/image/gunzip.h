// Files that may be gzip-compressed and whose own header says how long they are.
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

// Number of bytes that the whole unpacked file must have, header included, by its first bytes.
using ClaimedSize = std::function<Result<std::uint64_t>(std::span<const std::byte> header)>;

// The bytes of `file`, unpacked if they are gzip. Unpacks `header_bytes`, asks `claimed_size`, and then takes exactly
// as many bytes as it says: a bomb ends there. Memory is taken only for what so many compressed bytes can hold.
// Errors: kMalformed (cut off, damaged, longer or shorter than claimed), what `claimed_size` says.
[[nodiscard]] Result<std::vector<std::byte>> unpack(std::vector<std::byte> file, std::size_t header_bytes,
                                                    const ClaimedSize& claimed_size, const std::string& where);

}  // namespace narrow::image
