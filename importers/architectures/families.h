// The families of networks that Narrow knows by name; one file each.
#pragma once

#include <array>
#include <vector>

#include "importers/architectures/network_builder.h"

namespace narrow::importers {

// ResNets for 32x32 pictures, three stages of `blocks` blocks with 16, 32 and 64 channels.
// convolution_shortcut: where the size changes, the shortcut is a 1x1 convolution; otherwise it is parameter-free
// (option A): every second pixel, and zeros for the new channels, half of them before the old ones.
// Source: He et al., "Deep Residual Learning for Image Recognition" (2015), section 4.2.
Flow build_cifar_resnet(NetworkBuilder& builder, Flow in, int blocks, bool convolution_shortcut);

// ResNets for ImageNet with torchvision's keys, stride in the 3x3 convolution of a bottleneck.
// Source: He et al. (2015), table 1.
Flow build_resnet(NetworkBuilder& builder, Flow in, const std::array<int, 4>& blocks, bool bottleneck);

// MobileNetV2 with torchvision's keys; all channel counts are the weights' own. stride_2_blocks: indices of `features`
// with stride 2, within [0, kMobileNetV2Blocks].
// Source: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (2018), table 2.
Flow build_mobilenet_v2(NetworkBuilder& builder, Flow in, const std::vector<int>& stride_2_blocks);

inline constexpr int kMobileNetV2Blocks = 17;

// MLPerf Tiny's ResNet-8 for 32x32 pictures: three blocks, convolutions with bias and BatchNorm both, and a shortcut
// convolution without BatchNorm. Trained with TensorFlow's SAME padding and epsilon 1e-3.
// Source: Banbury et al., "MLPerf Tiny Benchmark" (2021), image classification.
Flow build_mlperf_tiny_resnet8(NetworkBuilder& builder, Flow in);

}  // namespace narrow::importers
