// Preprocessing as image processors of Hugging Face write it down.
#pragma once

#include "apps/options/json_object.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow::cli {

// Reads preprocessor_config.json (image_processor_type, do_resize, size, crop_size, crop_pct, resample, rescale_factor,
// image_mean, image_std, ...). What it leaves out is the default of its image processor: of ViT, DeiT, ConvNeXT, BiT,
// CLIP, LeViT, MobileNet, PoolFormer and EfficientNet. Errors: an unknown or wrong key, or a missing one of another
// image processor, by name; a preparation that can't be done here.
[[nodiscard]] Result<Preprocessing> read_hugging_face(const JsonObject& object);

}  // namespace narrow::cli
