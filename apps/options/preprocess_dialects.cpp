#include "apps/options/preprocess_dialects.h"

#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "apps/options/preprocess_hugging_face.h"
#include "apps/options/preprocess_numbers.h"
#include "base/try.h"

namespace narrow::cli {
namespace {

// The numbers of `key`, or the first of `otherwise` where it is absent.
Result<std::vector<double>> channels_or(const JsonObject& object, const char* key, int channels,
                                        const std::array<double, 3>& otherwise) {
  if (object.has(key)) return object.channels(key, channels);
  return std::vector<double>(otherwise.begin(), otherwise.begin() + channels);
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
