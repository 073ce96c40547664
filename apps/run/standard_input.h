// Standard input as one image or as a list of paths.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "narrow/result.h"

namespace narrow::cli {

// Reads from a file descriptor, which it does not close.
class InputStream {
 public:
  explicit InputStream(int descriptor) : descriptor_(descriptor) {}

  // Whether the first bytes are those of an image: of JPEG, PNG, GIF, WebP, TIFF or PNM, or any 16 bytes with a zero
  // byte, which BMP and the formats that are not read have and no text has. Waits for these bytes.
  [[nodiscard]] bool begins_as_image();
  // Everything. Errors: kIo; kLimit, more than `most` bytes.
  [[nodiscard]] Result<std::vector<std::byte>> read_all(std::size_t most);

  // The text before the next `separator`, or before the end. Nothing at the end and, without `wait`, where reading
  // would have to wait. A line of more than 64 KiB, which no path has, is cut there.
  [[nodiscard]] std::optional<std::string> line(char separator, bool wait);
  // Whether all was read. The error of the last read, if there was one.
  [[nodiscard]] bool ended() const { return ended_ && begin_ == buffer_.size(); }
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  void fill();

  int descriptor_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what was not yet returned
  bool ended_ = false;
  Status status_;
};

}  // namespace narrow::cli
