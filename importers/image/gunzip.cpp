#include "importers/image/gunzip.h"

#include <zlib.h>

#include <algorithm>
#include <utility>

#include "base/try.h"

namespace narrow::image {
namespace {

constexpr int kGzipOnly = 16;              // zlib: added to the window bits
constexpr std::uint64_t kMostFold = 1032;  // the highest ratio that deflate can reach

class Inflater {
 public:
  Inflater(std::span<const std::byte> packed, const std::string& where) : packed_(packed), where_(where) {
    ready_ = inflateInit2(&stream_, MAX_WBITS + kGzipOnly) == Z_OK;
  }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Fills `out`. Returns the number of bytes, which is less only at the end of the data.
  Result<std::size_t> read(std::span<std::byte> out) {
    if (!ready_) return Error{ErrorCode::kLimit, "not enough memory to unpack it", where_};
    std::size_t done = 0;
    while (done < out.size() && !ended_) {
      const auto in = static_cast<uInt>(std::min<std::size_t>(packed_.size() - used_, kStep));
      const auto room = static_cast<uInt>(std::min<std::size_t>(out.size() - done, kStep));
      // zlib's interface is not const, but it does not write there.
      stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed_.data() + used_));
      stream_.avail_in = in;
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + done);
      stream_.avail_out = room;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      used_ += in - stream_.avail_in;
      done += room - stream_.avail_out;
      if (status == Z_STREAM_END) {
        ended_ = true;
      } else if (status != Z_OK) {
        const bool starved = status == Z_BUF_ERROR && used_ == packed_.size();
        return Error{ErrorCode::kMalformed,
                     starved ? "the compressed data are cut off" : "the compressed data are damaged",
                     where_ + ", byte " + std::to_string(used_)};
      }
    }
    return done;
  }

  // Checks that no data is left, that the checksum was right, and that nothing follows it.
  Status expect_end() {
    std::byte more{};
    NARROW_ASSIGN(const std::size_t count, read(std::span(&more, 1)));
    if (count != 0 || used_ != packed_.size()) {
      return Error{ErrorCode::kMalformed, "holds more bytes than its header says", where_};
    }
    return {};
  }

 private:
  static constexpr std::size_t kStep = std::size_t{1} << 30;

  std::span<const std::byte> packed_;
  std::string where_;
  z_stream stream_ = {};
  std::size_t used_ = 0;
  bool ready_ = false;
  bool ended_ = false;
};

Error wrong_size(std::uint64_t bytes, std::uint64_t claimed, const std::string& where) {
  return Error{ErrorCode::kMalformed,
               "its header says " + std::to_string(claimed) + " bytes, but there are " + std::to_string(bytes) +
                   (bytes < claimed ? ": it was cut off" : ": something follows"),
               where};
}

}  // namespace

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1F} && bytes[1] == std::byte{0x8B};
}

Result<std::vector<std::byte>> unpack(std::vector<std::byte> file, std::size_t header_bytes,
                                      const ClaimedSize& claimed_size, const std::string& where) {
  if (!is_gzip(file)) {
    NARROW_ASSIGN(const std::uint64_t claimed,
                  claimed_size(std::span<const std::byte>(file).first(std::min(file.size(), header_bytes))));
    if (claimed != file.size()) return wrong_size(file.size(), claimed, where);
    return file;
  }
  Inflater inflater(file, where);
  std::vector<std::byte> out(header_bytes);
  NARROW_ASSIGN(const std::size_t got, inflater.read(out));
  NARROW_ASSIGN(const std::uint64_t claimed, claimed_size(std::span<const std::byte>(out).first(got)));
  if (claimed < got) return wrong_size(got, claimed, where);
  if (claimed / kMostFold > file.size()) {
    return Error{ErrorCode::kMalformed,
                 "its header says " + std::to_string(claimed) + " bytes, more than " + std::to_string(file.size()) +
                     " compressed ones can hold",
                 where};
  }
  out.resize(static_cast<std::size_t>(claimed));
  NARROW_ASSIGN(const std::size_t rest, inflater.read(std::span(out).subspan(got)));
  if (got + rest != claimed) return wrong_size(got + rest, claimed, where);
  NARROW_TRY(inflater.expect_end());
  return out;
}

}  // namespace narrow::image
