#include "apps/options/preprocess_hugging_face.h"

#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/options/preprocess_numbers.h"
#include "apps/text/words.h"
#include "base/try.h"

namespace narrow::cli {
namespace {

// Mean and standard deviation of the channels in 0..1.
struct Colours {
  std::array<double, 3> mean;
  std::array<double, 3> std;
};
constexpr Colours kImagenet{kImagenetMean, kImagenetStd};
constexpr Colours kStandard{{0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}};
constexpr Colours kClip{{0.48145466, 0.4578275, 0.40821073}, {0.26862954, 0.26130258, 0.27577711}};

// What an image processor does where its file does not say it.
struct Processor {
  std::string_view name;  // before ImageProcessor or FeatureExtractor
  Interpolation interpolation = Interpolation::kBilinear;
  bool square = true;     // a size of one number is height and width; otherwise it is the shorter side
  double enlarged = 1.0;  // what the shorter side is multiplied with before the crop
  double crop_pct = 0.0;  // 0: none
  bool flips = false;     // the channels become BGR
  bool adds = false;      // EfficientNet's include_top is on
  int size = 0;           // 0: not known here
  int crop = 0;           // 0: not known here
  bool crops = false;
  const Colours* colours = nullptr;  // nullptr: not known here
};

constexpr std::array<Processor, 12> kProcessors{{
    {.name = "ViT", .size = 224, .colours = &kStandard},
    {.name = "DeiT",
     .interpolation = Interpolation::kBicubic,
     .size = 256,
     .crop = 224,
     .crops = true,
     .colours = &kStandard},
    {.name = "ConvNext", .square = false, .crop_pct = 224.0 / 256.0, .size = 384, .colours = &kStandard},
    {.name = "Bit",
     .interpolation = Interpolation::kBicubic,
     .square = false,
     .size = 224,
     .crop = 224,
     .crops = true,
     .colours = &kClip},
    {.name = "CLIP",
     .interpolation = Interpolation::kBicubic,
     .square = false,
     .size = 224,
     .crop = 224,
     .crops = true,
     .colours = &kClip},
    {.name = "ChineseCLIP", .interpolation = Interpolation::kBicubic, .square = false},
    {.name = "Levit",
     .interpolation = Interpolation::kBicubic,
     .square = false,
     .enlarged = 256.0 / 224.0,
     .size = 224,
     .crop = 224,
     .crops = true,
     .colours = &kImagenet},
    {.name = "MobileNetV1", .square = false, .size = 256, .crop = 224, .crops = true, .colours = &kStandard},
    {.name = "MobileNetV2", .square = false, .size = 256, .crop = 224, .crops = true, .colours = &kStandard},
    {.name = "MobileViT", .square = false, .flips = true},
    {.name = "PoolFormer",
     .interpolation = Interpolation::kBicubic,
     .square = false,
     .crop_pct = 0.9,
     .size = 224,
     .crop = 224,
     .crops = true,
     .colours = &kImagenet},
    {.name = "EfficientNet",
     .interpolation = Interpolation::kNearest,
     .adds = true,
     .size = 346,
     .crop = 289,
     .colours = &kStandard},
}};

Processor processor_of(std::string_view type) {
  for (const std::string_view end : {"Fast", "ImageProcessor", "FeatureExtractor"}) {
    if (type.ends_with(end)) type.remove_suffix(end.size());
  }
  for (const Processor& processor : kProcessors) {
    if (processor.name == type) return processor;
  }
  return {.name = type};
}

// A side, or a height and a width, from a number, a list or an object.
struct HuggingFaceSize {
  std::optional<int> shortest;
  std::optional<int> height;
  std::optional<int> width;
};

Result<HuggingFaceSize> read_size(const JsonObject& object, const char* key, bool square) {
  HuggingFaceSize size;
  if (!object.is_object(key)) {
    NARROW_ASSIGN(const Sides sides, object.sides(key));
    if (sides.width || square) {
      size.height = sides.first;
      size.width = sides.width_or_side();
    } else {
      size.shortest = sides.first;
    }
    return size;
  }
  NARROW_ASSIGN(const JsonObject given, object.object(key));
  for (const std::string& name : given.keys()) {
    std::optional<int>* const slot = name == "shortest_edge" ? &size.shortest
                                     : name == "height"      ? &size.height
                                     : name == "width"       ? &size.width
                                                             : nullptr;
    if (slot == nullptr) {
      return object.wrong(
          std::string("'") + key + "' has the key '" + printable(name) +
          "'; known here are shortest_edge, or height and width: give one of them, or --resize and --crop");
    }
    NARROW_ASSIGN(*slot, given.side(name.c_str()));
  }
  if (size.height.has_value() != size.width.has_value() || size.height.has_value() == size.shortest.has_value()) {
    return object.wrong(std::string("'") + key + "' must have shortest_edge, or height and width");
  }
  return size;
}

// Error: a key is missing, and what the image processor does without it is not known here. option: does the same.
Error no_default(const JsonObject& object, const Processor& processor, const char* key, const char* option) {
  const std::string whose = processor.name.empty() ? "the file names no image processor"
                                                   : "the default of the image processor '" +
                                                         printable(std::string(processor.name)) + "' is not known here";
  return object.wrong(std::string("the key '") + key + "' is missing, and " + whose + "; add it, or give " + option +
                      " instead");
}

Status read_geometry(const JsonObject& object, const Processor& processor, Preprocessing& result) {
  NARROW_ASSIGN(const bool resizes, object.flag("do_resize", true));
  NARROW_ASSIGN(const bool both, object.flag("do_resize_and_center_crop", false));  // of old PoolFormers
  NARROW_ASSIGN(const bool crops, object.flag("do_center_crop", processor.crops || both || object.has("crop_size")));
  NARROW_ASSIGN(const double kept, object.number("crop_pct", processor.crop_pct));
  if (object.has("crop_pct") && !(kept > 0)) return object.wrong("'crop_pct' must be above 0");
  if (crops) {
    HuggingFaceSize crop{std::nullopt, processor.crop, processor.crop};
    if (object.has("crop_size")) {
      NARROW_ASSIGN(crop, read_size(object, "crop_size", true));
    } else if (processor.crop == 0) {
      return no_default(object, processor, "crop_size", "--crop");
    }
    if (!crop.height) return object.wrong("'crop_size' must be a side, or have height and width");
    result.crop_height = *crop.height;
    result.crop_width = *crop.width;
  }
  if (!resizes) {
    if (crops) return {};
    return object.wrong("neither do_resize nor do_center_crop: the network's input has no size; add crop_size");
  }
  HuggingFaceSize size;
  if (object.has("size")) {
    // Of a processor that is not known here, a crop tells that one number is the shorter side.
    const bool is_known = processor.size != 0;
    NARROW_ASSIGN(size, read_size(object, "size", processor.square && kept == 0 && (!crops || is_known)));
  } else if (processor.size == 0) {
    return no_default(object, processor, "size", "--resize and --crop");
  } else if (processor.square) {
    size.height = size.width = processor.size;
  } else {
    size.shortest = processor.size;
  }
  if (size.height && (kept == 0 || size.height != size.width)) {
    result.resize = size.height;
    result.resize_width = size.width;
  } else {
    const int side = size.shortest ? *size.shortest : *size.height;
    constexpr int kSquashedFrom = 384;  // ConvNeXT crops only smaller inputs
    if (kept != 0 && !crops && side >= kSquashedFrom) {
      result.resize = side;
      result.resize_width = side;
    } else {
      int resize = side;
      NARROW_TRY(set_size(object, kept != 0 ? side / kept : processor.enlarged * side, resize));
      result.resize = resize;
    }
    if (kept != 0 && !crops) result.crop_height = result.crop_width = side;
  }
  if (result.crop_height != 0) return {};
  if (!result.resize_width) {
    return object.wrong("the shorter side becomes " + std::to_string(*result.resize) +
                        " pixels and nothing is cropped, so that the network's input has no size; add crop_size");
  }
  result.crop_height = *result.resize;
  result.crop_width = *result.resize_width;
  return {};
}

Status read_values(const JsonObject& object, const Processor& processor, Preprocessing& result) {
  NARROW_ASSIGN(const bool rescales, object.flag("do_rescale", true));
  NARROW_ASSIGN(double factor, object.number("rescale_factor", 1.0 / 255.0));
  if (!rescales) factor = 1.0;
  if (!(factor > 0)) return object.wrong("'rescale_factor' must be above 0");
  NARROW_ASSIGN(const bool offset, object.flag("rescale_offset", false));
  NARROW_ASSIGN(const bool normalizes, object.flag("do_normalize", !processor.flips));
  std::vector<double> mean(3, 0.0);
  std::vector<double> std(3, 1.0);
  if (normalizes) {
    for (const char* key : {"image_mean", "image_std"}) {
      if (!object.has(key) && processor.colours == nullptr)
        return no_default(object, processor, key, "--mean and --std");
    }
    if (processor.colours != nullptr) {
      mean.assign(processor.colours->mean.begin(), processor.colours->mean.end());
      std.assign(processor.colours->std.begin(), processor.colours->std.end());
    }
    if (object.has("image_mean")) {
      NARROW_ASSIGN(mean, object.channels("image_mean", 3));
    }
    if (object.has("image_std")) {
      NARROW_ASSIGN(std, object.channels("image_std", 3));
    }
  }
  NARROW_ASSIGN(const bool twice, object.flag("include_top", processor.adds));
  // ((pixel * factor - offset) - mean) / std, and EfficientNet's include_top divides by std once more. A factor of
  // 1 / 255 leaves mean and std as they are, to the last bit.
  double scale = factor * 255.0;
  if (std::fabs(scale - 1.0) < 1e-6) scale = 1.0;
  for (std::size_t c = 0; c < mean.size(); ++c) {
    mean[c] = (mean[c] + (rescales && offset ? 1.0 : 0.0)) / scale;
    std[c] = (twice && normalizes ? std[c] * std[c] : std[c]) / scale;
  }
  set_mean_and_std(result, mean, std);
  return {};
}

}  // namespace

Result<Preprocessing> read_hugging_face(const JsonObject& object) {
  static const std::vector<std::string> kKnown{"do_resize",
                                               "size",
                                               "do_center_crop",
                                               "crop_size",
                                               "crop_pct",
                                               "resample",
                                               "do_rescale",
                                               "rescale_factor",
                                               "do_normalize",
                                               "image_mean",
                                               "image_std",
                                               "rescale_offset",
                                               "include_top",
                                               "do_flip_channel_order",
                                               "do_resize_and_center_crop"};
  static const std::vector<std::string> kIgnored{"image_processor_type",
                                                 "feature_extractor_type",
                                                 "processor_class",
                                                 "_processor_class",
                                                 "_valid_processor_keys",
                                                 "auto_map",
                                                 "do_convert_rgb",
                                                 "data_format",
                                                 "input_data_format",
                                                 "device",
                                                 "return_tensors",
                                                 "disable_grouping",
                                                 "default_to_square",
                                                 "do_reduce_labels",
                                                 "reduce_labels",
                                                 "size_divisor",
                                                 "do_pad",
                                                 "pad_size",
                                                 "_name_or_path",
                                                 "transformers_version",
                                                 "model_type"};
  NARROW_TRY(object.check_keys(kKnown, kIgnored));
  NARROW_ASSIGN(const bool pads, object.flag("do_pad", false));
  if (pads) {
    return object.wrong("'do_pad' is true, but images are padded here only where they are smaller than the crop");
  }
  std::string type;
  for (const char* key : {"feature_extractor_type", "image_processor_type"}) {
    NARROW_ASSIGN(const std::string given, object.text(key));
    if (!given.empty()) type = given;
  }
  const Processor processor = processor_of(type);
  if (processor.name.starts_with("Perceiver")) {
    return object.wrong(
        "a Perceiver's images are cropped before they are resized, which is not supported; give --resize "
        "and --crop instead");
  }
  Preprocessing result;
  NARROW_TRY(read_geometry(object, processor, result));
  NARROW_TRY(read_values(object, processor, result));
  result.interpolation = processor.interpolation;
  if (object.has("resample")) {
    // Pillow's numbers.
    constexpr std::array<Interpolation, 6> kResample{Interpolation::kNearest,  Interpolation::kLanczos,
                                                     Interpolation::kBilinear, Interpolation::kBicubic,
                                                     Interpolation::kArea,     Interpolation::kHamming};
    if (object.is_text("resample")) {
      NARROW_ASSIGN(result.interpolation, object.interpolation("resample", result.interpolation));
    } else {
      NARROW_ASSIGN(const double code, object.number("resample", 0));
      if (code < 0 || code >= static_cast<double>(kResample.size()) || code != std::floor(code)) {
        return object.wrong(
            "'resample' must be one of Pillow's numbers: 0 nearest, 1 lanczos, 2 bilinear, 3 bicubic, 4 box, 5 "
            "hamming");
      }
      result.interpolation = kResample[static_cast<std::size_t>(code)];
    }
  }
  NARROW_ASSIGN(const bool flips, object.flag("do_flip_channel_order", processor.flips));
  result.order = flips ? ChannelOrder::kBgr : ChannelOrder::kRgb;
  return result;
}

}  // namespace narrow::cli
