// The Kullback-Leibler divergence of scores, as a loss.
#pragma once

#include <cstddef>

namespace narrow::graph {

// For each of `images` images with `classes` scores: the divergence of softmax(y) from softmax(target), in nats.
// dy = factor * its gradient, which is softmax(y) - softmax(target). Returns the sum over the images. (Hinton et al.,
// "Distilling the Knowledge in a Neural Network", 2015, with temperature 1.)
[[nodiscard]] double divergence_gradient(const float* y, const float* target, std::size_t images, std::size_t classes,
                                         float factor, float* dy);

}  // namespace narrow::graph
