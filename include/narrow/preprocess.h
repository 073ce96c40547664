// From decoded pixels to the network's input. Part of the runtime: a model carries the preprocessing it was trained
// with, so that nobody has to know it.
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

// A decoded picture: width * height pixels, RGB, 8 bits, rows top to bottom.
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;  // [height, width, 3]
};

enum class Interpolation { kBilinear, kNearest };

// resize -> centre crop -> gray, where the network takes one channel -> (pixel / 255 - mean) / std, per channel.
struct Preprocessing {
  // Length of the shorter side after resizing, aspect kept (as torchvision's Resize(int)); nothing: no resize.
  std::optional<int> resize;
  // Height and width of the centre crop (it starts at floor((size - crop) / 2); smaller pictures are padded with black)
  // and so of the network's input.
  int crop_height = 0;
  int crop_width = 0;
  std::array<float, 3> mean{0.0F, 0.0F, 0.0F};  // of pixels in 0..1; with one channel the first counts
  std::array<float, 3> std{1.0F, 1.0F, 1.0F};
  // kBilinear is antialiased (support grows with the reduction) and equals Pillow's BILINEAR on 8-bit RGB, byte for
  // byte: Pillow's two passes with 22-bit fixed-point coefficients and rounding to uint8 in between.
  Interpolation interpolation = Interpolation::kBilinear;
  // 3: RGB. 1: gray, the luma of ITU-R BT.601 as Pillow's convert("L") computes it from the cropped 8-bit pixels,
  // (19595 R + 38470 G + 7471 B + 32768) / 65536 rounded down.
  int channels = 3;
  friend bool operator==(const Preprocessing&, const Preprocessing&) = default;
};

// A preset by name: "imagenet" (resize 256, crop 224), "imagenet-crop" (no resize, crop 224), "cifar10" (resize and
// crop 32, the mean and std of cifar10), "cifar10-imagenet" (32, mean and std of ImageNet), "mobilenet-tf"
// (224, x / 127.5 - 1), "raw" (crop 32, values 0..255), "mnist" (28, gray, mean and std of MNIST). Error: unknown
// name, listing the known ones.
[[nodiscard]] Result<Preprocessing> preprocessing_preset(std::string_view name);
[[nodiscard]] std::vector<std::string> preprocessing_presets();

// Checks the numbers (sizes 1..8192, finite, std > 0, 1 or 3 channels).
[[nodiscard]] Status validate(const Preprocessing& preprocessing);

// Pixels after resize and crop, still 8 bits and RGB: [crop_height, crop_width, 3].
// Error: the picture is empty or its buffer does not match its size.
[[nodiscard]] Result<Picture> resize_and_crop(const Picture& picture, const Preprocessing& preprocessing);

// Writes the network input for `picture` to `out`, [crop_height, crop_width, channels] floats.
// Error: as above, or out.size() != crop_height * crop_width * channels.
[[nodiscard]] Status preprocess(const Picture& picture, const Preprocessing& preprocessing, std::span<float> out);

}  // namespace narrow
