// Limits the memory that a file takes while it is read, whatever it consists of.
#pragma once

#include <cstdint>
#include <string_view>

#include "narrow/result.h"

namespace narrow::onnx {

// A message of two bytes may become a struct of hundreds. So the memory of everything that is made of a file is counted
// before it is made, and may be 3 bytes for each byte that was read, and 32 MiB besides. Tensors of float32, int8,
// uint8 and int64 take as much as in the file, half precision and int32 twice as much. What comes up to the limit is
// thus made of tiny messages, or of bools and 16-bit integers.
class Allowance {
 public:
  // `bytes` of a file, or of a file of external data, are read.
  void add_read(std::uint64_t bytes) { limit_ += 3 * bytes; }

  // Counts memory that is allocated next. Error (kLimit, without `where`): it is more than is allowed.
  [[nodiscard]] Status take(std::uint64_t bytes) {
    taken_ +=
        bytes;  // no overflow: each call is of a tensor's size at most, and the first that is too much is the last
    if (taken_ <= limit_) return {};
    return Error{ErrorCode::kLimit,
                 "the file would take more than " + std::to_string(limit_ >> 20U) +
                     " MiB in memory, far more than it has itself",
                 ""};
  }
  // The same for a copy of `text` in a list.
  [[nodiscard]] Status take_text(std::string_view text) {
    // Lists grow by doubling. The name is also a key of two or three maps while nodes are sorted and lowered.
    constexpr std::uint64_t kPerText = 160;
    return take(kPerText + (text.size() > 15 ? 3 * text.size() : 0));
  }

 private:
  std::uint64_t limit_ = std::uint64_t{32} << 20U;
  std::uint64_t taken_ = 0;
};

}  // namespace narrow::onnx
