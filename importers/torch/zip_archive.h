// Reads the entries of a zip archive in memory, with libzip and with limits on their unpacked size.
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
  // `bytes` must outlive the archive. where: name of the archive in errors. Error: kMalformed, not a complete zip
  // archive.
  [[nodiscard]] static Result<ZipArchive> open(std::span<const std::byte> bytes, std::string where);

  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] bool contains(const std::string& name) const;

  // Unpacks an entry and verifies its checksum. The size is checked before memory is allocated. All entries that are
  // read from one archive together may have at most kMaxTotalBytes, and at most 16 times the size of the archive
  // (weights hardly compress). So a small file can't fill the memory.
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
