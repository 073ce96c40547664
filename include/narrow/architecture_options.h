// Networks by name, for files that hold nothing but weights.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace narrow {

// Settings of a named architecture that a file of weights does not tell. Only `input_size` applies to ONNX, where the
// file leaves the size open.
struct ArchitectureOptions {
  // "cifar_resnet20", "resnet18", "mobilenet_v2", ...; empty: recognised from the keys, where they tell.
  std::string name;
  // Height and width of the input; 0: the architecture's own (32 or 224).
  int input_size = 0;
  // TensorFlow's SAME padding, where a stride of 2 pads only bottom and right. Nothing: as the architecture is known.
  std::optional<bool> tf_padding;
  std::optional<double> batch_norm_epsilon;  // nothing: the architecture's own, mostly 1e-5
  // Indices of MobileNetV2's `features` blocks with stride 2; nothing: the paper's {0, 2, 4, 7, 14}.
  std::optional<std::vector<int>> stride_2_blocks;
};

}  // namespace narrow
