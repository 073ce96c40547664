// Networks of a few weights, as files that the command reads.
#pragma once

#include <filesystem>
#include <string>

#include "graph/ir.h"
#include "narrow/float_model.h"

namespace narrow::testing {

struct TinyNetwork {
  int channels = 3;      // of the image: 3 or 1
  int side = 8;          // of the image; the height where it has another width
  int width = 0;         // of the image; 0: side
  bool softmax = false;  // at the end
  bool sigmoid = false;  // at the end
  bool root = false;     // of each score, at the end: NaN where that is below 0
  int classes = 10;
  int more_layers = 0;  // convolutions of single pixels behind the first one
  std::string architecture = "tiny";
  std::string prefix = {};  // of the names of nodes
};

// A convolution with ReLU, a global average, a linear layer. Always the same weights.
[[nodiscard]] FloatModel tiny_network(const TinyNetwork& tiny = {});
// Written as ONNX, which holds no preprocessing; as a float .nrw, which does.
void write_onnx(const std::filesystem::path& path, const FloatModel& model);
// As write_onnx(), with the weights in the file path + ".data".
void write_onnx_with_external_data(const std::filesystem::path& path, const FloatModel& model);
void write_float_nrw(const std::filesystem::path& path, const FloatModel& model);

// MNIST's format: `count` gray images of `side` pixels, and beside it labels 0, 1, 2, ... 9, 0, ...
// Returns the path of the images.
std::string write_idx(const std::filesystem::path& folder, int count, int side);

}  // namespace narrow::testing
