#include "apps/files/npy.h"

#include <string>

#include "apps/files/output_file.h"
#include "apps/text/words.h"
#include "base/try.h"

namespace narrow::cli {

namespace {

// The magic, the version, the length of the header and the header, which ends at a multiple of 64 bytes.
std::string npy_header(const char* type, const TensorShape& shape) {
  std::string header = "{'descr': '" + std::string(type) + "', 'fortran_order': False, 'shape': (" +
                       format("%lld, %lld, %lld", static_cast<long long>(shape.height),
                              static_cast<long long>(shape.width), static_cast<long long>(shape.channels)) +
                       "), }";
  constexpr std::size_t kBefore = 10;
  constexpr std::size_t kAlignment = 64;
  while ((kBefore + header.size() + 1) % kAlignment != 0) header += ' ';
  header += '\n';
  std::string start = "\x93NUMPY";
  start += '\x01';
  start += '\0';
  start += static_cast<char>(header.size() & 0xFF);
  start += static_cast<char>(header.size() >> 8);
  return start + header;
}

Status write_array(const std::filesystem::path& path, const std::string& header, std::span<const std::byte> bytes) {
  NARROW_ASSIGN(OutputFile file, OutputFile::create(path));
  NARROW_TRY(file.write(std::as_bytes(std::span(header))));
  NARROW_TRY(file.write(bytes));
  return file.commit();
}

}  // namespace

Status write_npy(const std::filesystem::path& path, const TensorShape& shape, std::span<const float> values) {
  return write_array(path, npy_header("<f4", shape), std::as_bytes(values));
}

Status write_npy(const std::filesystem::path& path, const TensorShape& shape, std::span<const std::uint8_t> values) {
  return write_array(path, npy_header("|u1", shape), std::as_bytes(values));
}

}  // namespace narrow::cli
