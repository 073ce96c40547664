#include "apps/run/bench_inputs.h"

#include <algorithm>
#include <random>

#include "base/try.h"
#include "narrow/image.h"

namespace narrow::cli {

BenchInputs random_inputs(const TensorShape& shape, const Preprocessing& preprocessing, std::size_t images,
                          std::uint64_t seed) {
  BenchInputs inputs;
  inputs.image_elems = static_cast<std::size_t>(shape.elems());
  inputs.values.resize(images * inputs.image_elems);
  std::mt19937_64 random(seed);
  const auto channels = static_cast<std::size_t>(shape.channels);
  const bool known = shape.channels == preprocessing.channels;  // if not, there is no preprocessing for these pixels
  for (std::size_t i = 0; i < inputs.values.size(); ++i) {
    const float pixel = static_cast<float>(random() >> 56) / 255.0F;
    const std::size_t c = i % channels;
    inputs.values[i] = known ? (pixel - preprocessing.mean[c]) / preprocessing.std[c] : pixel;
  }
  return inputs;
}

Result<BenchInputs> image_inputs(const std::vector<std::string>& paths, const TensorShape& shape,
                                 const Preprocessing& preprocessing, std::size_t images, std::size_t& used) {
  NARROW_ASSIGN(const PictureSet set, PictureSet::open({paths.begin(), paths.end()}));
  BenchInputs inputs;
  inputs.image_elems = static_cast<std::size_t>(shape.elems());
  inputs.values.resize(images * inputs.image_elems);
  used = std::min(set.size(), images);
  for (std::size_t i = 0; i < images; ++i) {
    const std::span<float> to = std::span(inputs.values).subspan(i * inputs.image_elems, inputs.image_elems);
    if (i >= used) {
      std::copy_n(inputs.values.data() + (i - used) * inputs.image_elems, inputs.image_elems, to.data());
      continue;
    }
    NARROW_ASSIGN(const LabelledPicture image, set.get(i * set.size() / used));
    NARROW_TRY(preprocess(image.picture, preprocessing, to));
  }
  return inputs;
}

}  // namespace narrow::cli
