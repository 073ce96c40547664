#include "engine/nrw/byte_reader.h"

#include <bit>
#include <utility>

#include "base/text.h"

namespace narrow::engine {

using base::text_problem;

bool ByteReader::take(std::uint64_t count) {
  if (!ok()) return false;
  last_ = position_;
  if (count > remaining()) {
    fail({what_, " ends too early: ", count, " bytes are needed here, ", remaining(), " are left"});
    return false;
  }
  position_ += static_cast<std::size_t>(count);
  return true;
}

std::uint64_t ByteReader::little_endian(std::size_t count) {
  if (!take(count)) return 0;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value |= std::to_integer<std::uint64_t>(bytes_[last_ + i]) << (8 * i);
  return value;
}

float ByteReader::f32() { return std::bit_cast<float>(u32()); }

double ByteReader::f64() { return std::bit_cast<double>(u64()); }

bool ByteReader::flag() {
  const std::uint8_t value = u8();
  if (value > 1) fail({"a flag is ", value, " but must be 0 or 1"});
  return value == 1;
}

std::span<const std::byte> ByteReader::bytes(std::uint64_t count) {
  if (!take(count)) return {};
  return bytes_.subspan(last_, static_cast<std::size_t>(count));
}

std::string ByteReader::text() {
  const std::span<const std::byte> raw = bytes(u32());
  std::string text(raw.size(), '\0');
  for (std::size_t i = 0; i < raw.size(); ++i) text[i] = static_cast<char>(raw[i]);
  if (std::string problem = text_problem(text); !problem.empty()) {
    fail({"a text ", problem});
    return {};
  }
  return text;
}

std::size_t ByteReader::count(std::size_t min_bytes_each) {
  const std::size_t count = u32();
  if (count > remaining() / min_bytes_each) {
    fail({what_, " claims ", count, " entries, more than its remaining ", remaining(), " bytes can hold"});
    return 0;
  }
  return count;
}

void ByteReader::expect_end() {
  if (!ok() || remaining() == 0) return;
  last_ = position_;
  fail({what_, " has ", remaining(), " bytes after its end"});
}

void ByteReader::fail(base::Pieces message) {
  if (ok()) failure_->report = ReadFailure::Report{file_offset_ + last_, base::joined(message)};
}

}  // namespace narrow::engine
