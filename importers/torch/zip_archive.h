// Reads the entries of a zip archive in memory, through libzip, with limits on what they unpack to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "narrow/result.h"

struct zip;

namespace narrow::torch {

class ZipArchive {
 public:
  // `bytes` must outlive the archive; `where` names it in errors. Error: kMalformed, not a complete zip archive.
  [[nodiscard]] static Result<ZipArchive> open(std::span<const std::byte> bytes, std::string where);

  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] bool contains(const std::string& name) const;

  // The entry's bytes, unpacked; its checksum is verified. The size is checked before anything is allocated: all
  // entries read from one archive may not exceed kMaxTotalBytes, nor 16 times the archive (weights hardly compress),
  // so that a small file can't fill the memory.
  // Errors: kMalformed (no such entry, damaged), kLimit.
  [[nodiscard]] Result<std::vector<std::byte>> read(const std::string& name);

  static constexpr std::uint64_t kMaxTotalBytes = std::uint64_t{2} << 30;

 private:
  struct Discard {
    void operator()(struct zip* archive) const noexcept;
  };
  ZipArchive(struct zip* archive, std::size_t archive_bytes, std::string where)
      : archive_(archive), archive_bytes_(archive_bytes), where_(std::move(where)) {}

  std::unique_ptr<struct zip, Discard> archive_;
  std::uint64_t archive_bytes_;
  std::string where_;
  std::uint64_t total_bytes_ = 0;
};

}  // namespace narrow::torch
