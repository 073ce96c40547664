#include "narrow/preprocessor.h"

#include <array>
#include <cmath>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "base/float_environment.h"
#include "base/guarded.h"
#include "base/text.h"
#include "base/try.h"
#include "engine/isa/isa_choice.h"
#include "engine/preprocess/antialiased_resize.h"
#include "engine/preprocess/crop.h"
#include "engine/preprocess/preprocess_resize.h"
#include "kernels/elementwise.h"

namespace narrow {
inline namespace v0 {
namespace {

constexpr std::size_t kPixelValues = 256;
constexpr std::size_t kRgb = 3;

Error bad_call(base::Pieces message) {
  return Error{ErrorCode::kInvalidArgument, base::joined(message), "preprocessing"};
}

// The network's input for each value of each channel, in the network's order.
template <class T>
using ValueTable = std::array<std::array<T, kPixelValues>, kRgb>;

// Three single-precision operations, as in torchvision's ToTensor and Normalize.
ValueTable<float> float_table(const Preprocessing& preprocessing) {
  ValueTable<float> table{};
  for (std::size_t value = 0; value < kPixelValues; ++value) {
    const float unit = static_cast<float>(value) / 255.0F;
    for (std::size_t c = 0; c < kRgb; ++c) {
      table[c][value] = (unit - preprocessing.mean[c]) / preprocessing.std[c];
    }
  }
  return table;
}

ValueTable<std::uint8_t> integer_table(const ValueTable<float>& floats, const Quantization& quantization) {
  ValueTable<std::uint8_t> table{};
  for (std::size_t c = 0; c < kRgb; ++c) {
    kernels::elementwise_kernels(Isa::kScalar)
        .quantize({floats[c].data(), table[c].data(), static_cast<std::int64_t>(kPixelValues), quantization});
  }
  return table;
}

// The luma of Preprocessing::channels == 1. The weights sum to 2^16, so that gray pixels keep their value.
std::uint8_t luma(std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  return static_cast<std::uint8_t>((red * 19595U + green * 38470U + blue * 7471U + 0x8000U) >> 16U);
}

// `pixels` pixels of three bytes to the network's input. red: where a pixel's red is, 0 or 2.
template <class T>
T* write_pixels(const std::uint8_t* pixel, std::int64_t pixels, std::size_t red, const Preprocessing& preprocessing,
                const ValueTable<T>& table, T* out) {
  const std::size_t blue = 2 - red;
  if (preprocessing.channels == 1) {
    for (std::int64_t i = 0; i < pixels; ++i, pixel += kRgb) {
      *out++ = table[0][luma(pixel[red], pixel[1], pixel[blue])];
    }
    return out;
  }
  const std::size_t first = preprocessing.order == ChannelOrder::kBgr ? blue : red;
  const std::size_t last = 2 - first;
  for (std::int64_t i = 0; i < pixels; ++i, pixel += kRgb, out += kRgb) {
    out[0] = table[0][pixel[first]];
    out[1] = table[1][pixel[1]];
    out[2] = table[2][pixel[last]];
  }
  return out;
}

template <class T>
T* write_black(std::int64_t pixels, const Preprocessing& preprocessing, const ValueTable<T>& table, T* out) {
  for (std::int64_t i = 0; i < pixels; ++i) {
    for (std::size_t c = 0; c < static_cast<std::size_t>(preprocessing.channels); ++c) *out++ = table[c][0];
  }
  return out;
}

Status check_quantization(const Quantization& quantization) {
  if (std::isfinite(quantization.scale) && quantization.scale > 0.0F && QRange{0, 255}.contains(quantization.range) &&
      quantization.range.lo <= quantization.range.hi && quantization.range.contains(quantization.zero_point)) {
    return {};
  }
  return bad_call({"the quantization needs a scale above 0, and a range within 0..255 that holds the zero point"});
}

}  // namespace

struct Preprocessor::Impl {
  Impl(const Preprocessing& chosen, Isa chosen_isa)
      : preprocessing(chosen),
        kernels(kernels::pixel_kernels(chosen_isa)),
        resize(kernels),
        floats(float_table(chosen)),
        row(static_cast<std::size_t>(chosen.crop_width) * kRgb) {}

  template <class T>
  [[nodiscard]] Status run(const ImageView& view, const ValueTable<T>& table, std::span<T> out);

  Preprocessing preprocessing;
  const kernels::PixelKernels& kernels;
  engine::AntialiasedResize resize;
  ValueTable<float> floats;
  std::optional<ValueTable<std::uint8_t>> integers;
  std::vector<std::uint8_t> row;  // of the resized image
};

template <class T>
Status Preprocessor::Impl::run(const ImageView& view, const ValueTable<T>& table, std::span<T> out) {
  NARROW_TRY(validate(view));
  const engine::PixelRows source(view, kernels);
  const auto [width, height] =
      engine::resized_size(static_cast<int>(source.width()), static_cast<int>(source.height()), preprocessing);
  NARROW_TRY(engine::check_resize(source.width(), source.height(), width, height));
  const engine::CropAxis x = engine::center_crop(width, preprocessing.crop_width);
  const engine::CropAxis y = engine::center_crop(height, preprocessing.crop_height);
  const engine::PixelBox box{x.begin, y.begin, x.count, y.count};

  const bool keeps_size = width == source.width() && height == source.height();
  const bool by_row = keeps_size || (preprocessing.antialias && preprocessing.interpolation != Interpolation::kNearest);
  Picture resized;
  if (by_row) {
    resize.begin(source, {source.width(), source.height(), width, height, box}, preprocessing.interpolation);
  } else {
    NARROW_ASSIGN(const Picture copy, to_picture(view));
    NARROW_ASSIGN(resized,
                  engine::resize_box(copy, width, height, box, preprocessing.interpolation, preprocessing.antialias));
  }
  const std::size_t red = by_row && source.blue_first() ? 2 : 0;
  const std::int64_t after = preprocessing.crop_width - x.before - x.count;
  const std::int64_t below = preprocessing.crop_height - y.before - y.count;
  T* to = write_black(y.before * preprocessing.crop_width, preprocessing, table, out.data());
  for (std::int64_t i = 0; i < y.count; ++i) {
    const std::uint8_t* pixels = row.data();
    if (by_row) {
      resize.next_row(row.data());
    } else {
      pixels = resized.rgb.data() + i * x.count * static_cast<std::int64_t>(kRgb);
    }
    to = write_black(x.before, preprocessing, table, to);
    to = write_pixels(pixels, x.count, red, preprocessing, table, to);
    to = write_black(after, preprocessing, table, to);
  }
  write_black(below * preprocessing.crop_width, preprocessing, table, to);
  return {};
}

Preprocessor::Preprocessor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Preprocessor::Preprocessor(Preprocessor&&) noexcept = default;
Preprocessor& Preprocessor::operator=(Preprocessor&&) noexcept = default;
Preprocessor::~Preprocessor() = default;

Result<Preprocessor> Preprocessor::create(const Preprocessing& preprocessing,
                                          const std::optional<Quantization>& quantization, const std::string& isa) {
  return base::guarded([&]() -> Result<Preprocessor> {
    const base::DefaultFloatEnvironment environment;
    NARROW_TRY(validate(preprocessing));
    if (quantization) NARROW_TRY(check_quantization(*quantization));
    NARROW_ASSIGN(const Isa chosen, engine::choose_isa(isa, std::getenv("NARROW_ISA"), kernels::cpu_features()));
    auto impl = std::make_unique<Impl>(preprocessing, chosen);
    if (quantization) impl->integers = integer_table(impl->floats, *quantization);
    return Preprocessor(std::move(impl));
  });
}

std::size_t Preprocessor::output_elems() const {
  const Preprocessing& preprocessing = impl_->preprocessing;
  return static_cast<std::size_t>(preprocessing.crop_height) * static_cast<std::size_t>(preprocessing.crop_width) *
         static_cast<std::size_t>(preprocessing.channels);
}

Status Preprocessor::run(const ImageView& view, std::span<float> out) {
  return base::guarded([&]() -> Status {
    const base::DefaultFloatEnvironment environment;
    NARROW_TRY(engine::check_output(impl_->preprocessing, out.size(), "floats"));
    return impl_->run<float>(view, impl_->floats, out);
  });
}

Status Preprocessor::run(const ImageView& view, std::span<std::uint8_t> out) {
  return base::guarded([&]() -> Status {
    const base::DefaultFloatEnvironment environment;
    if (!impl_->integers) {
      return bad_call({"integers need the quantization of the network's input; give it to create()"});
    }
    NARROW_TRY(engine::check_output(impl_->preprocessing, out.size(), "integers"));
    return impl_->run<std::uint8_t>(view, *impl_->integers, out);
  });
}

}  // namespace v0
}  // namespace narrow

namespace narrow::engine {

Status check_output(const Preprocessing& preprocessing, std::size_t elems, const char* what) {
  const std::size_t needed = static_cast<std::size_t>(preprocessing.crop_height) *
                             static_cast<std::size_t>(preprocessing.crop_width) *
                             static_cast<std::size_t>(preprocessing.channels);
  if (elems == needed) return {};
  return bad_call({"the output has ", elems, " ", what, ", but ", preprocessing.crop_height, " x ",
                   preprocessing.crop_width, " x ", preprocessing.channels, " need ", needed});
}

}  // namespace narrow::engine
