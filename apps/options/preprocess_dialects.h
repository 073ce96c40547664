// How other programs write down a preprocessing in JSON.
#pragma once

#include <optional>

#include "apps/options/json_object.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow::cli {

// Reads the object if it is one of these. Each is recognised by its keys:
// - Hugging Face: preprocessor_config.json (do_resize, size, crop_size, crop_pct, resample, rescale_factor, image_mean,
//   image_std, ...), of the image processors of ViT, DeiT, ConvNeXT, BiT, CLIP, LeViT, MobileNet, MobileViT,
//   PoolFormer, EfficientNet and those that use one of them;
// - timm: config.json with pretrained_cfg, or that object alone (input_size, crop_pct, crop_mode, interpolation, mean,
//   std);
// - torchvision: the arguments of its presets (crop_size, resize_size, mean, std, interpolation, antialias), or its
//   transforms by name (Resize, CenterCrop, ToTensor, Normalize).
// Nothing: it is none of them. Errors: a missing, unknown or wrong key, by name; a preparation that can't be done here.
[[nodiscard]] Result<std::optional<Preprocessing>> read_dialect(const JsonObject& object);

}  // namespace narrow::cli
