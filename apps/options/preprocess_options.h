// How images become the network's input, where this differs from what the model or the architecture specifies.
#pragma once

#include <string>

#include "apps/options/command_line.h"
#include "narrow/architecture_options.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow::cli {

struct PreprocessFlags {
  std::string preset;  // a preset's name, or a JSON file
  std::string resize;  // "256", "224,224" (height and width) or "none"
  std::string crop;    // "224" or "192,256" (height and width)
  std::string mean;    // "0.485,0.456,0.406", or one number
  std::string std;
  std::string interpolation;  // a name
  std::string antialias;      // "on" or "off"
  std::string order;          // "rgb" or "bgr"
  bool exif = false;

  [[nodiscard]] bool given() const {
    return !preset.empty() || !resize.empty() || !crop.empty() || !mean.empty() || !std.empty() ||
           !interpolation.empty() || !antialias.empty() || !order.empty() || exif;
  }
  // Height and width of the crop; both 0 without one.
  [[nodiscard]] InputSize crop_size() const;
};
void add_preprocess_options(const Subcommand& command, PreprocessFlags& flags);

// `base` with the flags applied. Errors: those of the file; numbers that are not valid.
[[nodiscard]] Result<Preprocessing> apply(const PreprocessFlags& flags, Preprocessing base);

// A JSON object with the keys crop (the side of the network's input, or [height, width]), mean and std (lists with one
// number per channel, for pixels in 0..1), and optionally resize (the shorter side, or [height, width], which is then
// the default of crop; null: none), interpolation (a name), antialias, channels (3 or 1: gray), order ("rgb", "bgr")
// and exif; or an object of another program (preprocess_dialects.h).
// Errors: kNotFound, kIo, kMalformed (not JSON, with the byte; a missing, unknown or wrong key, by name).
[[nodiscard]] Result<Preprocessing> read_preprocessing(const std::string& path);

}  // namespace narrow::cli
