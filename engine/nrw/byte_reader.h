// Reads little-endian bytes that may be hostile. It never reads outside the span, whatever the bytes hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/text.h"

namespace narrow::engine {

// The first failure, shared by all readers of one file.
struct ReadFailure {
  struct Report {
    std::size_t offset = 0;  // in the file
    std::string message;
  };
  std::optional<Report> report;
};

// After the first failure every read returns zero or an empty span. So a sequence of reads needs only one check, at its
// end. The length of a loop must come from `count`, which limits it by the bytes that are left.
class ByteReader {
 public:
  // file_offset: position of `bytes` in the file, for messages. what: the section's name within a sentence.
  ByteReader(std::span<const std::byte> bytes, std::size_t file_offset, const char* what, ReadFailure& failure)
      : bytes_(bytes), file_offset_(file_offset), what_(what), failure_(&failure) {}

  [[nodiscard]] bool ok() const { return !failure_->report.has_value(); }
  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - position_; }

  [[nodiscard]] std::uint8_t u8() { return static_cast<std::uint8_t>(little_endian(1)); }
  [[nodiscard]] std::uint32_t u32() { return static_cast<std::uint32_t>(little_endian(4)); }
  [[nodiscard]] std::uint64_t u64() { return little_endian(8); }
  [[nodiscard]] std::int32_t i32() { return static_cast<std::int32_t>(u32()); }
  [[nodiscard]] std::int64_t i64() { return static_cast<std::int64_t>(u64()); }
  [[nodiscard]] float f32();   // any bits, NaN too
  [[nodiscard]] double f64();  // any bits, NaN too
  [[nodiscard]] bool flag();   // one byte, 0 or 1
  // A u32 length and that number of bytes. Fails if text_problem() finds a problem.
  [[nodiscard]] std::string text();
  [[nodiscard]] std::span<const std::byte> bytes(std::uint64_t count);
  // A u32 number of items that take at least min_bytes_each (>= 1) bytes each. Fails if the bytes left can't hold them.
  [[nodiscard]] std::size_t count(std::size_t min_bytes_each);

  // Fails unless all bytes were read.
  void expect_end();
  // Records a failure at the value that was read last.
  void fail(base::Pieces message);

 private:
  [[nodiscard]] std::uint64_t little_endian(std::size_t count);
  // Skips `count` bytes. Returns false if there was a failure, now or earlier.
  [[nodiscard]] bool take(std::uint64_t count);

  std::span<const std::byte> bytes_;
  std::size_t file_offset_ = 0;
  std::size_t position_ = 0;
  std::size_t last_ = 0;  // start of the value that was read last
  const char* what_ = "";
  ReadFailure* failure_;
};

}  // namespace narrow::engine
