// The real networks of the data folder: how each is imported, and the accuracy of its README.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "narrow/float_model.h"
#include "narrow/image.h"
#include "narrow/model.h"
#include "narrow/quantize.h"
#include "narrow/session.h"

namespace narrow::testing {

struct RealModel {
  std::string weights;      // relative to the data folder
  ImportOptions import;     // architecture and preprocessing of the README
  std::string evaluation;   // images to evaluate on, relative to the data folder
  std::string calibration;  // images to calibrate on
  std::size_t calibration_limit = 0;
  Preprocessing evaluation_preprocessing;
  int expected_correct = 0;  // float top-1, in images
  int float_tolerance = 0;   // images
  int allowed_loss_8_8 = 0;  // images below float at 8/8 bits
};

[[nodiscard]] std::vector<RealModel> cifar_resnets();
[[nodiscard]] RealModel mobilenet_v2_imagenet();
[[nodiscard]] RealModel mobilenet_v2_cifar();
[[nodiscard]] RealModel mobilenet_v2_035_tiny_imagenet();

[[nodiscard]] RealModel mobilenet_v1_imagenet();  // in ONNX

// Float networks in ONNX.
[[nodiscard]] std::vector<RealModel> onnx_models();

// One network in several files.
struct SameNetwork {
  RealModel checkpoint;
  std::vector<std::string> onnx;  // relative to the data folder
};
[[nodiscard]] std::vector<SameNetwork> same_networks();

// A network whose file is pre-quantized.
struct PreQuantizedModel {
  RealModel real;
  double expected_percent = 0;  // top-1 of the data's README
  int weight_bits = 8;          // of the layers whose weights the file gives as integers
  int narrow_layers = 0;        // how many those are
  double may_lose = 0.3;        // points of top-1, by what stays to be rounded
};
[[nodiscard]] std::vector<PreQuantizedModel> fully_pre_quantized_models();
// First and last layer and the residual adds are float in the file: they are calibrated.
[[nodiscard]] std::vector<PreQuantizedModel> partly_pre_quantized_models();

// Number of images whose best class is the label.
[[nodiscard]] int count_correct(const FloatModel& model, const PictureSet& images, const Preprocessing& preprocessing);
[[nodiscard]] int count_correct(const Model& model, const PictureSet& images, const Preprocessing& preprocessing);

// Scores of the first `limit` images (0: all), one row of classes an image.
[[nodiscard]] std::vector<float> scores_of(const Model& model, const PictureSet& images,
                                           const Preprocessing& preprocessing, std::size_t limit,
                                           const SessionOptions& options);

[[nodiscard]] std::vector<float> scores_of(const FloatModel& model, const PictureSet& images,
                                           const Preprocessing& preprocessing, std::size_t limit);

[[nodiscard]] Quantized quantize_real(const RealModel& real, const FloatModel& model, const std::filesystem::path& data,
                                      QuantizeOptions options = {});

// Number of the network's images whose best class is the label, with so many bits of weights and activations; printed.
[[nodiscard]] int count_correct_at(int bits, const RealModel& real, const std::filesystem::path& data);

}  // namespace narrow::testing
