// The format of bytes that are no file; detect_format() of narrow/float_model.h is that of files.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "narrow/float_model.h"
#include "narrow/result.h"

namespace narrow::importers {

// By the first bytes alone. where: name of the bytes in errors. Error: kMalformed, they are of no format that is read.
[[nodiscard]] Result<FileFormat> detect_format_of_bytes(std::span<const std::byte> bytes, const std::string& where);

}  // namespace narrow::importers
