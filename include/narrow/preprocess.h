// Converts decoded pixels to the network's input. Part of the runtime: a model holds the preprocessing that it was
// trained with, so its user need not know it.
#pragma once

#include "narrow/detail/needs_cxx20.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narrow/result.h"

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// A decoded image: width * height pixels, RGB, 8 bits, rows from top to bottom.
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;  // [height, width, 3]
  // How the file says that these pixels must be turned or mirrored to be upright: EXIF's Orientation, 1..8. 1: they
  // are.
  int orientation = 1;
};

// Filters of a resize. kArea is the mean of the covered pixels, Pillow's BOX and OpenCV's INTER_AREA.
enum class Interpolation { kBilinear, kNearest, kBicubic, kArea, kLanczos, kHamming };
// "bilinear", "nearest", "bicubic", "area", "lanczos", "hamming".
[[nodiscard]] std::string_view to_string(Interpolation interpolation);

// The order of the channels of the network's input.
enum class ChannelOrder { kRgb, kBgr };

// In this order: turning the image upright, resize, centre crop, gray if the network takes one channel or else the
// order of the channels, (pixel / 255 - mean) / std per channel.
struct Preprocessing {
  // Without resize_width: length of the shorter side after resizing, in pixels. The aspect is kept, and the longer side
  // is floor(resize * longer / shorter), as in torchvision's Resize(int). With resize_width: the height after resizing.
  // Nothing: no resize.
  std::optional<int> resize;
  // Height and width of the centre crop, and of the network's input, in pixels. The crop starts at (size - crop) / 2,
  // rounded to even, as in torchvision's CenterCrop. Smaller images are padded with black, (crop - size) / 2 pixels,
  // rounded down, above and left of the image.
  int crop_height = 0;
  int crop_width = 0;
  std::array<float, 3> mean{0.0F, 0.0F, 0.0F};  // of pixels in 0..1, per channel in the network's order; with one
  std::array<float, 3> std{1.0F, 1.0F, 1.0F};   // channel only the first is used
  Interpolation interpolation = Interpolation::kBilinear;
  // 3: RGB. 1: gray, the luma of ITU-R BT.601 as in Pillow's convert("L"), computed from the cropped 8-bit pixels:
  // (19595 R + 38470 G + 7471 B + 32768) / 65536, rounded down.
  int channels = 3;
  // The width after resizing; the aspect is not kept. Only with `resize`.
  std::optional<int> resize_width = std::nullopt;
  // kBgr: channel 0 of the network's input is blue and has mean[0] and std[0]. Only with 3 channels.
  ChannelOrder order = ChannelOrder::kRgb;
  // true: the filter grows with the reduction, so that every pixel counts. The bytes are those of Pillow's
  // Image.resize: two passes with 22-bit fixed-point coefficients, rounded to uint8 in between. false: the filter has
  // the same size at any reduction. The bytes are within one level of OpenCV's cv2.resize (bicubic: a = -0.75); kArea
  // is INTER_AREA. kNearest is Pillow's in both cases; kLanczos and kHamming require true.
  bool antialias = true;
  // Turn the image as Picture::orientation says, as OpenCV's imread does. Pillow and torchvision leave it as it is.
  bool exif_orientation = false;
  friend bool operator==(const Preprocessing&, const Preprocessing&) = default;
};

// A preset by name: "imagenet" (resize 256, crop 224), "imagenet-crop" (no resize, crop 224), "cifar10" (resize and
// crop 32, mean and std of CIFAR-10), "cifar10-imagenet" (32, mean and std of ImageNet), "mobilenet-tf"
// (224, x / 127.5 - 1), "raw" (crop 32, values 0..255), "mnist" (28, gray, mean and std of MNIST). Error: kNotFound, an
// unknown name; lists the known ones.
[[nodiscard]] Result<Preprocessing> preprocessing_preset(std::string_view name);
[[nodiscard]] std::vector<std::string> preprocessing_presets();

// Error: kInvalidArgument, numbers that are not valid. Valid are sizes of 1..8192, finite numbers, std > 0, 1 or 3
// channels, and what the fields say.
[[nodiscard]] Status validate(const Preprocessing& preprocessing);

// The same for a network that takes images of so many channels. With one mean and one std for all three channels it is
// that of gray images if `channels` is 1: files of preprocessing leave the number of channels out where the numbers are
// alike. All else stays as it is.
[[nodiscard]] Preprocessing with_channels_of(const Preprocessing& preprocessing, std::int64_t channels);

// The image turned and mirrored as its orientation says; the result's orientation is 1.
// Error: the image is empty, its buffer does not match its size, or its orientation is not 1..8.
[[nodiscard]] Result<Picture> upright(const Picture& image);

// The pixels after turning, resize and crop, 8-bit RGB: [crop_height, crop_width, 3].
// Error: the image is empty, its buffer does not match its size, or its orientation is not 1..8.
[[nodiscard]] Result<Picture> resize_and_crop(const Picture& image, const Preprocessing& preprocessing);

// Writes the network's input for `image` to `out`, [crop_height, crop_width, channels] floats.
// Errors: as above, or out.size() != crop_height * crop_width * channels.
[[nodiscard]] Status preprocess(const Picture& image, const Preprocessing& preprocessing, std::span<float> out);

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
