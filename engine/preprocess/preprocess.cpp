#include "narrow/preprocess.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

#include "base/float_environment.h"
#include "base/text.h"
#include "base/try.h"
#include "engine/isa/isa_choice.h"
#include "engine/preprocess/crop.h"
#include "engine/preprocess/preprocess_resize.h"
#include "kernels/cpu_features.h"
#include "narrow/image_view.h"
#include "narrow/preprocessor.h"

namespace narrow {
inline namespace v0 {
namespace {

constexpr std::size_t kChannels = 3;
constexpr int kMaxPreprocessedSide = 8192;

constexpr std::array<float, 3> kImagenetMean{0.485F, 0.456F, 0.406F};
constexpr std::array<float, 3> kImagenetStd{0.229F, 0.224F, 0.225F};

constexpr std::array<std::string_view, 6> kInterpolationNames{"bilinear", "nearest", "bicubic",
                                                              "area",     "lanczos", "hamming"};

struct Preset {
  std::string_view name;
  Preprocessing preprocessing;
};

const std::array<Preset, 7>& presets() {
  static const std::array<Preset, 7> all{{
      {"imagenet", {256, 224, 224, kImagenetMean, kImagenetStd}},
      {"imagenet-crop", {std::nullopt, 224, 224, kImagenetMean, kImagenetStd}},
      {"cifar10", {32, 32, 32, {0.4914F, 0.4822F, 0.4465F}, {0.2023F, 0.1994F, 0.2010F}}},
      {"cifar10-imagenet", {32, 32, 32, kImagenetMean, kImagenetStd}},
      {"mobilenet-tf", {256, 224, 224, {0.5F, 0.5F, 0.5F}, {0.5F, 0.5F, 0.5F}}},
      {"raw", {32, 32, 32, {0.0F, 0.0F, 0.0F}, {1.0F / 255.0F, 1.0F / 255.0F, 1.0F / 255.0F}}},
      {"mnist", {28, 28, 28, {0.1307F, 0.0F, 0.0F}, {0.3081F, 1.0F, 1.0F}, Interpolation::kBilinear, 1}},
  }};
  return all;
}

Error invalid(base::Pieces message) {
  return Error{ErrorCode::kInvalidArgument, base::joined(message), "preprocessing"};
}

Error no_memory() { return Error{ErrorCode::kLimit, "not enough memory to resize the image", "preprocessing"}; }

Status check_image(const Picture& image) {
  if (image.width < 1 || image.height < 1) {
    return invalid({"the image is empty (", image.width, " x ", image.height, " pixels)"});
  }
  // The product of two positive ints and 3 fits into 64 bits.
  const std::uint64_t elems =
      std::uint64_t{kChannels} * static_cast<std::uint64_t>(image.width) * static_cast<std::uint64_t>(image.height);
  if (image.rgb.size() != elems) {
    return invalid({"the image's buffer has ", image.rgb.size(), " bytes, but ", image.width, " x ", image.height,
                    " RGB pixels need ", elems});
  }
  if (image.orientation < 1 || image.orientation > 8) {
    return invalid({"the image's orientation is ", image.orientation, ", but must be 1..8"});
  }
  return {};
}

// EXIF's orientations: where the pixel at row y, column x of the upright image is in the stored one.
Picture turned_upright(const Picture& image) {
  const int orientation = image.orientation;
  const bool transposed = orientation >= 5;  // rows of the upright image are columns of the stored one
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const auto stored_width = static_cast<std::size_t>(image.width);
  const auto stored_height = static_cast<std::size_t>(image.height);
  const std::size_t width = transposed ? stored_height : stored_width;
  const std::size_t height = transposed ? stored_width : stored_height;
  Picture turned{static_cast<int>(width), static_cast<int>(height), {}};
  turned.rgb.resize(image.rgb.size());
  std::uint8_t* out = turned.rgb.data();
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x, out += kChannels) {
      std::size_t column = transposed ? y : x;
      std::size_t row = transposed ? x : y;
      if (from_right) column = stored_width - 1 - column;
      if (from_bottom) row = stored_height - 1 - row;
      std::memcpy(out, image.rgb.data() + (row * stored_width + column) * kChannels, kChannels);
    }
  }
  return turned;
}

}  // namespace

std::string_view to_string(Interpolation interpolation) {
  const auto index = static_cast<std::size_t>(interpolation);
  return index < kInterpolationNames.size() ? kInterpolationNames[index] : "unknown";
}

Result<Preprocessing> preprocessing_preset(std::string_view name) {
  for (const Preset& preset : presets()) {
    if (preset.name == name) return preset.preprocessing;
  }
  std::string known;
  for (const Preset& preset : presets()) known += (known.empty() ? "" : ", ") + std::string(preset.name);
  return Error{ErrorCode::kNotFound, "unknown preprocessing '" + std::string(name) + "'; known are " + known,
               "preprocessing"};
}

std::vector<std::string> preprocessing_presets() {
  std::vector<std::string> names;
  for (const Preset& preset : presets()) names.emplace_back(preset.name);
  return names;
}

Preprocessing with_channels_of(const Preprocessing& preprocessing, std::int64_t channels) {
  const auto alike = [](const std::array<float, 3>& numbers) {
    return numbers[1] == numbers[0] && numbers[2] == numbers[0];
  };
  if (channels != 1 || preprocessing.channels != 3 || !alike(preprocessing.mean) || !alike(preprocessing.std)) {
    return preprocessing;
  }
  Preprocessing gray = preprocessing;
  gray.channels = 1;
  gray.order = ChannelOrder::kRgb;
  gray.mean = {preprocessing.mean[0], 0.0F, 0.0F};
  gray.std = {preprocessing.std[0], 1.0F, 1.0F};
  return gray;
}

Status validate(const Preprocessing& preprocessing) {
  const auto check_side = [](const char* what, int side) -> Status {
    if (side >= 1 && side <= kMaxPreprocessedSide) return {};
    return invalid({what, " is ", side, ", but must be 1..", kMaxPreprocessedSide});
  };
  if (preprocessing.resize) NARROW_TRY(check_side("resize", *preprocessing.resize));
  if (preprocessing.resize_width) NARROW_TRY(check_side("resize_width", *preprocessing.resize_width));
  if (preprocessing.resize_width && !preprocessing.resize) return invalid({"resize_width is given without resize"});
  NARROW_TRY(check_side("crop_height", preprocessing.crop_height));
  NARROW_TRY(check_side("crop_width", preprocessing.crop_width));
  for (std::size_t c = 0; c < kChannels; ++c) {
    if (!std::isfinite(preprocessing.mean[c])) {
      return invalid({"mean of channel ", c, " is not a finite number"});
    }
    if (!std::isfinite(preprocessing.std[c]) || preprocessing.std[c] <= 0.0F) {
      return invalid(
          {"std of channel ", c, " is ", std::to_string(preprocessing.std[c]), ", but must be finite and above 0"});
    }
    const float largest = std::max(std::fabs(0.0F - preprocessing.mean[c]), std::fabs(1.0F - preprocessing.mean[c]));
    if (!std::isfinite(largest / preprocessing.std[c])) {
      return invalid({"mean and std of channel ", c, " give values that are not finite"});
    }
  }
  const auto interpolation = static_cast<std::size_t>(preprocessing.interpolation);
  if (interpolation >= kInterpolationNames.size()) return invalid({"unknown interpolation"});
  if (!preprocessing.antialias && (preprocessing.interpolation == Interpolation::kLanczos ||
                                   preprocessing.interpolation == Interpolation::kHamming)) {
    return invalid({"interpolation ", to_string(preprocessing.interpolation),
                    " is antialiased; without antialiasing there are bilinear, bicubic, area and nearest"});
  }
  if (preprocessing.channels != 1 && preprocessing.channels != 3) {
    return invalid({"channels is ", preprocessing.channels, ", but must be 1 (gray) or 3"});
  }
  if (preprocessing.order != ChannelOrder::kRgb &&
      (preprocessing.order != ChannelOrder::kBgr || preprocessing.channels != 3)) {
    return invalid({"order must be rgb or, with 3 channels, bgr"});
  }
  return {};
}

Result<Picture> upright(const Picture& image) {
  NARROW_TRY(check_image(image));
  try {
    return image.orientation == 1 ? image : turned_upright(image);
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
}

Result<Picture> resize_and_crop(const Picture& image, const Preprocessing& preprocessing) {
  const base::DefaultFloatEnvironment environment;
  NARROW_TRY(validate(preprocessing));
  NARROW_TRY(check_image(image));
  if (preprocessing.exif_orientation && image.orientation != 1) {
    Preprocessing rest = preprocessing;
    rest.exif_orientation = false;
    try {
      return resize_and_crop(turned_upright(image), rest);
    } catch (const std::bad_alloc&) {
      return no_memory();
    }
  }
  const auto [width, height] = engine::resized_size(image.width, image.height, preprocessing);
  const engine::CropAxis x = engine::center_crop(width, preprocessing.crop_width);
  const engine::CropAxis y = engine::center_crop(height, preprocessing.crop_height);
  try {
    NARROW_ASSIGN(Picture taken, engine::resize_box(image, width, height, {x.begin, y.begin, x.count, y.count},
                                                    preprocessing.interpolation, preprocessing.antialias));
    if (x.count == preprocessing.crop_width && y.count == preprocessing.crop_height) return taken;

    const auto crop_width = static_cast<std::size_t>(preprocessing.crop_width);
    Picture padded{preprocessing.crop_width, preprocessing.crop_height, {}};
    padded.rgb.assign(crop_width * static_cast<std::size_t>(preprocessing.crop_height) * kChannels, 0);
    const std::size_t row_bytes = static_cast<std::size_t>(x.count) * kChannels;
    for (std::int64_t row = 0; row < y.count; ++row) {
      const std::size_t to = static_cast<std::size_t>(y.before + row) * crop_width + static_cast<std::size_t>(x.before);
      std::memcpy(padded.rgb.data() + to * kChannels, taken.rgb.data() + static_cast<std::size_t>(row) * row_bytes,
                  row_bytes);
    }
    return padded;
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
}

Status preprocess(const Picture& image, const Preprocessing& preprocessing, std::span<float> out) {
  NARROW_ASSIGN(Preprocessor preprocessor, Preprocessor::create(preprocessing, std::nullopt,
                                                                std::string(kernels::isa_name(engine::fastest_isa()))));
  NARROW_TRY(engine::check_output(preprocessing, out.size(), "floats"));
  NARROW_TRY(check_image(image));
  if (!preprocessing.exif_orientation || image.orientation == 1) return preprocessor.run(view_of(image), out);
  NARROW_ASSIGN(const Picture turned, upright(image));
  return preprocessor.run(view_of(turned), out);
}

}  // namespace v0
}  // namespace narrow
