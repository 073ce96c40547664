#include "tests/pipeline/real_models.h"

#include <algorithm>
#include <cstdio>
#include <functional>

namespace narrow::testing {
namespace {

Preprocessing cropped(std::string_view preset, std::optional<int> resize, int crop) {
  Preprocessing preprocessing = preprocessing_preset(preset).value();
  preprocessing.resize = resize;
  preprocessing.crop_height = preprocessing.crop_width = crop;
  return preprocessing;
}

RealModel cifar(std::string weights, std::string architecture, std::string_view preset, int correct) {
  RealModel real;
  real.weights = "models/" + std::move(weights);
  real.import.architecture.name = std::move(architecture);
  real.import.preprocessing = preprocessing_preset(preset).value();
  real.evaluation = "cifar10_lossless/test_500.bin";
  real.calibration = "cifar10_lossless/calibration_2000.bin";
  real.calibration_limit = 512;
  real.evaluation_preprocessing = *real.import.preprocessing;
  real.expected_correct = correct;
  real.allowed_loss_8_8 = 3;
  return real;
}

// Calls `visit(index, input)` with each image's network input.
void for_each_input(const PictureSet& images, const Preprocessing& preprocessing, std::size_t limit,
                    const std::function<void(const LabelledPicture&, std::span<const float>)>& visit) {
  std::vector<float> input(static_cast<std::size_t>(preprocessing.crop_height) * preprocessing.crop_width *
                           static_cast<std::size_t>(preprocessing.channels));
  const std::size_t count = limit == 0 ? images.size() : std::min(limit, images.size());
  for (std::size_t i = 0; i < count; ++i) {
    const LabelledPicture image = images.get(i).value();
    preprocess(image.picture, preprocessing, input).value();
    visit(image, input);
  }
}

template <class AnySession>
int count_correct_of(AnySession& session, std::int64_t classes, const PictureSet& images,
                     const Preprocessing& preprocessing) {
  std::vector<float> scores(static_cast<std::size_t>(classes));
  int correct = 0;
  for_each_input(images, preprocessing, 0, [&](const LabelledPicture& image, std::span<const float> input) {
    session.run(input, scores).value();
    if (top_k(scores, 1)[0].class_index == image.label.value()) ++correct;
  });
  return correct;
}

}  // namespace

std::vector<RealModel> cifar_resnets() {
  std::vector<RealModel> all;
  all.push_back(
      cifar("resnet20_cifar10_akamaster/resnet20_cifar10_akamaster.pth", "cifar_resnet20", "cifar10-imagenet", 455));
  all.push_back(cifar("resnet20_cifar10_akamaster/resnet20.legacy.th", "cifar_resnet20", "cifar10-imagenet", 455));
  all.push_back(
      cifar("resnet56_cifar10_akamaster/resnet56_cifar10_akamaster.pth", "cifar_resnet56", "cifar10-imagenet", 470));
  all.push_back(cifar("resnet56_cifar10_akamaster/resnet56.legacy.th", "cifar_resnet56", "cifar10-imagenet", 470));
  all.push_back(
      cifar("resnet20b_cifar10_metaquant/resnet20b_cifar10_metaquant.pth", "cifar_resnet20b", "cifar10", 463));
  RealModel tiny =
      cifar("resnet8_cifar10_mlperftiny/resnet8_cifar10_mlperftiny.pth", "mlperf_tiny_resnet8", "raw", 445);
  tiny.import.architecture.tf_padding = true;
  tiny.import.architecture.batch_norm_epsilon = 1e-3;
  all.push_back(tiny);
  return all;
}

RealModel mobilenet_v2_imagenet() {
  RealModel real;
  real.weights = "models/mobilenet_v2_100_224_imagenet_recon/mobilenet_v2_100_224_imagenet_recon.pth";
  real.import.architecture.name = "mobilenet_v2";
  real.import.preprocessing = preprocessing_preset("imagenet").value();
  real.evaluation = "imagenet_val/labels.tsv";
  real.calibration = "imagenet_samples";
  real.evaluation_preprocessing = cropped("imagenet", std::nullopt, 224);
  real.expected_correct = 401;
  real.float_tolerance = 2;
  real.allowed_loss_8_8 = 7;
  return real;
}

RealModel mobilenet_v2_cifar() {
  RealModel real =
      cifar("mobilenet_v2_100_cifar10_recon/mobilenet_v2_100_cifar10_recon.pth", "mobilenet_v2", "cifar10", 446);
  real.import.architecture.input_size = {32, 32};
  real.import.architecture.stride_2_blocks = std::vector<int>{0, 4, 14};
  real.allowed_loss_8_8 = 7;
  return real;
}

RealModel mobilenet_v2_035_tiny_imagenet() {
  RealModel real;
  real.weights = "models/mobilenet_v2_035_128_tinyimagenet200/mobilenet_v2_035_128_tinyimagenet200.pth";
  real.import.architecture.name = "mobilenet_v2";
  real.import.architecture.input_size = {128, 128};
  real.import.architecture.tf_padding = true;
  real.import.architecture.batch_norm_epsilon = 1e-3;
  real.import.preprocessing = cropped("mobilenet-tf", 128, 128);
  real.evaluation = "tinyimagenet_val/labels.tsv";
  real.calibration = "imagenet_samples";
  real.evaluation_preprocessing = *real.import.preprocessing;
  real.allowed_loss_8_8 = 30;  // 1.5 points of 2000 images
  return real;
}

namespace {

// The same network in ONNX: the file says everything but the preprocessing.
RealModel in_onnx(RealModel real, std::string file) {
  real.weights = "models/" + std::move(file);
  real.import.architecture = {};
  return real;
}

RealModel mnist(const std::string& name) {
  RealModel real;
  real.weights = "models/" + name + "/" + name + ".qdq.onnx";
  Preprocessing preprocessing;
  preprocessing.crop_height = preprocessing.crop_width = 28;
  preprocessing.channels = 1;
  preprocessing.mean.fill(0.131F);
  preprocessing.std.fill(0.308F);
  real.import.preprocessing = preprocessing;
  real.evaluation_preprocessing = preprocessing;
  real.evaluation = "mnist/t10k-images-idx3-ubyte.gz";
  // There are no training digits; ranges from a hundredth of the test digits say nothing about their labels.
  real.calibration = real.evaluation;
  real.calibration_limit = 100;
  return real;
}

}  // namespace

RealModel mobilenet_v1_imagenet() {
  RealModel v1 =
      in_onnx(mobilenet_v2_imagenet(), "mobilenet_v1_025_224_imagenet/mobilenet_v1_025_224_imagenet.folded.onnx");
  v1.import.preprocessing = cropped("mobilenet-tf", 256, 224);
  v1.evaluation_preprocessing = cropped("mobilenet-tf", std::nullopt, 224);
  v1.expected_correct = 340;  // 336 where the crop of 224 from 227 begins at 1 and not, as in torchvision, at 2
  return v1;
}

std::vector<RealModel> onnx_models() {
  std::vector<RealModel> all;
  all.push_back(in_onnx(cifar_resnets()[0], "resnet20_cifar10_akamaster/resnet20_cifar10_akamaster.bn.onnx"));
  all.push_back(in_onnx(cifar_resnets()[2], "resnet56_cifar10_akamaster/resnet56_cifar10_akamaster.folded.onnx"));
  all.push_back(in_onnx(cifar_resnets()[4], "resnet20b_cifar10_metaquant/resnet20b_cifar10_metaquant.bn.onnx"));
  all.push_back(in_onnx(cifar_resnets()[5], "resnet8_cifar10_mlperftiny/resnet8_cifar10_mlperftiny.bn.onnx"));
  all.push_back(in_onnx(mobilenet_v2_imagenet(),
                        "mobilenet_v2_100_224_imagenet_recon/mobilenet_v2_100_224_imagenet_recon.bn.onnx"));
  all.push_back(in_onnx(mobilenet_v2_cifar(), "mobilenet_v2_100_cifar10_recon/mobilenet_v2_100_cifar10_recon.bn.onnx"));
  all.push_back(mobilenet_v1_imagenet());
  return all;
}

std::vector<SameNetwork> same_networks() {
  std::vector<SameNetwork> all;
  const auto add = [&](const RealModel& checkpoint, const std::string& name, const std::vector<std::string>& kinds) {
    SameNetwork same{checkpoint, {}};
    for (const std::string& kind : kinds) same.onnx.push_back("models/" + name + "/" + name + "." + kind + ".onnx");
    all.push_back(same);
  };
  add(cifar_resnets()[0], "resnet20_cifar10_akamaster", {"bn", "folded", "torchraw"});
  add(cifar_resnets()[2], "resnet56_cifar10_akamaster", {"bn", "folded"});
  add(cifar_resnets()[4], "resnet20b_cifar10_metaquant", {"bn", "folded"});
  add(cifar_resnets()[5], "resnet8_cifar10_mlperftiny", {"bn", "folded"});
  add(mobilenet_v2_imagenet(), "mobilenet_v2_100_224_imagenet_recon", {"bn"});
  add(mobilenet_v2_cifar(), "mobilenet_v2_100_cifar10_recon", {"bn"});
  add(mobilenet_v2_035_tiny_imagenet(), "mobilenet_v2_035_128_tinyimagenet200", {"bn", "folded"});
  return all;
}

std::vector<PreQuantizedModel> fully_pre_quantized_models() {
  std::vector<PreQuantizedModel> all;
  for (const char* file : {"resnet20b_cifar10_qat_qdq.onnx", "resnet20b_cifar10_qat_qdq.torchraw.onnx"}) {
    all.push_back({in_onnx(cifar_resnets()[4], std::string("resnet20b_cifar10_qat_qdq/") + file), 91.7});
  }
  RealModel zoo = in_onnx(mobilenet_v2_imagenet(), "");
  zoo.weights = "onnx_quantized/mobilenetv2-12-int8.onnx";
  all.push_back({zoo, 78.0});
  return all;
}

std::vector<PreQuantizedModel> partly_pre_quantized_models() {
  constexpr int kMnistLayers = 11;
  constexpr int kCifarLayers = 20;
  std::vector<PreQuantizedModel> all;
  // Its biases are float, and a unit of an accumulator is an eighth of an output's step: 97.91 to 98.17 % are right, by
  // the calibration images (docs/calibration.md).
  all.push_back({mnist("mnist_resnet10_2bit_uniform_qat"), 98.27, 2, kMnistLayers, 0.4});
  all.push_back({mnist("mnist_resnet10_4bit_uniform_qat"), 98.73, 4, kMnistLayers});
  RealModel ternary = in_onnx(cifar_resnets()[4], "resnet20b_cifar10_apot_w2/resnet20b_cifar10_apot_w2a8.qdq.onnx");
  ternary.import.preprocessing->mean = {0.491F, 0.482F, 0.447F};
  ternary.import.preprocessing->std = {0.247F, 0.243F, 0.262F};
  ternary.evaluation_preprocessing = *ternary.import.preprocessing;
  all.push_back({ternary, 92.0, 2, kCifarLayers});
  return all;
}

int count_correct(const FloatModel& model, const PictureSet& images, const Preprocessing& preprocessing) {
  FloatSession session = FloatSession::create(model).value();
  return count_correct_of(session, model.classes(), images, preprocessing);
}

int count_correct(const Model& model, const PictureSet& images, const Preprocessing& preprocessing) {
  Session session = Session::create(model).value();
  return count_correct_of(session, model.classes(), images, preprocessing);
}

std::vector<float> scores_of(const Model& model, const PictureSet& images, const Preprocessing& preprocessing,
                             std::size_t limit, const SessionOptions& options) {
  Session session = Session::create(model, options).value();
  const auto classes = static_cast<std::size_t>(model.classes());
  const auto input_elems = static_cast<std::size_t>(model.input_shape().elems());
  std::vector<float> all, batch;
  const auto flush = [&] {
    const std::size_t images_in_batch = batch.size() / input_elems;
    all.resize(all.size() + images_in_batch * classes);
    session.run(batch, std::span(all).last(images_in_batch * classes)).value();
    batch.clear();
  };
  for_each_input(images, preprocessing, limit, [&](const LabelledPicture&, std::span<const float> input) {
    batch.insert(batch.end(), input.begin(), input.end());
    if (batch.size() == input_elems * static_cast<std::size_t>(options.max_batch)) flush();
  });
  if (!batch.empty()) flush();
  return all;
}

std::vector<float> scores_of(const FloatModel& model, const PictureSet& images, const Preprocessing& preprocessing,
                             std::size_t limit) {
  FloatSession session = FloatSession::create(model).value();
  std::vector<float> all;
  std::vector<float> scores(static_cast<std::size_t>(model.classes()));
  for_each_input(images, preprocessing, limit, [&](const LabelledPicture&, std::span<const float> input) {
    session.run(input, scores).value();
    all.insert(all.end(), scores.begin(), scores.end());
  });
  return all;
}

Quantized quantize_real(const RealModel& real, const FloatModel& model, const std::filesystem::path& data,
                        QuantizeOptions options) {
  options.threads = 2;
  const PictureSet images = PictureSet::open({data / real.calibration}).value();
  return quantize(model, calibration_inputs(images, model.preprocessing(), real.calibration_limit), options).value();
}

int count_correct_at(int bits, const RealModel& real, const std::filesystem::path& data) {
  const FloatModel model = FloatModel::load(data / real.weights, real.import).value();
  const PictureSet images = PictureSet::open({data / real.evaluation}).value();
  QuantizeOptions options;
  options.weight_bits = options.activation_bits = bits;
  const Quantized quantized = quantize_real(real, model, data, options);
  const int correct = count_correct(quantized.model, images, real.evaluation_preprocessing);
  std::printf("%s: %d/%d %d of %zu\n", real.weights.c_str(), bits, bits, correct, images.size());
  return correct;
}

}  // namespace narrow::testing
