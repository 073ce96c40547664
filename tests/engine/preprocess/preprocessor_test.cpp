// Frames in any layout become what preprocess() makes of the same pixels, on every ISA, and nothing outside a frame is
// read.
#include "narrow/preprocessor.h"

#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/elementwise.h"
#include "narrow/session.h"
#include "tests/kernels/compare.h"
#include "tests/kernels/guarded_buffer.h"
#include "tests/support/allocations/allocations.h"
#include "tests/support/data.h"
#include "tests/support/hash.h"
#include "tests/support/random.h"

namespace {

using namespace narrow;
using narrow::testing::allocations;
using narrow::testing::difference;
using narrow::testing::fnv1a;
using narrow::testing::GuardedBuffer;
using narrow::testing::random_below;
using narrow::testing::random_bytes;

constexpr PixelLayout kLayouts[] = {PixelLayout::kRgb,  PixelLayout::kBgr,  PixelLayout::kRgba, PixelLayout::kBgra,
                                    PixelLayout::kGray, PixelLayout::kNv12, PixelLayout::kI420};

bool is_video(PixelLayout layout) { return layout == PixelLayout::kNv12 || layout == PixelLayout::kI420; }

std::int64_t row_bytes(PixelLayout layout, int width) {
  if (layout == PixelLayout::kRgb || layout == PixelLayout::kBgr) return std::int64_t{3} * width;
  return layout == PixelLayout::kRgba || layout == PixelLayout::kBgra ? std::int64_t{4} * width : width;
}

// Bytes of a frame without gaps.
std::int64_t frame_bytes(PixelLayout layout, int width, int height) {
  const std::int64_t bytes = row_bytes(layout, width) * height;
  return is_video(layout) ? bytes / 2 * 3 : bytes;
}

ImageView frame(const std::uint8_t* data, PixelLayout layout, int width, int height) {
  ImageView view;
  view.data = data;
  view.width = width;
  view.height = height;
  view.layout = layout;
  return view;
}

// The same sequence as that of OpenCV's values below.
std::vector<std::uint8_t> fixed_bytes(std::int64_t count) {
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count));
  std::uint32_t state = 1;
  for (std::uint8_t& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return bytes;
}

Preprocessing resize_to(int resize, int height, int width) {
  Preprocessing preprocessing = preprocessing_preset("imagenet").value();
  preprocessing.resize = resize;
  preprocessing.crop_height = height;
  preprocessing.crop_width = width;
  return preprocessing;
}

// Each way to prepare that has code of its own.
std::vector<Preprocessing> ways() {
  std::vector<Preprocessing> all = {resize_to(20, 17, 18), resize_to(40, 32, 32), resize_to(8, 12, 9)};
  all.push_back(all[0]);
  all.back().resize = std::nullopt;  // larger and smaller than the crop
  all.push_back(all[0]);
  all.back().interpolation = Interpolation::kBicubic;
  all.back().order = ChannelOrder::kBgr;
  all.push_back(all[0]);
  all.back().channels = 1;
  all.back().resize_width = 31;
  all.push_back(all[0]);
  all.back().interpolation = Interpolation::kNearest;
  all.push_back(all[0]);
  all.back().antialias = false;
  all.back().order = ChannelOrder::kBgr;
  return all;
}

template <class T>
std::vector<T> prepared(Preprocessor& preprocessor, const ImageView& view) {
  std::vector<T> out(preprocessor.output_elems());
  const Status status = preprocessor.run(view, std::span<T>(out));
  REQUIRE(status.ok());
  return out;
}

std::vector<float> reference(const Picture& image, const Preprocessing& preprocessing) {
  std::vector<float> out(static_cast<std::size_t>(preprocessing.crop_height) *
                         static_cast<std::size_t>(preprocessing.crop_width) *
                         static_cast<std::size_t>(preprocessing.channels));
  REQUIRE(preprocess(image, preprocessing, out).ok());
  return out;
}

}  // namespace

TEST_CASE("a frame of video has the RGB values of OpenCV's cvtColor") {
  constexpr int kWidth = 10;
  constexpr int kHeight = 6;
  const std::vector<std::uint8_t> bytes = fixed_bytes(kWidth * kHeight * 3 / 2);
  ImageView nv21 = frame(bytes.data(), PixelLayout::kNv12, kWidth, kHeight);
  CHECK(fnv1a(to_picture(nv21).value().rgb) == 0x1bb88fa3e1e86f27ULL);
  nv21.v = bytes.data() + kWidth * kHeight;
  nv21.u = nv21.v + 1;
  CHECK(fnv1a(to_picture(nv21).value().rgb) == 0x4f091c4239d4fdf6ULL);
  CHECK(fnv1a(to_picture(frame(bytes.data(), PixelLayout::kI420, kWidth, kHeight)).value().rgb) ==
        0x70cfdba81babac22ULL);
}

TEST_CASE("the channels of each layout are where its name says") {
  const std::vector<std::uint8_t> bytes = {1, 2, 3, 4, 5, 6, 7, 8};
  const auto rgb = [&](PixelLayout layout) { return to_picture(frame(bytes.data(), layout, 2, 1)).value().rgb; };
  CHECK(rgb(PixelLayout::kRgb) == std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6});
  CHECK(rgb(PixelLayout::kBgr) == std::vector<std::uint8_t>{3, 2, 1, 6, 5, 4});
  CHECK(rgb(PixelLayout::kRgba) == std::vector<std::uint8_t>{1, 2, 3, 5, 6, 7});
  CHECK(rgb(PixelLayout::kBgra) == std::vector<std::uint8_t>{3, 2, 1, 7, 6, 5});
  CHECK(rgb(PixelLayout::kGray) == std::vector<std::uint8_t>{1, 1, 1, 2, 2, 2});
}

TEST_CASE("every layout, part and way to prepare gives what preprocess() gives for the same pixels, on every ISA") {
  std::mt19937 random(narrow::testing::seed());
  for (const Preprocessing& way : ways()) {
    for (const std::string& isa : available_isas()) {
      // One preprocessor for all, so that it changes from one size and layout to another.
      Preprocessor preprocessor = Preprocessor::create(way, std::nullopt, isa).value();
      for (const PixelLayout layout : kLayouts) {
        for (const bool whole : {true, false}) {
          const int width = 2 + 2 * random_below(random, 40);
          const int height = 2 + 2 * random_below(random, 40);
          GuardedBuffer<std::uint8_t> bytes(random_bytes(random, frame_bytes(layout, width, height)),
                                            whole ? narrow::testing::Against::kEnd : narrow::testing::Against::kBegin);
          ImageView view = frame(bytes.data(), layout, width, height);
          if (!whole) {
            PixelRect part;
            part.left = random_below(random, width);
            part.top = random_below(random, height);
            part.width = 1 + random_below(random, width - part.left);
            part.height = 1 + random_below(random, height - part.top);
            view.roi = part;
          }
          CAPTURE(isa);
          CAPTURE(static_cast<int>(layout));
          CAPTURE(width);
          CAPTURE(height);
          CHECK(difference(reference(to_picture(view).value(), way), prepared<float>(preprocessor, view)) == "");
        }
      }
    }
  }
}

TEST_CASE("rows with gaps, rows that go upwards and planes apart are the same frame") {
  std::mt19937 random(narrow::testing::seed());
  const Preprocessing way = resize_to(20, 17, 18);
  Preprocessor preprocessor = Preprocessor::create(way).value();
  constexpr int kWidth = 34;
  constexpr int kHeight = 26;
  for (const PixelLayout layout : kLayouts) {
    CAPTURE(static_cast<int>(layout));
    const std::vector<std::uint8_t> dense = random_bytes(random, frame_bytes(layout, kWidth, kHeight));
    const ImageView view = frame(dense.data(), layout, kWidth, kHeight);
    const std::vector<float> expected = prepared<float>(preprocessor, view);

    const std::int64_t row = row_bytes(layout, kWidth);
    const std::int64_t stride = row + 7;
    std::vector<std::uint8_t> gaps(static_cast<std::size_t>(stride * kHeight), 99);
    std::vector<std::uint8_t> upwards = gaps;
    for (std::int64_t y = 0; y < kHeight; ++y) {
      std::memcpy(gaps.data() + y * stride, dense.data() + y * row, static_cast<std::size_t>(row));
      std::memcpy(upwards.data() + (kHeight - 1 - y) * stride, dense.data() + y * row, static_cast<std::size_t>(row));
    }
    ImageView with_gaps = frame(gaps.data(), layout, kWidth, kHeight);
    with_gaps.stride = stride;
    if (is_video(layout)) {
      with_gaps.u = dense.data() + row * kHeight;
      with_gaps.v = layout == PixelLayout::kNv12 ? with_gaps.u + 1 : with_gaps.u + row * kHeight / 4;
      with_gaps.chroma_stride = layout == PixelLayout::kNv12 ? row : row / 2;
    }
    CHECK(difference(expected, prepared<float>(preprocessor, with_gaps)) == "");
    with_gaps.data = upwards.data() + stride * (kHeight - 1);
    with_gaps.stride = -stride;
    CHECK(difference(expected, prepared<float>(preprocessor, with_gaps)) == "");
  }
}

TEST_CASE("integers are the floats in the network's quantization") {
  std::mt19937 random(narrow::testing::seed());
  const std::vector<std::uint8_t> bytes = random_bytes(random, 50 * 40 * 3);
  const ImageView view = frame(bytes.data(), PixelLayout::kBgr, 50, 40);
  for (const Quantization& quantization :
       {Quantization{0.0186F, 114, {0, 255}}, Quantization{0.3F, 8, {0, 15}}, Quantization{2.0F, 1, {0, 3}}}) {
    for (const Preprocessing& way : ways()) {
      Preprocessor preprocessor = Preprocessor::create(way, quantization).value();
      const std::vector<float> floats = prepared<float>(preprocessor, view);
      std::vector<std::uint8_t> expected(floats.size());
      kernels::elementwise_kernels(Isa::kScalar)
          .quantize({floats.data(), expected.data(), static_cast<std::int64_t>(floats.size()), quantization});
      CHECK(difference(expected, prepared<std::uint8_t>(preprocessor, view)) == "");
    }
  }
}

TEST_CASE("the second frame of a size allocates nothing") {
  std::mt19937 random(narrow::testing::seed());
  Preprocessor preprocessor = Preprocessor::create(resize_to(20, 17, 18), Quantization{0.0186F, 114, {0, 255}}).value();
  std::vector<float> floats(preprocessor.output_elems());
  std::vector<std::uint8_t> integers(floats.size());
  for (const PixelLayout layout : kLayouts) {
    const std::vector<std::uint8_t> bytes = random_bytes(random, frame_bytes(layout, 64, 48));
    ImageView view = frame(bytes.data(), layout, 64, 48);
    REQUIRE(preprocessor.run(view, std::span<float>(floats)).ok());
    const long before = allocations();
    const bool ok = preprocessor.run(view, std::span<float>(floats)).ok() &&
                    preprocessor.run(view, std::span<std::uint8_t>(integers)).ok();
    const long after = allocations();
    CHECK(ok);
    CHECK(after == before);
    // A part of another size needs another filter.
    view.roi = PixelRect{0, 0, 32, 24};
    REQUIRE(preprocessor.run(view, std::span<float>(floats)).ok());
    CHECK(allocations() > after);
  }
}

TEST_CASE("views that can't be, outputs of another size and integers without a quantization are refused") {
  const std::vector<std::uint8_t> bytes(1000);
  const auto refusal = [](const ImageView& view) {
    const Status status = validate(view);
    return status.ok() ? std::string("accepted") : status.error().message;
  };
  ImageView good = frame(bytes.data(), PixelLayout::kRgb, 10, 8);
  CHECK(refusal(good) == "accepted");
  struct Case {
    const char* says;
    void (*change)(ImageView& view);
  };
  const Case cases[] = {
      {"no data", [](ImageView& view) { view.data = nullptr; }},
      {"empty (0 x 8", [](ImageView& view) { view.width = 0; }},
      {"empty (10 x -1", [](ImageView& view) { view.height = -1; }},
      {"stride is 29", [](ImageView& view) { view.stride = 29; }},
      {"stride is -29", [](ImageView& view) { view.stride = -29; }},
      {"stride is -9223372036854775808",
       [](ImageView& view) { view.stride = std::numeric_limits<std::ptrdiff_t>::min(); }},
      {"stride is 9223372036854775807",
       [](ImageView& view) { view.stride = std::numeric_limits<std::ptrdiff_t>::max(); }},
      {"chroma_stride is 9223372036854775807",
       [](ImageView& view) {
         view.layout = PixelLayout::kNv12;
         view.chroma_stride = std::numeric_limits<std::ptrdiff_t>::max();
       }},
      {"unknown layout", [](ImageView& view) { view.layout = static_cast<PixelLayout>(7); }},
      {"unknown coding", [](ImageView& view) { view.coding = static_cast<YuvCoding>(-1); }},
      {"not inside",
       [](ImageView& view) {
         view.roi = PixelRect{1, 0, 10, 8};
       }},
      {"not inside",
       [](ImageView& view) {
         view.roi = PixelRect{2147483647, 0, 2147483647, 8};
       }},
      {"not inside",
       [](ImageView& view) {
         view.roi = PixelRect{0, -1, 3, 3};
       }},
      {"is empty",
       [](ImageView& view) {
         view.roi = PixelRect{3, 3, 0, 1};
       }},
      {"even width",
       [](ImageView& view) {
         view.layout = PixelLayout::kNv12;
         view.width = 9;
       }},
      {"even width",
       [](ImageView& view) {
         view.layout = PixelLayout::kI420;
         view.height = 7;
       }},
      {"give both or none",
       [](ImageView& view) {
         view.layout = PixelLayout::kI420;
         view.u = view.data;
       }},
      {"need the planes",
       [](ImageView& view) {
         view.layout = PixelLayout::kNv12;
         view.stride = -10;
       }},
      {"chroma_stride is 4",
       [](ImageView& view) {
         view.layout = PixelLayout::kI420;
         view.chroma_stride = 4;
       }},
  };
  for (const Case& refused : cases) {
    ImageView view = good;
    refused.change(view);
    CAPTURE(refused.says);
    CHECK(refusal(view).find(refused.says) != std::string::npos);
  }

  Preprocessor preprocessor = Preprocessor::create(resize_to(20, 17, 18)).value();
  std::vector<float> short_by_one(preprocessor.output_elems() - 1);
  CHECK(preprocessor.run(good, std::span<float>(short_by_one)).error().code == ErrorCode::kInvalidArgument);
  std::vector<std::uint8_t> integers(preprocessor.output_elems());
  CHECK(preprocessor.run(good, std::span<std::uint8_t>(integers)).error().message.find("create()") !=
        std::string::npos);
  for (const Quantization& bad : {Quantization{0.0F, 0, {0, 255}}, Quantization{1.0F, 300, {0, 255}},
                                  Quantization{1.0F, 0, {0, 256}}, Quantization{1.0F, 0, {-1, 255}}}) {
    CHECK_FALSE(Preprocessor::create(resize_to(20, 17, 18), bad).ok());
  }
  CHECK_FALSE(Preprocessor::create(resize_to(20, 17, 18), std::nullopt, "sse9").ok());
}
