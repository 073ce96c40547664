#include "engine/preprocess/pixel_rows.h"

#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "base/guarded.h"
#include "base/text.h"
#include "base/try.h"

namespace narrow {
inline namespace v0 {
namespace {

Error bad_view(base::Pieces message) { return Error{ErrorCode::kInvalidArgument, base::joined(message), "image"}; }

bool has_chroma(PixelLayout layout) { return layout == PixelLayout::kNv12 || layout == PixelLayout::kI420; }

// Bytes of a pixel, or of its luma.
std::int64_t bytes_of_pixel(PixelLayout layout) {
  switch (layout) {
    case PixelLayout::kRgb:
    case PixelLayout::kBgr:
      return 3;
    case PixelLayout::kRgba:
    case PixelLayout::kBgra:
      return 4;
    case PixelLayout::kGray:
    case PixelLayout::kNv12:
    case PixelLayout::kI420:
      break;
  }
  return 1;
}

std::string size_of(std::int64_t width, std::int64_t height) { return base::joined({width, " x ", height}); }

// Strides beyond this are none of memory, and their products with a row could overflow.
constexpr std::int64_t kMostStride = std::int64_t{1} << 31;

bool holds_row(std::ptrdiff_t stride, std::int64_t row_bytes) {
  return stride == 0 || (stride >= row_bytes && stride <= kMostStride) ||
         (stride <= -row_bytes && stride >= -kMostStride);
}

Status check_chroma(const ImageView& view) {
  if (!has_chroma(view.layout)) return {};
  if (view.width % 2 != 0 || view.height % 2 != 0) {
    return bad_view({"an image with chroma at half the resolution has an even width and height, not ",
                     size_of(view.width, view.height)});
  }
  if ((view.u == nullptr) != (view.v == nullptr) && (view.layout == PixelLayout::kI420 || view.u == nullptr)) {
    return bad_view({"only one of the planes of U and V is given; give both or none"});
  }
  if (view.u == nullptr && view.stride < 0) {
    return bad_view({"rows that go upwards need the planes of U and V, because they do not follow the luma"});
  }
  const std::int64_t row = view.layout == PixelLayout::kNv12 ? view.width : view.width / 2;
  if (!holds_row(view.chroma_stride, row)) {
    return bad_view({"a row of chroma has ", row, " bytes, but chroma_stride is ", view.chroma_stride});
  }
  return {};
}

}  // namespace

Status validate(const ImageView& view) {
  const auto layout = static_cast<int>(view.layout);
  if (layout < 0 || layout > static_cast<int>(PixelLayout::kI420)) return bad_view({"unknown layout of pixels"});
  const auto coding = static_cast<int>(view.coding);
  if (coding < 0 || coding > static_cast<int>(YuvCoding::kBt709)) return bad_view({"unknown coding of chroma"});
  if (view.width < 1 || view.height < 1) {
    return bad_view({"the image is empty (", size_of(view.width, view.height), " pixels)"});
  }
  if (view.data == nullptr) return bad_view({"the image has no data"});
  const std::int64_t row = bytes_of_pixel(view.layout) * view.width;
  if (!holds_row(view.stride, row)) {
    return bad_view({"a row has ", row, " bytes, but stride is ", view.stride});
  }
  NARROW_TRY(check_chroma(view));
  if (!view.roi) return {};
  const PixelRect& part = *view.roi;
  if (part.left < 0 || part.top < 0 || part.width < 1 || part.height < 1 ||
      std::int64_t{part.left} + part.width > view.width || std::int64_t{part.top} + part.height > view.height) {
    return bad_view({"the part of ", size_of(part.width, part.height), " pixels at ", part.left, ", ", part.top,
                     " is empty or not inside the image of ", size_of(view.width, view.height)});
  }
  return {};
}

ImageView view_of(const Picture& image) {
  ImageView view;
  view.data = image.rgb.data();
  view.width = image.width;
  view.height = image.height;
  return view;
}

Result<Picture> to_picture(const ImageView& view) {
  return base::guarded([&]() -> Result<Picture> {
    NARROW_TRY(validate(view));
    const engine::PixelRows all(view, kernels::pixel_kernels(Isa::kScalar));
    Picture image{static_cast<int>(all.width()), static_cast<int>(all.height()), {}};
    image.rgb.resize(static_cast<std::size_t>(all.width() * all.height()) * 3);
    std::vector<std::uint8_t> workspace(all.workspace_bytes(1));
    std::uint8_t* out = image.rgb.data();
    for (std::int64_t y = 0; y < all.height(); ++y) {
      const engine::PixelRows::Rows row = all.rows(y, 1, 0, all.width(), workspace);
      const std::uint8_t* pixel = row.pixels;
      for (std::int64_t x = 0; x < all.width(); ++x, pixel += row.pixel_bytes, out += 3) {
        out[0] = pixel[all.blue_first() ? 2 : 0];
        out[1] = pixel[1];
        out[2] = pixel[all.blue_first() ? 0 : 2];
      }
    }
    return image;
  });
}

}  // namespace v0
}  // namespace narrow

namespace narrow::engine {
namespace {

constexpr std::int64_t kConvertedBytes = 4;  // of a converted pixel

// Rec. ITU-R BT.601 and BT.709, times 2^20. Those of kBt601 are OpenCV's, which rounds them to three digits first.
kernels::YuvCoefficients coefficients(YuvCoding coding) {
  switch (coding) {
    case YuvCoding::kBt601Full:
      return {0, 1048576, 1470104, -360853, -748826, 1858077};
    case YuvCoding::kBt709:
      return {16, 1220945, 1879825, -223607, -558796, 2215014};
    case YuvCoding::kBt601:
      break;
  }
  return {16, 1220542, 1673527, -409993, -852492, 2116026};
}

}  // namespace

PixelRows::PixelRows(const ImageView& view, const kernels::PixelKernels& kernels)
    : view_(view), part_(view.roi.value_or(PixelRect{0, 0, view.width, view.height})), kernels_(kernels) {
  if (view_.stride == 0) view_.stride = bytes_of_pixel(view.layout) * view.width;
  if (!has_chroma(view.layout)) return;
  const bool together = view.layout == PixelLayout::kNv12;
  if (view_.chroma_stride == 0) view_.chroma_stride = together ? view_.stride : view_.stride / 2;
  if (view_.u == nullptr) view_.u = view_.data + view_.stride * view_.height;
  if (view_.v == nullptr) view_.v = together ? view_.u + 1 : view_.u + view_.chroma_stride * (view_.height / 2);
}

std::size_t PixelRows::workspace_bytes(std::int64_t count) const {
  if (bytes_of_pixel(view_.layout) != 1) return 0;
  // One pixel more, because the conversion begins at an even one.
  return static_cast<std::size_t>(count * (part_.width + 1) * kConvertedBytes);
}

void PixelRows::convert(std::int64_t y, std::int64_t begin, std::int64_t end, std::uint8_t* out) const {
  const std::uint8_t* const luma = view_.data + (part_.top + y) * view_.stride;
  if (view_.layout == PixelLayout::kGray) {
    const std::uint8_t* const gray = luma + part_.left;
    for (std::int64_t x = begin; x < end; ++x) {
      const std::uint32_t pixel = gray[x] * 0x01010101U;
      std::memcpy(out + (x + 1) * kConvertedBytes, &pixel, sizeof pixel);
    }
    return;
  }
  const std::int64_t first = (part_.left + begin) / 2 * 2;
  const std::ptrdiff_t chroma = (part_.top + y) / 2 * view_.chroma_stride;
  kernels_.yuv_row({.y = luma,
                    .u = view_.u + chroma,
                    .v = view_.v + chroma,
                    .chroma_step = view_.layout == PixelLayout::kNv12 ? 2 : 1,
                    .begin = first,
                    .end = part_.left + end,
                    .coefficients = coefficients(view_.coding),
                    .output = out + (first - part_.left + 1) * kConvertedBytes});
}

PixelRows::Rows PixelRows::rows(std::int64_t y, std::int64_t count, std::int64_t begin, std::int64_t end,
                                std::span<std::uint8_t> workspace) const {
  const std::int64_t pixel_bytes = bytes_of_pixel(view_.layout);
  if (pixel_bytes != 1) {
    return {view_.data + (part_.top + y) * view_.stride + part_.left * pixel_bytes, view_.stride, pixel_bytes};
  }
  const std::int64_t stride = (part_.width + 1) * kConvertedBytes;
  for (std::int64_t i = 0; i < count; ++i) convert(y + i, begin, end, workspace.data() + i * stride);
  return {workspace.data() + kConvertedBytes, stride, kConvertedBytes};
}

}  // namespace narrow::engine
