// Settings of an ONNX file that describe what its network takes and gives.
#pragma once

#include <string>
#include <vector>

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

struct OnnxOptions {
  // How the elements of the network's input form an image, in their order: {height, width, channels}, or {channels,
  // height, width} if only the first number is 1 or 3; {height, width} is gray. It also closes dimensions that the file
  // leaves open. Empty: [N, C, H, W] and [N, H, W, C] are images of 1 or 3 channels, [N, H, W] and [H, W] are gray. A
  // vector is a gray image if its length is a square, and three planes if it is three times a square. The log says what
  // was understood.
  std::vector<int> input_shape;
  // The output whose elements are the scores, or any other tensor of the file, by name. Its elements are taken in the
  // file's order, whatever its shape. Empty: of several outputs the one that looks most like scores, which the log
  // names; its shape must be one score per class. Where a network ends in ArgMax or TopK, the scores are what those
  // read.
  std::string output;
};

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
