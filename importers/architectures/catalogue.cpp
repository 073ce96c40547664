#include "importers/architectures/catalogue.h"

#include <algorithm>
#include <array>

#include "importers/architectures/families.h"

namespace narrow::importers {
namespace {

// Each makes the function of a row from the function of a family and the parameters of one network.
template <auto kBuild>
Flow plain(NetworkBuilder& builder, const Flow& in, const ArchitectureOptions& /*options*/) {
  return kBuild(builder, in);
}
template <int kBlocks, bool kConvolutionShortcut>
Flow cifar_resnet(NetworkBuilder& builder, const Flow& in, const ArchitectureOptions& /*options*/) {
  return build_cifar_resnet(builder, in, kBlocks, kConvolutionShortcut);
}
template <ResnetShape kShape>
Flow resnet(NetworkBuilder& builder, const Flow& in, const ArchitectureOptions& /*options*/) {
  return build_resnet(builder, in, kShape);
}
template <VggShape kShape>
Flow vgg(NetworkBuilder& builder, const Flow& in, const ArchitectureOptions& /*options*/) {
  return build_vgg(builder, in, kShape);
}
template <bool kVersion11>
Flow squeezenet(NetworkBuilder& builder, const Flow& in, const ArchitectureOptions& /*options*/) {
  return build_squeezenet(builder, in, kVersion11);
}
template <std::array kBlocks>
Flow densenet(NetworkBuilder& builder, const Flow& in, const ArchitectureOptions& /*options*/) {
  return build_densenet(builder, in, kBlocks);
}
template <std::array kChannels>
Flow shufflenet(NetworkBuilder& builder, const Flow& in, const ArchitectureOptions& /*options*/) {
  return build_shufflenet_v2(builder, in, kChannels);
}
template <RegnetShape kShape>
Flow regnet(NetworkBuilder& builder, const Flow& in, const ArchitectureOptions& /*options*/) {
  return build_regnet(builder, in, kShape);
}
Flow mobilenet_v2(NetworkBuilder& builder, const Flow& in, const ArchitectureOptions& options) {
  return build_mobilenet_v2(builder, in, options.stride_2_blocks.value_or(std::vector<int>{0, 2, 4, 7, 14}));
}

constexpr auto kArchitectures = std::to_array<Architecture>({
    {"cifar_resnet20", 269'722, cifar_resnet<3, false>, 32, "cifar10-imagenet"},
    {"cifar_resnet32", 464'154, cifar_resnet<5, false>, 32, "cifar10-imagenet"},
    {"cifar_resnet44", 658'586, cifar_resnet<7, false>, 32, "cifar10-imagenet"},
    {"cifar_resnet56", 853'018, cifar_resnet<9, false>, 32, "cifar10-imagenet"},
    {"cifar_resnet110", 1'727'962, cifar_resnet<18, false>, 32, "cifar10-imagenet"},
    {"cifar_resnet20b", 272'474, cifar_resnet<3, true>, 32, "cifar10"},
    {"cifar_resnet32b", 466'906, cifar_resnet<5, true>, 32, "cifar10"},
    {"cifar_resnet44b", 661'338, cifar_resnet<7, true>, 32, "cifar10"},
    {"cifar_resnet56b", 855'770, cifar_resnet<9, true>, 32, "cifar10"},
    {"cifar_resnet110b", 1'730'714, cifar_resnet<18, true>, 32, "cifar10"},
    {"resnet18", 11'689'512, resnet<kResnet18>},
    {"resnet34", 21'797'672, resnet<kResnet34>},
    {"resnet50", 25'557'032, resnet<kResnet50>},
    {"resnet101", 44'549'160, resnet<kResnet101>},
    {"resnet152", 60'192'808, resnet<kResnet152>},
    {"resnext50_32x4d", 25'028'904, resnet<kResnext50>},
    {"wide_resnet50_2", 68'883'240, resnet<kWideResnet50>},
    {"alexnet", 61'100'840, plain<build_alexnet>},
    {"vgg11", 132'863'336, vgg<VggShape{{1, 1, 2, 2, 2}, false}>},
    {"vgg13", 133'047'848, vgg<VggShape{{2, 2, 2, 2, 2}, false}>},
    {"vgg16", 138'357'544, vgg<VggShape{{2, 2, 3, 3, 3}, false}>},
    {"vgg19", 143'667'240, vgg<VggShape{{2, 2, 4, 4, 4}, false}>},
    {"vgg11_bn", 132'868'840, vgg<VggShape{{1, 1, 2, 2, 2}, true}>},
    {"vgg13_bn", 133'053'736, vgg<VggShape{{2, 2, 2, 2, 2}, true}>},
    {"vgg16_bn", 138'365'992, vgg<VggShape{{2, 2, 3, 3, 3}, true}>},
    {"vgg19_bn", 143'678'248, vgg<VggShape{{2, 2, 4, 4, 4}, true}>},
    {"squeezenet1_0", 1'248'424, squeezenet<false>},
    {"squeezenet1_1", 1'235'496, squeezenet<true>},
    {"densenet121", 7'978'856, densenet<std::array{6, 12, 24, 16}>},
    // torchvision's weights of these two were trained on pixels from -1 to 1. torchvision's models convert ImageNet's
    // mean and deviation to that within the network (transform_input).
    {"googlenet", 6'624'904, plain<build_googlenet>, 224, "mobilenet-tf", false, 1e-3},
    {"inception_v3", 23'834'568, plain<build_inception_v3>, 299, "mobilenet-tf", false, 1e-3},
    {"shufflenet_v2_x0_5", 1'366'792, shufflenet<std::array{48, 96, 192}>},
    {"shufflenet_v2_x1_0", 2'278'604, shufflenet<std::array{116, 232, 464}>},
    {"mobilenet_v2", 3'504'872, mobilenet_v2},
    {"mobilenet_v3_small", 2'542'856, plain<build_mobilenet_v3_small>, 224, "imagenet", false, 1e-3},
    {"mobilenet_v3_large", 5'483'032, plain<build_mobilenet_v3_large>, 224, "imagenet", false, 1e-3},
    {"mnasnet1_0", 4'383'312, plain<build_mnasnet>},
    // torchvision resizes for this network with bicubic interpolation, which Narrow does not have. Bilinear is close.
    {"efficientnet_b0", 5'288'548, plain<build_efficientnet_b0>},
    {"regnet_x_400mf", 5'495'976, regnet<RegnetShape{{1, 2, 7, 12}, {32, 64, 160, 400}, 16, false}>},
    {"regnet_y_400mf", 4'344'144, regnet<RegnetShape{{1, 3, 6, 6}, {48, 104, 208, 440}, 8, true}>},
    {"mlperf_tiny_resnet8", 78'186, plain<build_mlperf_tiny_resnet8>, 32, "raw", true, 1e-3},
});

}  // namespace

std::span<const Architecture> catalogue() { return kArchitectures; }

const Architecture* find_architecture(std::string_view name) {
  const auto* const found = std::find_if(kArchitectures.begin(), kArchitectures.end(),
                                         [&](const Architecture& architecture) { return architecture.name == name; });
  return found == kArchitectures.end() ? nullptr : found;
}

}  // namespace narrow::importers
