// Settings of named architectures, for files that hold only weights.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// Height and width in pixels. 0: not given.
struct InputSize {
  int height = 0;
  int width = 0;

  [[nodiscard]] constexpr bool given() const { return height != 0 || width != 0; }
  friend constexpr bool operator==(const InputSize&, const InputSize&) = default;
};

// Settings of a named architecture that a file of weights does not hold. Only `input_size` applies to ONNX, if the file
// leaves the size open.
struct ArchitectureOptions {
  // "cifar_resnet20", "resnet18", "mobilenet_v2", ... Empty: recognised from the keys of the weights, if they are
  // unambiguous.
  std::string name;
  // Which weights of a file to read: the key of a state dict ("model", "ema.module") or the prefix of names
  // ("student"). Empty: a known architecture before none, a key without a word of averages and training ("ema",
  // "teacher", "optimizer") before one with it, then the most elements, then the first in the file.
  std::string state_dict;
  // Of the network's input, each 1 to 8192. Not given: that of the architecture (32 or 224 a side).
  InputSize input_size;
  // TensorFlow's SAME padding, where a stride of 2 pads only bottom and right. Nothing: as in the architecture.
  std::optional<bool> tf_padding;
  std::optional<double> batch_norm_epsilon;  // nothing: of a whole module, or the architecture
  // Indices of MobileNetV2's `features` blocks with stride 2. Nothing: {0, 2, 4, 7, 14} as in the paper.
  std::optional<std::vector<int>> stride_2_blocks;
};

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
