#include "apps/options/preprocess_dialects.h"

#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/text/words.h"
#include "base/try.h"

namespace narrow::cli {
namespace {

constexpr std::array<double, 3> kImagenetMean{0.485, 0.456, 0.406};
constexpr std::array<double, 3> kImagenetStd{0.229, 0.224, 0.225};

// The numbers of `key`, or the first of `otherwise` where it is absent.
Result<std::vector<double>> channels_or(const JsonObject& object, const char* key, int channels,
                                        const std::array<double, 3>& otherwise) {
  if (object.has(key)) return object.channels(key, channels);
  return std::vector<double>(otherwise.begin(), otherwise.begin() + channels);
}

void set_mean_and_std(Preprocessing& result, const std::vector<double>& mean, const std::vector<double>& std) {
  for (std::size_t c = 0; c < mean.size(); ++c) {
    result.mean[c] = static_cast<float>(mean[c]);
    result.std[c] = static_cast<float>(std[c]);
  }
}

Status set_size(const JsonObject& object, double size, int& out) {
  if (!(size >= 1 && size <= kMaxSidePixels)) {
    return object.wrong("the size before the crop would be " + std::to_string(size) + " pixels");
  }
  out = static_cast<int>(size);
  return {};
}

// --- torchvision ---

Result<Preprocessing> read_torchvision(const JsonObject& object) {
  static const std::vector<std::string> kKnown{"crop_size", "resize_size", "mean", "std", "interpolation", "antialias"};
  static const std::vector<std::string> kIgnored{"backend", "use_v2", "value_range"};
  NARROW_TRY(object.check_keys(kKnown, kIgnored));
  if (!object.has("crop_size")) return object.wrong("the key 'crop_size' is missing");
  Preprocessing result;
  NARROW_ASSIGN(const Sides crop, object.sides("crop_size"));
  result.crop_height = crop.first;
  result.crop_width = crop.width_or_side();
  result.resize = 256;
  if (object.has("resize_size")) {
    NARROW_ASSIGN(const Sides resize, object.sides("resize_size"));
    result.resize = resize.first;
    result.resize_width = resize.width;
  }
  NARROW_ASSIGN(const std::vector<double> mean, channels_or(object, "mean", 3, kImagenetMean));
  NARROW_ASSIGN(const std::vector<double> std, channels_or(object, "std", 3, kImagenetStd));
  set_mean_and_std(result, mean, std);
  NARROW_ASSIGN(result.interpolation, object.interpolation("interpolation", Interpolation::kBilinear));
  NARROW_ASSIGN(result.antialias, object.flag("antialias", true));
  return result;
}

// Transforms by their names, as {"Resize": 256, "CenterCrop": 224, "Normalize": {"mean": [...], "std": [...]}}. The
// value of the first two is the size, or an object with the arguments.
Result<Preprocessing> read_transforms(const JsonObject& object) {
  static const std::vector<std::string> kKnown{"Resize", "CenterCrop", "Grayscale", "ToTensor", "Normalize"};
  // They make real numbers of pixels, as every network here is given.
  static const std::vector<std::string> kConversions{"PILToTensor",       "ToImage",    "ToDtype",
                                                     "ConvertImageDtype", "ToPILImage", "ToPureTensor"};
  static const std::vector<std::string> kTraining{"RandomResizedCrop", "RandomHorizontalFlip", "RandomCrop",
                                                  "RandomErasing",     "RandAugment",          "TrivialAugmentWide",
                                                  "AutoAugment",       "ColorJitter",          "RandomRotation"};
  static const std::vector<std::string> kResize{"size", "interpolation", "antialias"};
  static const std::vector<std::string> kGray{"num_output_channels"};
  static const std::vector<std::string> kCrop{"size"};
  static const std::vector<std::string> kNormalize{"mean", "std"};
  static const std::vector<std::string> kInplace{"inplace"};
  for (const std::string& name : kTraining) {
    if (object.has(name.c_str())) {
      return object.wrong("'" + name + "' changes images for training; give the transforms of the evaluation");
    }
  }
  NARROW_TRY(object.check_keys(kKnown, kConversions));
  Preprocessing result;
  std::optional<Sides> resize;
  std::optional<Sides> crop;
  const auto read_size = [&object](const char* transform, std::span<const std::string> known,
                                   std::optional<Sides>& size) -> Result<std::optional<JsonObject>> {
    if (!object.has(transform)) return std::optional<JsonObject>();
    if (!object.is_object(transform)) {
      NARROW_ASSIGN(size, object.sides(transform));
      return std::optional<JsonObject>();
    }
    NARROW_ASSIGN(JsonObject arguments, object.object(transform));
    NARROW_TRY(arguments.check_keys(known, {}));
    if (!arguments.has("size")) return object.wrong(std::string("'") + transform + "' has no 'size'");
    NARROW_ASSIGN(size, arguments.sides("size"));
    return std::optional<JsonObject>(std::move(arguments));
  };
  NARROW_ASSIGN(const std::optional<JsonObject> arguments, read_size("Resize", kResize, resize));
  if (arguments) {
    NARROW_ASSIGN(result.interpolation, arguments->interpolation("interpolation", Interpolation::kBilinear));
    NARROW_ASSIGN(result.antialias, arguments->flag("antialias", true));
  }
  NARROW_TRY(read_size("CenterCrop", kCrop, crop));
  if (resize) {
    result.resize = resize->first;
    result.resize_width = resize->width;
  }
  if (!crop && result.resize_width) crop = resize;
  if (!crop) return object.wrong("the key 'CenterCrop' is missing");
  result.crop_height = crop->first;
  result.crop_width = crop->width_or_side();
  if (object.has("Grayscale")) {
    double channels = 1;
    if (object.is_object("Grayscale")) {
      NARROW_ASSIGN(const JsonObject gray, object.object("Grayscale"));
      NARROW_TRY(gray.check_keys(kGray, {}));
      NARROW_ASSIGN(channels, gray.number("num_output_channels", 1));
    } else {
      NARROW_ASSIGN(channels, object.number("Grayscale", 1));
    }
    if (channels != 1) {
      return object.wrong("'Grayscale' with 3 channels is not supported; give the network gray images as they are");
    }
    result.channels = 1;
  }
  if (!object.has("Normalize")) return result;  // mean 0, std 1
  NARROW_ASSIGN(const JsonObject normalize, object.object("Normalize"));
  NARROW_TRY(normalize.check_keys(kNormalize, kInplace));
  for (const char* key : {"mean", "std"}) {
    if (!normalize.has(key)) return object.wrong(std::string("'Normalize' has no '") + key + "'");
  }
  NARROW_ASSIGN(const std::vector<double> mean, normalize.channels("mean", result.channels));
  NARROW_ASSIGN(const std::vector<double> std, normalize.channels("std", result.channels));
  set_mean_and_std(result, mean, std);
  return result;
}

// --- timm ---

Result<Preprocessing> read_timm(const JsonObject& object) {
  static const std::vector<std::string> kKnown{"input_size", "crop_pct", "crop_mode", "interpolation", "mean", "std"};
  static const std::vector<std::string> kIgnored{"architecture",
                                                 "classifier",
                                                 "custom_load",
                                                 "description",
                                                 "file",
                                                 "first_conv",
                                                 "fixed_input_size",
                                                 "hf_hub_filename",
                                                 "hf_hub_id",
                                                 "label_descriptions",
                                                 "label_names",
                                                 "label_offset",
                                                 "license",
                                                 "min_input_size",
                                                 "model_args",
                                                 "notes",
                                                 "num_classes",
                                                 "origin_url",
                                                 "paper_ids",
                                                 "paper_name",
                                                 "pool_size",
                                                 "source",
                                                 "tag",
                                                 "test_crop_pct",
                                                 "test_input_size",
                                                 "url"};
  NARROW_TRY(object.check_keys(kKnown, kIgnored));
  if (!object.has("input_size")) return object.wrong("the key 'input_size' is missing");
  NARROW_ASSIGN(const std::vector<int> size, object.list_of_sides("input_size", 3));
  if (size[0] != 1 && size[0] != 3) {
    return object.wrong("'input_size' must be a list of channels (1 or 3), height and width");
  }
  Preprocessing result;
  result.channels = size[0];
  result.crop_height = size[1];
  result.crop_width = size[2];
  NARROW_ASSIGN(const double kept, object.number("crop_pct", 0.875));
  if (!(kept > 0)) return object.wrong("'crop_pct' must be above 0");
  NARROW_ASSIGN(const std::string mode, object.text("crop_mode"));
  int height = 0;
  int width = 0;
  NARROW_TRY(set_size(object, std::floor(result.crop_height / kept), height));
  NARROW_TRY(set_size(object, std::floor(result.crop_width / kept), width));
  result.resize = height;
  if (mode == "squash") {
    result.resize_width = width;
  } else if (!mode.empty() && mode != "center") {
    return object.wrong("'crop_mode' is '" + mode +
                        "', but only center and squash are known here; give --resize and --crop instead");
  } else if (height != width) {
    return object.wrong(
        "'input_size' is not square, which is known here only with \"crop_mode\": \"squash\"; give "
        "--resize and --crop instead");
  }
  NARROW_ASSIGN(const std::vector<double> mean, channels_or(object, "mean", result.channels, kImagenetMean));
  NARROW_ASSIGN(const std::vector<double> std, channels_or(object, "std", result.channels, kImagenetStd));
  set_mean_and_std(result, mean, std);
  NARROW_ASSIGN(result.interpolation, object.interpolation("interpolation", Interpolation::kBicubic));
  return result;
}

// --- Hugging Face ---

// What an image processor does where its file does not say it.
struct Processor {
  std::string_view name;  // before ImageProcessor or FeatureExtractor
  Interpolation interpolation = Interpolation::kBilinear;
  bool square = true;     // a size of one number is height and width; otherwise it is the shorter side
  double enlarged = 1.0;  // what the shorter side is multiplied with before the crop
  double crop_pct = 0.0;  // 0: none
  bool flips = false;     // the channels become BGR
  bool adds = false;      // EfficientNet's include_top and rescale_offset are on
};

constexpr std::array<Processor, 11> kProcessors{{
    {.name = "DeiT", .interpolation = Interpolation::kBicubic},
    {.name = "ConvNext", .square = false, .crop_pct = 224.0 / 256.0},
    {.name = "Bit", .interpolation = Interpolation::kBicubic, .square = false},
    {.name = "CLIP", .interpolation = Interpolation::kBicubic, .square = false},
    {.name = "ChineseCLIP", .interpolation = Interpolation::kBicubic, .square = false},
    {.name = "Levit", .interpolation = Interpolation::kBicubic, .square = false, .enlarged = 256.0 / 224.0},
    {.name = "MobileNetV1", .square = false},
    {.name = "MobileNetV2", .square = false},
    {.name = "MobileViT", .square = false, .flips = true},
    {.name = "PoolFormer", .interpolation = Interpolation::kBicubic, .square = false, .crop_pct = 0.9},
    {.name = "EfficientNet", .interpolation = Interpolation::kNearest, .adds = true},
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

Status read_geometry(const JsonObject& object, const Processor& processor, Preprocessing& result) {
  NARROW_ASSIGN(const bool resizes, object.flag("do_resize", true));
  NARROW_ASSIGN(const bool both, object.flag("do_resize_and_center_crop", false));  // of old PoolFormers
  NARROW_ASSIGN(const bool crops, object.flag("do_center_crop", both || object.has("crop_size")));
  NARROW_ASSIGN(const double kept, object.number("crop_pct", processor.crop_pct));
  if (object.has("crop_pct") && !(kept > 0)) return object.wrong("'crop_pct' must be above 0");
  if (crops) {
    if (!object.has("crop_size")) return object.wrong("the key 'crop_size' is missing");
    NARROW_ASSIGN(const HuggingFaceSize crop, read_size(object, "crop_size", true));
    if (!crop.height) return object.wrong("'crop_size' must be a side, or have height and width");
    result.crop_height = *crop.height;
    result.crop_width = *crop.width;
  }
  if (!resizes) {
    if (crops) return {};
    return object.wrong("neither do_resize nor do_center_crop: the network's input has no size; add crop_size");
  }
  if (!object.has("size")) return object.wrong("the key 'size' is missing");
  // Of a processor that is not known here, a crop tells that one number is the shorter side.
  NARROW_ASSIGN(const HuggingFaceSize size,
                read_size(object, "size", processor.square && kept == 0 && !(crops && processor.name != "DeiT")));
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
      if (!object.has(key)) return object.wrong(std::string("the key '") + key + "' is missing");
    }
    NARROW_ASSIGN(mean, object.channels("image_mean", 3));
    NARROW_ASSIGN(std, object.channels("image_std", 3));
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

}  // namespace

Result<std::optional<Preprocessing>> read_dialect(const JsonObject& object) {
  Result<Preprocessing> result = Preprocessing();
  if (object.has_any({"architectures", "id2label"}) &&
      !object.has_any({"image_mean", "pretrained_cfg", "input_size"})) {
    return object.wrong("it describes a network, not how images are prepared; name its preprocessor_config.json");
  }
  if (object.has("pretrained_cfg")) {
    NARROW_ASSIGN(const JsonObject inner, object.object("pretrained_cfg"));
    result = read_timm(inner);
  } else if (object.has("input_size")) {
    result = read_timm(object);
  } else if (object.has_any({"image_processor_type", "feature_extractor_type", "image_mean", "image_std", "do_resize",
                             "do_normalize", "do_rescale", "do_center_crop", "resample", "size"})) {
    result = read_hugging_face(object);
  } else if (object.has_any({"crop_size", "resize_size"})) {
    result = read_torchvision(object);
  } else if (object.has_any({"Resize", "CenterCrop", "Normalize", "RandomResizedCrop", "ToTensor"})) {
    result = read_transforms(object);
  } else {
    return std::optional<Preprocessing>();
  }
  if (!result.ok()) return std::move(result).error();
  return std::optional<Preprocessing>(*std::move(result));
}

}  // namespace narrow::cli
