// --preprocess with a file of another program: what it means there, and what is wrong in it.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/apps/command.h"
#include "tests/apps/refused_preprocessing.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using narrow::testing::check_refused;
using narrow::testing::default_model;
using narrow::testing::has;
using narrow::testing::narrow_command;
using narrow::testing::Ran;
using narrow::testing::TemporaryFolder;
using narrow::testing::write_cifar;
using narrow::testing::write_file;

TEST_CASE("files of Hugging Face, timm and torchvision are read as what they mean there") {
  const TemporaryFolder folder;
  const std::string theirs = folder.path() / "theirs.json";
  const std::string ours = folder.path() / "ours.json";
  write_cifar(folder.path() / "pictures.bin", 2);
  const auto described = [&](const std::string& file) {
    const Ran ran =
        narrow_command({"evaluate", "--json", default_model(), folder.path() / "pictures.bin", "--preprocess", file});
    REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
    return ran.json()["preprocessing"];
  };
  const std::string half = R"("mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5])";
  const std::string imagenet = R"("mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225])";
  const std::string image_half = R"("image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5])";
  struct Case {
    std::string theirs;
    std::string ours;
  };
  for (
      const Case& tried : std::vector<Case>{
          // Hugging Face: ViT, old and new.
          {R"("feature_extractor_type": "ViTFeatureExtractor", "do_normalize": true, "do_resize": true, "size": 32,
               "resample": 2, )" +
               image_half,
           R"("resize": [32, 32], )" + half},
          {R"("image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}, "resample": 3,
               "do_rescale": true, "rescale_factor": 0.00392156862745098, "do_convert_rgb": null, )" +
               image_half,
           R"("resize": [32, 32], "interpolation": "bicubic", )" + half},
          // ConvNeXT's crop_pct, of a small and of a large input.
          {R"("image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 32}, "crop_pct": 0.875,
               "resample": 3, )" +
               image_half,
           R"("resize": 36, "crop": 32, "interpolation": "bicubic", )" + half},
          {R"("feature_extractor_type": "ConvNextFeatureExtractor", "size": 28, "resample": 2, "crop_pct": 0.875,
               "do_center_crop": true, "crop_size": 32, )" +
               image_half,
           R"("resize": 32, "crop": 32, )" + half},
          // A shorter side and a crop.
          {R"("do_center_crop": true, "crop_size": {"height": 32, "width": 32}, "size": {"shortest_edge": 40},
               "resample": 1, )" +
               image_half,
           R"("resize": 40, "crop": 32, "interpolation": "lanczos", )" + half},
          {R"("feature_extractor_type": "CLIPFeatureExtractor", "crop_size": 32, "size": 40, )" + image_half,
           R"("resize": 40, "crop": 32, "interpolation": "bicubic", )" + half},
          {R"("feature_extractor_type": "DeiTFeatureExtractor", "crop_size": 32, "size": 40, )" + image_half,
           R"("resize": [40, 40], "crop": 32, "interpolation": "bicubic", )" + half},
          {R"("feature_extractor_type": "LevitFeatureExtractor", "crop_size": 32, "size": 35, "resample": 5, )" +
               image_half,
           R"("resize": 40, "crop": 32, "interpolation": "hamming", )" + half},
          {R"("image_processor_type": "MobileViTImageProcessor", "do_center_crop": true, "crop_size": 32, "resample": 4,
               "size": {"shortest_edge": 40})",
           R"("resize": 40, "crop": 32, "interpolation": "area", "order": "bgr", "mean": [0, 0, 0], "std": [1, 1, 1])"},
          // Values: no rescaling, an offset, no normalisation.
          {R"("do_resize": false, "crop_size": 32, "do_rescale": false, "image_mean": [51, 102, 153],
               "image_std": [51, 51, 51])",
           R"("crop": 32, "mean": [0.2, 0.4, 0.6], "std": [0.2, 0.2, 0.2])"},
          {R"("size": 32, "do_normalize": false, "resample": 0)",
           R"("resize": [32, 32], "interpolation": "nearest", "mean": [0, 0, 0], "std": [1, 1, 1])"},
          {R"("image_processor_type": "EfficientNetImageProcessor", "size": 32, "rescale_offset": true, "include_top": false,
               "rescale_factor": 0.00784313725490196, "image_mean": [0, 0, 0], "image_std": [1, 1, 1])",
           R"("resize": [32, 32], "interpolation": "nearest", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5])"},
          // timm.
          {R"("architecture": "resnet50", "num_classes": 1000, "pretrained_cfg": {"input_size": [3, 32, 32],
               "interpolation": "bicubic", "crop_pct": 0.95, "crop_mode": "center", "mean": [0.485, 0.456, 0.406],
               "std": [0.229, 0.224, 0.225], "pool_size": [7, 7], "test_input_size": [3, 288, 288]})",
           R"("resize": 33, "crop": 32, "interpolation": "bicubic", )" + imagenet},
          {R"("input_size": [3, 32, 32], "interpolation": "bilinear", "crop_pct": 1.0, "crop_mode": "squash")",
           R"("resize": [32, 32], )" + imagenet},
          // torchvision.
          {R"("crop_size": 32, "resize_size": 36, "interpolation": "InterpolationMode.BILINEAR", "antialias": true)",
           R"("resize": 36, "crop": 32, )" + imagenet},
          {R"("Resize": 36, "CenterCrop": 32, "ToTensor": null, "Normalize": {"mean": [0.5, 0.5, 0.5],
               "std": [0.5, 0.5, 0.5]})",
           R"("resize": 36, "crop": 32, )" + half},
          {R"("Resize": {"size": [32, 32], "interpolation": "InterpolationMode.BICUBIC", "antialias": null})",
           R"("resize": [32, 32], "interpolation": "bicubic", "mean": [0, 0, 0], "std": [1, 1, 1])"},
          // Names of Pillow's filters, one number for all channels, and what other versions of these programs write.
          {R"("size": 32, "resample": "PIL.Image.BICUBIC", "image_mean": 0.5, "image_std": [0.5])",
           R"("resize": [32, 32], "interpolation": "bicubic", )" + half},
          {R"("feature_extractor_type": "PoolFormerFeatureExtractor", "do_resize_and_center_crop": true, "crop_pct": 0.875,
               "size": 32, "crop_size": 32, "resample": 2, )" +
               image_half,
           R"("resize": 36, "crop": 32, )" + half},
          {R"("Resize": {"size": [36], "max_size": null}, "CenterCrop": {"size": [32, 32]}, "ToImage": {},
               "ToDtype": {"dtype": "float32", "scale": true}, "Normalize": {"mean": 0.5, "std": 0.5, "inplace": false})",
           R"("resize": 36, "crop": 32, )" + half},
          {R"("Resize": 36, "CenterCrop": 32, "PILToTensor": {}, "ConvertImageDtype": "float32",
               "Normalize": {"mean": [0.5], "std": [0.5]})",
           R"("resize": 36, "crop": 32, "mean": 0.5, "std": [0.5])"},
          {R"("crop_size": [32], "resize_size": [36], "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5],
               "interpolation": "bicubic", "antialias": false)",
           R"("resize": 36, "crop": 32, "interpolation": "bicubic", "antialias": false, )" + half},
      }) {
    CAPTURE(tried.theirs);
    write_file(theirs, "{" + tried.theirs + "}");
    write_file(ours, "{" + tried.ours + "}");
    CHECK(described(theirs) == described(ours));
  }
}

TEST_CASE("transforms of torchvision may be a list, and gray images have one number") {
  const TemporaryFolder folder;
  const std::string file = folder.path() / "p.json";
  narrow::testing::write_image(folder.path() / "a.ppm", 32, 32);
  const auto described = [&](const std::string& json) {
    write_file(file, json);
    const Ran ran = narrow_command({"classify", "--json", folder.path() / "a.ppm", "--preprocess", file});
    REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
    return ran.json()["preprocessing"];
  };
  CHECK(described(R"([{"Resize": 36}, {"CenterCrop": 32}, "ToTensor", {"Normalize": {"mean": 0.5, "std": 0.25}}])") ==
        described(R"({"resize": 36, "crop": 32, "mean": [0.5, 0.5, 0.5], "std": 0.25})"));
  for (const char* json :
       {R"({"Compose": [{"transforms.Resize": 36}, {"T.CenterCrop": 32}, "torchvision.transforms.ToTensor",
                        {"Normalize": {"mean": 0.5, "std": 0.25}}]})",
        R"({"processor_class": "CLIPProcessor", "image_processor": {"image_processor_type": "CLIPImageProcessor",
            "size": {"shortest_edge": 36}, "crop_size": 32, "resample": 2, "image_mean": 0.5, "image_std": 0.25}})"}) {
    CHECK(described(json) == described(R"({"resize": 36, "crop": 32, "mean": 0.5, "std": 0.25})"));
  }
  // The built-in model takes RGB images, so what is gray is refused with that word, and not because of its numbers.
  for (const char* json : {R"({"crop": 32, "channels": 1, "mean": 0.5, "std": 0.25})",
                           R"({"Resize": [32, 32], "Grayscale": 1, "Normalize": {"mean": 0.5, "std": [0.25]}})",
                           R"({"CenterCrop": 32, "Grayscale": {"num_output_channels": 1}})"}) {
    CAPTURE(json);
    write_file(file, json);
    const Ran ran = narrow_command({"classify", folder.path() / "a.ppm", "--preprocess", file});
    CHECK(ran.exit_code == 1);
    CHECK_MESSAGE(has(ran.err, "32x32x1"), ran.err);
  }
}

TEST_CASE("what a file of Hugging Face leaves out is the default of its image processor") {
  const TemporaryFolder folder;
  const std::string file = folder.path() / "p.json";
  // Its input follows the crop, and no image is needed.
  const auto described = [&](const std::string& json) {
    write_file(file, "{" + json + "}");
    const Ran ran = narrow_command({"convert", "--json", narrow::testing::default_checkpoint(), "--preprocess", file,
                                    "-o", folder.path() / "c.nrw"});
    REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
    return ran.json()["preprocessing"];
  };
  const std::string standard = R"("mean": 0.5, "std": 0.5)";
  const std::string imagenet = R"("mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225])";
  const std::string clip =
      R"("mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711])";
  const std::string bicubic = R"("interpolation": "bicubic", )";
  struct Case {
    std::string theirs;  // the image processor, and what the file says besides
    std::string ours;
  };
  for (const Case& tried : std::vector<Case>{
           {R"("image_processor_type": "ViTImageProcessor")", R"("resize": [224, 224], )" + standard},
           {R"("image_processor_type": "ViTImageProcessorFast")", R"("resize": [224, 224], )" + standard},
           {R"("feature_extractor_type": "ViTFeatureExtractor", "size": 32)", R"("resize": [32, 32], )" + standard},
           {R"("image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 48}, "image_mean": 0.25)",
            R"("resize": [32, 48], "mean": 0.25, "std": 0.5)"},
           {R"("image_processor_type": "ViTImageProcessor", "do_normalize": false)",
            R"("resize": [224, 224], "mean": 0, "std": 1)"},
           {R"("image_processor_type": "DeiTImageProcessor")",
            R"("resize": [256, 256], "crop": 224, )" + bicubic + standard},
           {R"("image_processor_type": "DeiTImageProcessor", "do_center_crop": false)",
            R"("resize": [256, 256], )" + bicubic + standard},
           // From 384 on the image is not cropped.
           {R"("image_processor_type": "ConvNextImageProcessor")", R"("resize": [384, 384], )" + standard},
           {R"("image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224})",
            R"("resize": 256, "crop": 224, )" + standard},
           {R"("image_processor_type": "ConvNextImageProcessor", "crop_pct": 0.95)",
            R"("resize": [384, 384], )" + standard},
           {R"("image_processor_type": "BitImageProcessor")", R"("resize": 224, "crop": 224, )" + bicubic + clip},
           {R"("image_processor_type": "CLIPImageProcessor")", R"("resize": 224, "crop": 224, )" + bicubic + clip},
           {R"("image_processor_type": "CLIPImageProcessor", "crop_size": 64, "size": {"shortest_edge": 80})",
            R"("resize": 80, "crop": 64, )" + bicubic + clip},
           {R"("image_processor_type": "LevitImageProcessor")", R"("resize": 256, "crop": 224, )" + bicubic + imagenet},
           {R"("image_processor_type": "MobileNetV1ImageProcessor")", R"("resize": 256, "crop": 224, )" + standard},
           {R"("image_processor_type": "MobileNetV2ImageProcessor")", R"("resize": 256, "crop": 224, )" + standard},
           {R"("image_processor_type": "MobileNetV2ImageProcessor", "crop_size": {"height": 160, "width": 160},
                "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225])",
            R"("resize": 256, "crop": 160, )" + imagenet},
           {R"("image_processor_type": "PoolFormerImageProcessor")",
            R"("resize": 248, "crop": 224, )" + bicubic + imagenet},
           // Its include_top divides by the standard deviation twice.
           {R"("image_processor_type": "EfficientNetImageProcessor")",
            R"("resize": [346, 346], "interpolation": "nearest", "mean": 0.5, "std": 0.25)"},
           {R"("image_processor_type": "EfficientNetImageProcessor", "do_center_crop": true)",
            R"("resize": [346, 346], "crop": 289, "interpolation": "nearest", "mean": 0.5, "std": 0.25)"},
       }) {
    CAPTURE(tried.theirs);
    CHECK(described(tried.theirs) == described(tried.ours));
  }
}

TEST_CASE("what is wrong in a file of another program is named and the work not begun") {
  check_refused({
      {R"({"size": 32, "image_mean": [0, 0, 0], "image_std": [1, 1, 1], "resampel": 2})", "did you mean 'resample'?"},
      {R"({"size": 32, "image_mean": [0, 0, 0], "image_std": [1, 1, 1], "resample": 6})", "5 hamming"},
      {R"({"size": 32, "image_mean": [0, 0, 0]})", "'image_std' is missing"},
      {R"({"size": {"longest_edge": 32}, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]})", "longest_edge"},
      {R"({"size": {"height": 32}, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]})", "height and width"},
      {R"({"size": {"shortest_edge": 32}, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]})", "add crop_size"},
      {R"({"size": 32, "image_mean": [0, 0, 0], "image_std": [1, 1, 1], "do_pad": true})", "'do_pad'"},
      {R"({"do_resize": false, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]})", "neither do_resize"},
      {R"({"size": 32, "image_mean": [0, 0, 0], "image_std": [1, 1, 1], "rescale_factor": 0})", "'rescale_factor'"},
      {R"({"input_size": [3, 32, 32], "crop_pct": 0})", "'crop_pct' must be above 0"},
      {R"({"input_size": [3, 32, 32], "crop_pct": 1e-9})", "the size before the crop"},
      {R"({"input_size": [3, 32, 32], "crop_mode": "border"})", "'crop_mode' is 'border'"},
      {R"({"input_size": [3, 32, 48]})", "not square"},
      {R"({"input_size": [4, 32, 32]})", "channels (1 or 3)"},
      {R"({"input_size": [3, 32, 32], "crop_pc": 1})", "did you mean 'crop_pct'?"},
      {R"({"pretrained_cfg": 3})", "must be an object"},
      {R"({"pretrained_cfg": {}})", "'input_size' is missing"},
      {R"({"resize_size": 32})", "'crop_size' is missing"},
      {R"({"Resize": 32})", "'CenterCrop' is missing"},
      {R"({"Resize": {"sice": 32}, "CenterCrop": 32})", "did you mean 'size'?"},
      {R"({"Resize": {"interpolation": "bilinear"}, "CenterCrop": 32})", "'Resize' has no 'size'"},
      {R"({"RandomCrop": 32, "CenterCrop": 32})", "transforms of the evaluation"},
      {R"({"RandomResizedCrop": 32, "ToTensor": {}})", "transforms of the evaluation"},
      {R"({"Rezise": 36, "CenterCrop": 32})", "did you mean 'Resize'?"},
      {R"({"Normalize": {"mean": 0.5, "std": 0.5}})", "'CenterCrop' is missing"},
      {R"({"CenterCrop": 32, "Grayscale": 3})", "with 3 channels"},
      {R"([{"CenterCrop": 32}, {"Resize": 36}])", "crops before it resizes"},
      {R"([{"Resize": 36}, {"Resize": 32}])", "twice"},
      {R"([{"Resize": 36, "CenterCrop": 32}])", "a list of transforms"},
      {R"([256, 224])", "a list of transforms"},
      {R"({"image_processor_type": "PerceiverImageProcessor", "size": 32, "crop_size": 36, "image_mean": 0.5,
                "image_std": 0.5})",
       "Perceiver"},
      {R"({"architectures": ["ResNetForImageClassification"], "model_type": "resnet"})", "preprocessor_config.json"},
      {R"({"size": {"longest_edge": 32}, "image_mean": 0.5, "image_std": 0.5})", "--resize and --crop"},
      {R"({"size": 32, "image_mean": 0.5, "image_std": 0.5, "resample": "bicubik"})", "bicubic"},
      {R"({"CenterCrop": 32, "Normalize": {"mean": [0, 0, 0]}})", "'Normalize' has no 'std'"},
      {R"({"CenterCrop": 32, "Normalize": [0, 0, 0]})", "'Normalize' must be an object"},
      {R"({"resize_size": 32, "crop_size": 32, "interpolaton": "bilinear"})", "did you mean 'interpolation'?"},
      // Defaults that are not known here.
      {R"({"image_processor_type": "NewImageProcessor", "image_mean": 0.5, "image_std": 0.5})",
       "'size' is missing, and the default of the image processor 'New' is not known here; add it, or give "
       "--resize and --crop"},
      {R"({"image_processor_type": "MobileViTImageProcessor"})", "'size' is missing"},
      {R"({"image_processor_type": "NewImageProcessor", "size": 32, "image_std": 0.5})",
       "'image_mean' is missing, and the default of the image processor 'New' is not known here; add it, or give "
       "--mean and --std"},
      {R"({"do_resize": true, "image_mean": 0.5, "image_std": 0.5})", "the file names no image processor"},
      {R"({"image_processor_type": "MobileViTImageProcessor", "do_center_crop": true, "size": 32})",
       "'crop_size' is missing"},
  });
}
