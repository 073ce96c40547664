#include "apps/run/bundle.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <string_view>

#include "apps/run/content_hash.h"
#include "apps/text/words.h"
#include "base/try.h"

namespace narrow::cli {
namespace {

// "\nnarrow bundle 1 OFFSET BYTES HASH\n": text, so that `tail -c 68` shows it; numbers in 16 hexadecimal digits.
constexpr std::string_view kTrailerBegin = "\nnarrow bundle 1 ";
constexpr std::size_t kDigits = 16;
constexpr std::size_t kTrailerBytes = kTrailerBegin.size() + 3 * (kDigits + 1);
// What a command that reads bundles has in it.
constexpr std::string_view kMarker = "narrow command that reads bundles of version 1";
constexpr std::size_t kModelAlignment = 64;
constexpr std::uintmax_t kMostCommandBytes = std::uintmax_t{1} << 30;

Error cant_read(const std::filesystem::path& path) {
  return {ErrorCode::kIo, std::string("can't read it: ") + std::strerror(errno), path.string()};
}

Error broken(const std::filesystem::path& path, const std::string& what) {
  return {ErrorCode::kMalformed,
          "is a program with a model in it, and " + what + "; copy it again, or make it again with narrow bundle",
          path.string()};
}

std::string hash_of(std::span<const std::byte> bytes) {
  ContentHash hash;
  hash.add({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return hash.text();
}

// Bytes of a file from `offset` on. The caller has compared the size with that of the file.
Result<std::vector<std::byte>> read_part(const std::filesystem::path& path, std::uint64_t offset, std::uint64_t size) {
  std::vector<std::byte> bytes(size);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file) return cant_read(path);
  return bytes;
}

std::optional<std::uint64_t> number_in_hex(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::filesystem::path running_file() { return "/proc/self/exe"; }

Result<std::optional<BundledModel>> find_bundled_model(const std::filesystem::path& path) {
  std::error_code problem;
  const std::uintmax_t size = std::filesystem::file_size(path, problem);
  if (problem) return Error{ErrorCode::kIo, "can't read it: " + problem.message(), path.string()};
  if (size < kTrailerBytes) return std::optional<BundledModel>();
  const std::uint64_t trailer_begin = size - kTrailerBytes;
  NARROW_ASSIGN(const std::vector<std::byte> bytes, read_part(path, trailer_begin, kTrailerBytes));
  const std::string_view trailer(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!trailer.starts_with(kTrailerBegin)) return std::optional<BundledModel>();

  const auto field = [&](std::size_t i) { return trailer.substr(kTrailerBegin.size() + i * (kDigits + 1), kDigits); };
  const std::optional<std::uint64_t> offset = number_in_hex(field(0));
  const std::optional<std::uint64_t> model_bytes = number_in_hex(field(1));
  if (!offset || !model_bytes || trailer.back() != '\n') return broken(path, "the end that names its place is damaged");
  // Neither number is used before it fits the file, so that nothing larger than the file is allocated.
  if (*offset > trailer_begin || *model_bytes != trailer_begin - *offset) {
    return broken(path,
                  format("the model should be %llu bytes from byte %llu on, which do not end where the file does",
                         static_cast<unsigned long long>(*model_bytes), static_cast<unsigned long long>(*offset)));
  }
  return std::optional<BundledModel>({*offset, *model_bytes, std::string(field(2))});
}

Result<std::vector<std::byte>> read_bundled_model(const std::filesystem::path& path, const BundledModel& model) {
  NARROW_ASSIGN(std::vector<std::byte> bytes, read_part(path, model.offset, model.bytes));
  if (hash_of(bytes) != model.hash) return broken(path, "the model is not the one that was put there");
  return bytes;
}

Result<std::vector<std::byte>> read_command(const std::filesystem::path& path) {
  std::error_code problem;
  const std::uintmax_t size = std::filesystem::file_size(path, problem);
  if (problem) return Error{ErrorCode::kIo, "can't read it: " + problem.message(), path.string()};
  if (size > kMostCommandBytes) return Error{ErrorCode::kLimit, "is larger than 1 GiB, and no command", path.string()};
  NARROW_ASSIGN(const std::optional<BundledModel> bundled, find_bundled_model(path));
  if (bundled) {
    return Error{ErrorCode::kInvalidArgument, "has a model in it already; name the narrow command itself",
                 path.string()};
  }
  NARROW_ASSIGN(std::vector<std::byte> bytes, read_part(path, 0, size));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with("\x7f"
                        "ELF") ||
      text.find(kMarker) == std::string_view::npos) {
    return Error{ErrorCode::kInvalidArgument,
                 "is not a narrow command that reads bundles of this version; leave --command out to copy this one",
                 path.string()};
  }
  return bytes;
}

std::vector<std::byte> bundle_tail(std::size_t command_bytes, std::span<const std::byte> model) {
  const std::size_t padding = (kModelAlignment - command_bytes % kModelAlignment) % kModelAlignment;
  std::vector<std::byte> tail(padding);
  tail.insert(tail.end(), model.begin(), model.end());
  const std::uint64_t begin = command_bytes + padding;
  const std::string trailer = std::string(kTrailerBegin) +
                              format("%016llx %016llx ", static_cast<unsigned long long>(begin),
                                     static_cast<unsigned long long>(model.size())) +
                              hash_of(model) + "\n";
  const std::span<const std::byte> bytes = std::as_bytes(std::span(trailer));
  tail.insert(tail.end(), bytes.begin(), bytes.end());
  return tail;
}

}  // namespace narrow::cli
