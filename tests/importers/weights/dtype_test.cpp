// Conversion of element types to float32.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "importers/weights/dtype.h"
#include "tests/importers/torch/checkpoint_support.h"
#include "tests/importers/torch/checkpoint_writer.h"

using namespace narrow::testing;
using narrow::importers::DType;
using narrow::importers::to_float32;

namespace {

template <class T>
std::vector<float> convert(DType dtype, const std::vector<T>& values) {
  std::string bytes("x");  // odd, so that nothing is aligned
  bytes.resize(1 + values.size() * sizeof(T));
  std::memcpy(bytes.data() + 1, values.data(), values.size() * sizeof(T));
  std::vector<float> out(values.size());
  to_float32(dtype, as_span(bytes).data() + 1, 1, static_cast<std::int64_t>(values.size()), out.data());
  return out;
}

// The value of a float16 by its definition: sign, five bits of exponent, ten of fraction.
double half_value(unsigned bits) {
  const double sign = (bits & 0x8000U) != 0 ? -1 : 1;
  const int exponent = static_cast<int>((bits >> 10U) & 31U);
  const double fraction = bits & 1023U;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

}  // namespace

TEST_CASE("torch float16 of every bit pattern is converted exactly") {
  std::vector<std::uint16_t> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  const std::vector<float> values = convert(DType::kFloat16, all);
  for (unsigned bits = 0; bits < 65536; ++bits) {
    CAPTURE(bits);
    if ((bits & 0x7C00U) != 0x7C00U) {
      REQUIRE(values[bits] == half_value(bits));
      REQUIRE(std::signbit(values[bits]) == ((bits & 0x8000U) != 0));
    } else if ((bits & 0x3FFU) == 0) {
      REQUIRE(std::isinf(values[bits]));
      REQUIRE(std::signbit(values[bits]) == ((bits & 0x8000U) != 0));
    } else {
      REQUIRE(std::isnan(values[bits]));
    }
  }
}

TEST_CASE("torch bfloat16 is the upper half of a float32") {
  const std::vector<float> values = convert<std::uint16_t>(DType::kBFloat16, {0x3F80, 0xC040, 0x0001, 0x7F80});
  CHECK(values[0] == 1.0F);
  CHECK(values[1] == -3.0F);
  CHECK(values[2] == std::bit_cast<float>(0x00010000U));
  CHECK(std::isinf(values[3]));
}

TEST_CASE("torch float64 and integers become the nearest float32") {
  CHECK(convert<double>(DType::kFloat64, {0.1, -1e300, 1.0 + 0x1p-24, 1.0 + 3 * 0x1p-24})[0] == 0.1F);
  CHECK(convert<double>(DType::kFloat64, {1.0 + 0x1p-24, 1.0 + 3 * 0x1p-24}) ==
        std::vector<float>{1.0F, 1.0F + 0x1p-22F});
  CHECK(std::isinf(convert<double>(DType::kFloat64, {-1e300})[0]));
  CHECK(convert<std::int64_t>(DType::kInt64, {INT64_MIN, -1, (1 << 24) + 1}) ==
        std::vector<float>{-0x1p63F, -1.0F, 0x1p24F});
  CHECK(convert<std::int32_t>(DType::kInt32, {INT32_MIN, 7}) == std::vector<float>{-0x1p31F, 7.0F});
  CHECK(convert<std::int16_t>(DType::kInt16, {-32768, 32767}) == std::vector<float>{-32768.0F, 32767.0F});
  CHECK(convert<std::int8_t>(DType::kInt8, {-128, 127}) == std::vector<float>{-128.0F, 127.0F});
  CHECK(convert<std::uint8_t>(DType::kUint8, {0, 255}) == std::vector<float>{0.0F, 255.0F});
  CHECK(convert<std::uint8_t>(DType::kBool, {0, 1, 2}) == std::vector<float>{0.0F, 1.0F, 1.0F});
  CHECK(convert<float>(DType::kFloat32, {-0.0F, 3e38F}) == std::vector<float>{0.0F, 3e38F});
}

TEST_CASE("torch storages of every type are read from a checkpoint") {
  const std::pair<const char*, std::string> cases[] = {
      {"DoubleStorage", std::string("\0\0\0\0\0\0\x08\xc0", 8)},
      {"FloatStorage", std::string("\0\0\x40\xc0", 4)},
      {"HalfStorage", std::string("\0\xc2", 2)},
      {"BFloat16Storage", std::string("\x40\xc0", 2)},
      {"LongStorage", "\xfd" + std::string(7, '\xff')},
      {"IntStorage", "\xfd\xff\xff\xff"},
      {"ShortStorage", "\xfd\xff"},
      {"CharStorage", "\xfd"},
  };
  for (const auto& item : cases) {
    const auto& [type, bytes] = item;
    CAPTURE(item.first);
    const std::string pickle = PickleWriter().raw("}").text("a").tensor(type, "0", 1, 0, {}, {}).raw("s").stop();
    for (const std::string& file : {zip_checkpoint(pickle, {bytes}), stream_checkpoint(pickle, {{1, bytes}})}) {
      const auto weights = parse(file);
      REQUIRE(weights.ok());
      CHECK(weights->entries[0].second.values == std::vector<float>{-3.0F});
    }
  }
  for (const auto& [type, value] : {std::pair{"ByteStorage", 5.0F}, {"BoolStorage", 1.0F}}) {
    const std::string pickle = PickleWriter().raw("}").text("a").tensor(type, "0", 1, 0, {}, {}).raw("s").stop();
    const auto weights = parse(zip_checkpoint(pickle, {"\x05"}));
    REQUIRE(weights.ok());
    CHECK(weights->entries[0].second.values == std::vector<float>{value});
  }
}
