#include "importers/onnx/lower/image_form.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/checked.h"
#include "graph/limits.h"
#include "importers/onnx/lower/layout.h"
#include "importers/onnx/lower/node_error.h"

namespace narrow::onnx {
namespace {

// The least side of an image that is recognised: 3 and 4 are more often numbers of channels.
constexpr std::int64_t kLeastSide = 5;

bool is_side(std::int64_t size) { return size >= kLeastSide; }

// The side of a square of this many pixels. Nothing: it is none, or too small or too large for an image.
std::optional<std::int64_t> side_of_square(std::int64_t pixels) {
  if (pixels < kLeastSide * kLeastSide || pixels > graph::kMaxElems) return std::nullopt;
  const auto side = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(pixels))));
  if (side * side != pixels) return std::nullopt;
  return side;
}

std::optional<ImageForm> square(std::int64_t pixels, std::int64_t channels, bool channels_first, bool has_batch) {
  const auto side = side_of_square(pixels);
  if (!side) return std::nullopt;
  return ImageForm{*side, *side, channels, channels_first, has_batch};
}

// A square is gray; three times a square are three planes, as PyTorch flattens them.
std::optional<ImageForm> flat(std::int64_t elements, bool has_batch) {
  if (const auto gray = square(elements, 1, false, has_batch)) return gray;
  constexpr std::int64_t kPlanes = 3;
  if (elements % kPlanes != 0) return std::nullopt;
  return square(elements / kPlanes, kPlanes, true, has_batch);
}

std::optional<ImageForm> of_two(const Dims& dims) {
  // A vector of vectors of the same length is more likely a batch, but for a square.
  if (dims[0] == dims[1] && is_side(dims[0])) return ImageForm{dims[0], dims[1], 1, false, false};
  return flat(dims[1], true);
}

std::optional<ImageForm> of_three(const Dims& dims) {
  const std::int64_t a = dims[0];
  const std::int64_t b = dims[1];
  const std::int64_t c = dims[2];
  if (a == 3 && is_side(b) && is_side(c)) return ImageForm{b, c, a, true, false};
  const bool pixels_of_batch = side_of_square(b) && a != b;
  if (is_side(a) && is_side(b) && is_colour(c) && !pixels_of_batch) return ImageForm{a, b, c, false, false};
  if (is_side(b) && is_side(c)) return ImageForm{b, c, 1, false, true};
  if (b == 1 && c != 3) return flat(c, true);
  if (c == 1) return flat(b, true);
  if (is_colour(c)) return square(b, c, false, true);
  if (is_colour(b)) return square(c, b, true, true);
  return std::nullopt;
}

// Vectors, and pixels in one line. Each dimension is at most 2^31.
std::optional<ImageForm> of_four(const Dims& dims) {
  const auto ones = std::count(dims.begin() + 1, dims.end(), 1);
  if (ones == 2) return flat(*std::max_element(dims.begin() + 1, dims.end()), true);
  if (ones != 1) return std::nullopt;
  if (dims[1] == 3 && (dims[2] == 1 || dims[3] == 1)) return square(dims[2] * dims[3], 3, true, true);
  if (dims[3] == 3 && (dims[1] == 1 || dims[2] == 1)) return square(dims[1] * dims[2], 3, false, true);
  return std::nullopt;
}

std::string text_of(const std::vector<int>& shape) {
  std::string text;
  for (const int size : shape) text += (text.empty() ? "" : ",") + std::to_string(size);
  return text;
}

bool is_closed(const Dims& dims) { return std::find(dims.begin(), dims.end(), kOpenDim) == dims.end(); }

}  // namespace

std::optional<ImageForm> likely_image(const Dims& dims) {
  const bool rest_is_closed = dims.size() < 2 || is_closed({dims.begin() + 1, dims.end()});
  if (dims.empty() || !rest_is_closed) return std::nullopt;
  if (std::any_of(dims.begin(), dims.end(), [](std::int64_t dim) { return dim == 0 || dim < kOpenDim; })) {
    return std::nullopt;
  }
  switch (dims.size()) {
    case 1:
      return flat(dims[0], false);
    case 2:
      return of_two(dims);
    case 3:
      return of_three(dims);
    case 4:
      return of_four(dims);
    default:
      break;
  }
  // More dimensions than an image has: without those of 1 after the batch.
  Dims rest(dims.begin() + 1, dims.end());
  std::erase(rest, 1);
  if (rest.size() > 3 || rest.empty()) return std::nullopt;
  if (rest.size() == 3) {
    if (is_colour(rest[0])) return ImageForm{rest[1], rest[2], rest[0], true, true};
    if (is_colour(rest[2])) return ImageForm{rest[0], rest[1], rest[2], false, true};
    return std::nullopt;
  }
  rest.insert(rest.begin(), dims[0]);
  return rest.size() == 2 ? flat(rest[1], true) : of_three(rest);
}

Result<ImageForm> given_image(const std::vector<int>& shape, const Dims& dims) {
  const auto wrong = [&shape](const std::string& message) {
    return Error{ErrorCode::kInvalidArgument, "the input shape " + text_of(shape) + " " + message, "input_shape"};
  };
  constexpr int kLargest = 8192;
  const bool in_range = std::all_of(shape.begin(), shape.end(), [](int n) { return n >= 1 && n <= kLargest; });
  if ((shape.size() != 2 && shape.size() != 3) || !in_range) {
    return wrong("is none of an image: H,W for gray, H,W,C or C,H,W, each from 1 to 8192");
  }
  ImageForm form{shape[0], shape[1], 1, false, true};
  if (shape.size() == 3) {
    form.channels = shape[2];
    form.channels_first = is_colour(shape[0]) && !is_colour(shape[2]);
    if (form.channels_first) form = {shape[1], shape[2], shape[0], true, true};
    if (!is_colour(form.channels)) return wrong("has neither 1 channel (gray) nor 3 (RGB)");
  }
  if (dims_for(form, dims)) return form;
  form.has_batch = false;
  if (dims_for(form, dims)) return form;
  return wrong("has " + std::to_string(form.height * form.width * form.channels) +
               " elements, which do not fill an input of " + dims_text(dims));
}

std::optional<Dims> dims_for(const ImageForm& form, const Dims& dims) {
  Dims closed = dims;
  if (form.has_batch) {
    if (closed.size() < 2) return std::nullopt;
    closed[0] = 1;
  }
  const std::int64_t elements = form.height * form.width * form.channels;
  // Where all but the batch is open, the usual orders are meant.
  const auto open = std::count(closed.begin(), closed.end(), kOpenDim);
  if (open > 1 && closed.size() == kImageRank) {
    const bool last = is_colour(closed[3]) && !is_colour(closed[1]);
    const Dims image =
        last ? Dims{1, form.height, form.width, form.channels} : Dims{1, form.channels, form.height, form.width};
    for (std::size_t i = 1; i < closed.size(); ++i) {
      if (closed[i] == kOpenDim) closed[i] = image[i];
    }
  } else if (open > 1 && closed.size() == 3 && form.channels == 1 && form.has_batch) {
    closed = {1, closed[1] == kOpenDim ? form.height : closed[1], closed[2] == kOpenDim ? form.width : closed[2]};
  } else if (open == 1) {
    Dims known = closed;
    std::erase(known, kOpenDim);
    const auto product = base::count_elements(known, graph::kMaxElems);
    if (!product || product->elems < 1 || elements % product->elems != 0) return std::nullopt;
    std::replace(closed.begin(), closed.end(), kOpenDim, elements / product->elems);
  }
  if (!is_closed(closed)) return std::nullopt;
  const auto product = base::count_elements(closed, graph::kMaxElems);
  if (!product || product->elems != elements) return std::nullopt;
  return closed;
}

std::optional<View> view_of(const ImageForm& form, const Dims& dims) {
  // Four dimensions in one of the usual orders are that order, whatever order the caller named.
  const bool first = dims == Dims{1, form.channels, form.height, form.width};
  const bool last = dims == Dims{1, form.height, form.width, form.channels};
  const bool channels_first = first || (form.channels_first && !last);
  if (!channels_first) return row_major(graph::kNoValue, dims);
  const View planes = laid_out(graph::kNoValue, 3, {{1, form.height}, {2, form.width}, {0, form.channels}});
  return reshaped(planes, dims);
}

}  // namespace narrow::onnx
