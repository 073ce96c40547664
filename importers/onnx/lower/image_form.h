// How the elements of a network's input form an image.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "importers/onnx/lower/lower_model.h"
#include "importers/onnx/lower/view.h"
#include "narrow/result.h"

namespace narrow::onnx {

using Dims = std::vector<std::int64_t>;
inline constexpr std::int64_t kOpenDim = -1;

// Whether images have this many channels: gray or RGB.
[[nodiscard]] constexpr bool is_colour(std::int64_t channels) { return channels == 1 || channels == 3; }

// An image of 1 or 3 channels, and the order of its elements in the file.
struct ImageForm {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;
  bool channels_first = false;
  bool has_batch = true;  // the input's first dimension is the batch
  friend bool operator==(const ImageForm&, const ImageForm&) = default;
};

// The image that an input of these dimensions is likely to hold. Open dimensions are kOpenDim; the first may be open.
// Nothing: none is likely. Inputs of four dimensions with 1 or 3 channels where images have them are not asked about.
[[nodiscard]] std::optional<ImageForm> likely_image(const Dims& dims);

// The image of OnnxOptions::input_shape, in an input of these dimensions, of which any may be open.
// Errors (kInvalidArgument): the shape is none of an image, or has another number of elements than the input.
[[nodiscard]] Result<ImageForm> given_image(const std::vector<int>& shape, const Dims& dims);

// The dimensions of the input for one image, none open: a batch becomes 1. Nothing: they do not hold its elements.
[[nodiscard]] std::optional<Dims> dims_for(const ImageForm& form, const Dims& dims);

// The view of a value [height, width, channels] as a tensor of these dimensions.
// Precondition: dims has the form's number of elements.
[[nodiscard]] std::optional<View> view_of(const ImageForm& form, const Dims& dims);

}  // namespace narrow::onnx
