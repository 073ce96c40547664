// calibrate FLOAT_NETWORK IMAGES OUT.nrw: quantizes a network to 4-bit weights within a product, as `narrow quantize`
// does.
#include <cstdio>
#include <exception>

#include "narrow/image.h"
#include "narrow/quantize.h"

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::fprintf(stderr, "usage: calibrate FLOAT_NETWORK IMAGES OUT.nrw\n");
    return 2;
  }
  const narrow::FloatModel network = narrow::FloatModel::load(argv[1]).value();
  const narrow::PictureSet images = narrow::PictureSet::open({argv[2]}).value();
  const narrow::QuantizeOptions options{.weight_bits = 4, .activation_bits = 8};
  const narrow::Quantized quantized =
      narrow::quantize(network, narrow::calibration_inputs(images, network.preprocessing()), options).value();
  for (const narrow::Event& event : quantized.report.events) std::puts(event.text.c_str());
  quantized.model.save(argv[3]).value();
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
