// Tells whether a file is the one that it was.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "narrow/result.h"

namespace narrow::cli {

// FNV-1a with 64 bits (Fowler, Noll, Vo): notices a changed file. It is no protection from an attacker.
class ContentHash {
 public:
  void add(std::string_view bytes) {
    for (const char byte : bytes) value_ = (value_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
  }
  [[nodiscard]] std::string text() const;  // 16 hexadecimal digits

 private:
  std::uint64_t value_ = 0xcbf29ce484222325U;
};

// Adds the bytes of a file, and their number to `bytes`. Error: kIo.
[[nodiscard]] Status hash_file(const std::filesystem::path& path, ContentHash& hash, std::uintmax_t& bytes);

}  // namespace narrow::cli
