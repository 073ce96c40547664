// Reader, writer and text rules below the model file.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "engine/nrw/byte_reader.h"
#include "engine/nrw/byte_writer.h"

using narrow::engine::ByteReader;
using narrow::engine::ByteWriter;
using narrow::engine::ReadFailure;

TEST_CASE("numbers come back as they were written") {
  ByteWriter writer;
  writer.u8(0xFE);
  writer.u32(0x12345678U);
  writer.i32(std::numeric_limits<std::int32_t>::min());
  writer.i64(-2);
  writer.f32(-0.0F);
  writer.f64(1e300);
  writer.text("caf\xC3\xA9");
  CHECK(writer.view()[1] == std::byte{0x78});  // little endian
  ReadFailure failure;
  ByteReader reader(writer.view(), 0, "it", failure);
  CHECK(reader.u8() == 0xFE);
  CHECK(reader.u32() == 0x12345678U);
  CHECK(reader.i32() == std::numeric_limits<std::int32_t>::min());
  CHECK(reader.i64() == -2);
  const float zero = reader.f32();
  CHECK(zero == 0.0F);
  CHECK(std::signbit(zero));
  CHECK(reader.f64() == 1e300);
  CHECK(reader.text() == "caf\xC3\xA9");
  reader.expect_end();
  CHECK(reader.ok());
}

TEST_CASE("reading beyond the end fails once and gives zeros ever after") {
  ByteWriter writer;
  writer.u32(7);
  writer.u8(1);
  ReadFailure failure;
  ByteReader reader(writer.view(), 100, "the test section", failure);
  CHECK(reader.u32() == 7);
  CHECK(reader.u32() == 0);
  CHECK_FALSE(reader.ok());
  CHECK(reader.u8() == 0);
  CHECK(reader.bytes(0).empty());
  reader.fail({"later"});
  REQUIRE(failure.report);
  CHECK(failure.report->offset == 104);
  CHECK(failure.report->message.find("the test section ends too early") != std::string::npos);
  // Readers of one file stop together.
  ByteReader other(writer.view(), 0, "another", failure);
  CHECK(other.u32() == 0);
}

TEST_CASE("a count is bounded by the bytes that are left") {
  ByteWriter writer;
  writer.u32(3);
  writer.u32(0);
  writer.u32(0);
  ReadFailure failure;
  ByteReader fits(writer.view(), 0, "it", failure);
  CHECK(fits.count(2) == 3);
  ByteReader too_many(writer.view(), 0, "it", failure);
  CHECK(too_many.count(3) == 0);
  CHECK_FALSE(too_many.ok());
}

TEST_CASE("lengths near the largest number do not wrap") {
  ByteWriter writer;
  writer.u64(1);
  ReadFailure failure;
  ByteReader reader(writer.view(), 0, "it", failure);
  (void)reader.u32();
  CHECK(reader.bytes(std::numeric_limits<std::uint64_t>::max()).empty());
  CHECK_FALSE(reader.ok());
}

TEST_CASE("flags are 0 or 1 and an end is an end") {
  ByteWriter writer;
  writer.u8(2);
  ReadFailure failure;
  ByteReader reader(writer.view(), 0, "it", failure);
  (void)reader.flag();
  CHECK_FALSE(reader.ok());
  ReadFailure other_failure;
  ByteReader early(writer.view(), 0, "it", other_failure);
  early.expect_end();
  CHECK_FALSE(early.ok());
}
