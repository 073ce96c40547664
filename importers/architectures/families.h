// The families of named architectures, one file each.
#pragma once

#include <array>
#include <vector>

#include "importers/architectures/network_builder.h"

namespace narrow::importers {

// ResNets for 32x32 images, three stages of `blocks` blocks with 16, 32 and 64 channels. Where the size changes, the
// shortcut is a 1x1 convolution if `convolution_shortcut`. Otherwise it has no parameters (option A): every second
// pixel, and zeros for the new channels, half of them before the old ones. Source: He et al., "Deep Residual Learning
// for Image Recognition" (2015), section 4.2.
Flow build_cifar_resnet(NetworkBuilder& builder, Flow in, int blocks, bool convolution_shortcut);

struct ResnetShape {
  std::array<int, 4> blocks{};
  bool bottleneck = false;
  int inner_width = 1;  // channels of a bottleneck's 3x3 convolution, as a multiple of the ResNet's
  int groups = 1;       // of that convolution
  friend constexpr bool operator==(const ResnetShape&, const ResnetShape&) = default;
};
inline constexpr ResnetShape kResnet18{{2, 2, 2, 2}, false};
inline constexpr ResnetShape kResnet34{{3, 4, 6, 3}, false};
inline constexpr ResnetShape kResnet50{{3, 4, 6, 3}, true};
inline constexpr ResnetShape kResnet101{{3, 4, 23, 3}, true};
inline constexpr ResnetShape kResnet152{{3, 8, 36, 3}, true};
inline constexpr ResnetShape kResnext50{{3, 4, 6, 3}, true, 2, 32};
inline constexpr ResnetShape kWideResnet50{{3, 4, 6, 3}, true, 2, 1};

// ResNets for ImageNet with torchvision's keys, stride in the 3x3 convolution of a bottleneck; ResNeXt and wide
// ResNets. Source: He et al. (2015), table 1; Xie et al., "Aggregated Residual Transformations for Deep Neural
// Networks" (2016); Zagoruyko and Komodakis, "Wide Residual Networks" (2016).
Flow build_resnet(NetworkBuilder& builder, Flow in, const ResnetShape& shape);

// MobileNetV2 with torchvision's keys; all channel counts are the weights' own. stride_2_blocks: indices of `features`
// with stride 2, within [0, kMobileNetV2Blocks].
// Source: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (2018), table 2.
Flow build_mobilenet_v2(NetworkBuilder& builder, Flow in, const std::vector<int>& stride_2_blocks);

inline constexpr int kMobileNetV2Blocks = 17;

// MLPerf Tiny's ResNet-8 for 32x32 images: three blocks, convolutions with bias and BatchNorm, and a shortcut
// convolution without BatchNorm. It was trained with TensorFlow's SAME padding and epsilon 1e-3. Source: Banbury et
// al., "MLPerf Tiny Benchmark" (2021), image classification.
Flow build_mlperf_tiny_resnet8(NetworkBuilder& builder, Flow in);

// The networks below have torchvision's keys. Where torchvision's layers differ from the paper's, they have
// torchvision's.

// Krizhevsky, "One weird trick for parallelizing convolutional neural networks" (2014), one column.
Flow build_alexnet(NetworkBuilder& builder, Flow in);

struct VggShape {
  std::array<int, 5> convolutions{};  // of each stage
  bool batch_norm = false;
};

// Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (2014), table 1.
Flow build_vgg(NetworkBuilder& builder, Flow in, const VggShape& shape);

// Iandola et al., "SqueezeNet" (2016), table 1; version 1.1 is that of the authors' repository.
Flow build_squeezenet(NetworkBuilder& builder, Flow in, bool version_1_1);

// DenseNet-BC with growth rate 32. Huang et al., "Densely Connected Convolutional Networks" (2016), table 1.
Flow build_densenet(NetworkBuilder& builder, Flow in, const std::array<int, 4>& blocks);

// Szegedy et al., "Going Deeper with Convolutions" (2014), table 1, with BatchNorm. Auxiliary classifiers are left out.
Flow build_googlenet(NetworkBuilder& builder, Flow in);

// Szegedy et al., "Rethinking the Inception Architecture for Computer Vision" (2015). The auxiliary classifier is left
// out.
Flow build_inception_v3(NetworkBuilder& builder, Flow in);

// channels: of the three stages. Ma et al., "ShuffleNet V2" (2018), table 5.
Flow build_shufflenet_v2(NetworkBuilder& builder, Flow in, const std::array<int, 3>& channels);

// All channel counts are the weights' own. Howard et al., "Searching for MobileNetV3" (2019), tables 1 and 2.
Flow build_mobilenet_v3_small(NetworkBuilder& builder, Flow in);
Flow build_mobilenet_v3_large(NetworkBuilder& builder, Flow in);

// MnasNet-B1; all channel counts are the weights' own.
// Tan et al., "MnasNet: Platform-Aware Neural Architecture Search for Mobile" (2018).
Flow build_mnasnet(NetworkBuilder& builder, Flow in);

// All channel counts are the weights' own. Tan and Le, "EfficientNet" (2019), table 1.
Flow build_efficientnet_b0(NetworkBuilder& builder, Flow in);

struct RegnetShape {
  std::array<int, 4> blocks{};
  std::array<int, 4> widths{};
  int group_width = 1;
  bool squeezes = false;  // RegNetY: squeeze-and-excitation in every block
};

// Radosavovic et al., "Designing Network Design Spaces" (2020).
Flow build_regnet(NetworkBuilder& builder, Flow in, const RegnetShape& shape);

}  // namespace narrow::importers
