// Prepares one frame after another without allocating.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "narrow/image_view.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"
#include "narrow/types.h"

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// Makes a network's input of images, as preprocess() does and with the same values: crop, resize, mean and std, and
// quantization in one pass. A preprocessor must not be used by two threads at the same time.
class Preprocessor {
 public:
  // isa: see SessionOptions. The values do not depend on it. quantization: that of the network's input
  // (Session::input_quantization), for run() to integers. Errors: those of validate(Preprocessing), of an unknown ISA,
  // kInvalidArgument (a quantization whose range does not fit uint8 or whose scale is not a positive number).
  [[nodiscard]] static Result<Preprocessor> create(const Preprocessing& preprocessing,
                                                   const std::optional<Quantization>& quantization = std::nullopt,
                                                   const std::string& isa = "auto");
  Preprocessor(Preprocessor&&) noexcept;
  Preprocessor& operator=(Preprocessor&&) noexcept;
  ~Preprocessor();

  // Writes [crop_height, crop_width, channels] floats, or integers: the floats in the quantization given to create().
  // Allocates nothing if the view before it had the same size (of its part that counts) and layout; but resizing
  // without antialiasing always allocates. Preprocessing::exif_orientation has no effect: a view has no orientation.
  // Errors: those of validate(ImageView), an output of another size, integers without a quantization, kLimit.
  [[nodiscard]] Status run(const ImageView& view, std::span<float> out);
  [[nodiscard]] Status run(const ImageView& view, std::span<std::uint8_t> out);

  // Elements of the output: crop_height * crop_width * channels.
  [[nodiscard]] std::size_t output_elems() const;

 private:
  struct Impl;
  explicit Preprocessor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
