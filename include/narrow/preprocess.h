// Converts decoded pixels to the network's input. Part of the runtime: a model holds the preprocessing that it was
// trained with, so its user need not know it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narrow/result.h"

namespace narrow {

// A decoded image: width * height pixels, RGB, 8 bits, rows from top to bottom.
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;  // [height, width, 3]
};

enum class Interpolation { kBilinear, kNearest };

// In this order: resize, centre crop, gray if the network takes one channel, (pixel / 255 - mean) / std per channel.
struct Preprocessing {
  // Length of the shorter side after resizing, in pixels; the aspect is kept, as in torchvision's Resize(int). Nothing:
  // no resize.
  std::optional<int> resize;
  // Height and width of the centre crop, and of the network's input, in pixels. The crop starts at
  // floor((size - crop) / 2). Smaller images are padded with black.
  int crop_height = 0;
  int crop_width = 0;
  std::array<float, 3> mean{0.0F, 0.0F, 0.0F};  // of pixels in 0..1; with one channel only the first is used
  std::array<float, 3> std{1.0F, 1.0F, 1.0F};
  // kBilinear is antialiased (the support grows with the reduction). It equals Pillow's BILINEAR on 8-bit RGB byte for
  // byte: two passes with 22-bit fixed-point coefficients, rounded to uint8 in between.
  Interpolation interpolation = Interpolation::kBilinear;
  // 3: RGB. 1: gray, the luma of ITU-R BT.601 as in Pillow's convert("L"), computed from the cropped 8-bit pixels:
  // (19595 R + 38470 G + 7471 B + 32768) / 65536, rounded down.
  int channels = 3;
  friend bool operator==(const Preprocessing&, const Preprocessing&) = default;
};

// A preset by name: "imagenet" (resize 256, crop 224), "imagenet-crop" (no resize, crop 224), "cifar10" (resize and
// crop 32, mean and std of CIFAR-10), "cifar10-imagenet" (32, mean and std of ImageNet), "mobilenet-tf"
// (224, x / 127.5 - 1), "raw" (crop 32, values 0..255), "mnist" (28, gray, mean and std of MNIST). Error: kNotFound, an
// unknown name; lists the known ones.
[[nodiscard]] Result<Preprocessing> preprocessing_preset(std::string_view name);
[[nodiscard]] std::vector<std::string> preprocessing_presets();

// Error: kInvalidArgument, numbers that are not valid. Valid are sizes of 1..8192, finite numbers, std > 0, 1 or 3
// channels.
[[nodiscard]] Status validate(const Preprocessing& preprocessing);

// The pixels after resize and crop, 8-bit RGB: [crop_height, crop_width, 3].
// Error: the image is empty, or its buffer does not match its size.
[[nodiscard]] Result<Picture> resize_and_crop(const Picture& image, const Preprocessing& preprocessing);

// Writes the network's input for `image` to `out`, [crop_height, crop_width, channels] floats.
// Errors: as above, or out.size() != crop_height * crop_width * channels.
[[nodiscard]] Status preprocess(const Picture& image, const Preprocessing& preprocessing, std::span<float> out);

}  // namespace narrow
