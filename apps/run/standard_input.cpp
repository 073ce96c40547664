#include "apps/run/standard_input.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace narrow::cli {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 16;
constexpr std::size_t kLongestLine = std::size_t{1} << 16;
constexpr std::size_t kHeadBytes = 16;

bool is_pnm(std::string_view head) {
  return head.size() >= 3 && head[0] == 'P' && head[1] >= '1' && head[1] <= '6' &&
         (head[2] == ' ' || (head[2] >= '\t' && head[2] <= '\r'));
}

}  // namespace

void InputStream::fill() {
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kReadBytes);
  ssize_t count = 0;
  do {
    count = ::read(descriptor_, buffer_.data() + before, kReadBytes);
  } while (count < 0 && errno == EINTR);
  if (count < 0)
    status_ = Error{ErrorCode::kIo, std::string("can't read it: ") + std::strerror(errno), "standard input"};
  buffer_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  if (count <= 0) ended_ = true;
}

bool InputStream::begins_as_image() {
  while (!ended_ && buffer_.size() < kHeadBytes && buffer_.find('\n') == std::string::npos) fill();
  const std::string_view head = std::string_view(buffer_).substr(0, kHeadBytes);
  for (const std::string_view magic : {"\xFF\xD8", "\x89PNG", "GIF87a", "GIF89a"}) {
    if (head.starts_with(magic)) return true;
  }
  if (head.starts_with("RIFF") && head.substr(std::min<std::size_t>(8, head.size())).starts_with("WEBP")) return true;
  return is_pnm(head) || head.find('\0') != std::string_view::npos;
}

Result<std::vector<std::byte>> InputStream::read_all(std::size_t most) {
  while (!ended_ && buffer_.size() - begin_ <= most) fill();
  if (!status_.ok()) return status_.error();
  if (buffer_.size() - begin_ > most) {
    return Error{ErrorCode::kLimit, "has more than " + std::to_string(most) + " bytes, too many for an image",
                 "standard input"};
  }
  std::vector<std::byte> bytes(buffer_.size() - begin_);
  if (!bytes.empty()) std::memcpy(bytes.data(), buffer_.data() + begin_, bytes.size());
  begin_ = buffer_.size();
  return bytes;
}

std::optional<std::string> InputStream::line(char separator, bool wait) {
  std::size_t searched = begin_;
  for (;;) {
    const std::size_t end = buffer_.find(separator, searched);
    const std::size_t length = std::min(end, buffer_.size()) - begin_;
    const bool whole = end != std::string::npos || (ended_ && length > 0);
    if (whole || length > kLongestLine) {
      std::string text = buffer_.substr(begin_, length);
      begin_ += length + (end != std::string::npos ? 1 : 0);
      return text;
    }
    if (ended_) return std::nullopt;
    pollfd waiting{descriptor_, POLLIN, 0};
    if (!wait && ::poll(&waiting, 1, 0) <= 0) return std::nullopt;
    fill();
    searched = begin_ + length;
  }
}

}  // namespace narrow::cli
