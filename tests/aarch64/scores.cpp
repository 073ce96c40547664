// scores MODEL.nrw: the bits of the scores of a few images, through every way in. Two machines print the same text.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "narrow/image_view.h"
#include "narrow/inspect.h"
#include "narrow/session.h"

namespace {

void print(const char* what, const std::vector<float>& numbers) {
  std::printf("%s", what);
  for (const float number : numbers) std::printf(" %08x", std::bit_cast<std::uint32_t>(number));
  std::printf("\n");
}

// Byte i of image `seed`.
std::uint8_t pixel(std::size_t i, std::uint32_t seed) {
  const auto x = (static_cast<std::uint32_t>(i) + seed * 977U) * 2654435761U;
  return static_cast<std::uint8_t>((x >> 24) ^ (i / 7));
}

int print_scores(const char* file) {
  const narrow::Result<narrow::Model> model = narrow::Model::load(file);
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", model.error().text().c_str());
    return 1;
  }
  narrow::SessionOptions options;
  if (!model->embedding().empty()) options.outputs = {model->embedding()};
  narrow::Session session = narrow::Session::create(*model, options).value();
  std::vector<float> scores(static_cast<std::size_t>(model->classes()));

  for (std::uint32_t seed = 0; seed < 3; ++seed) {
    // Numbers as a network takes them, the largest and smallest among them.
    std::vector<float> input(static_cast<std::size_t>(model->input_shape().elems()));
    for (std::size_t i = 0; i < input.size(); ++i) {
      input[i] = (static_cast<float>(pixel(i, seed)) - 127.5F) * (seed == 2 ? 1e30F : 0.02F);
    }
    session.run(input, scores).value();
    print("run", scores);
    if (!options.outputs.empty()) {
      std::vector<float> inside(static_cast<std::size_t>(session.outputs().front().shape.elems()));
      session.read_output(0, inside).value();
      print("inside", inside);
    }
    // Pixels of another size, which are resized and cropped; a frame of a camera.
    const int width = 61 + static_cast<int>(seed) * 40;
    narrow::Picture picture{width, 47, std::vector<std::uint8_t>(static_cast<std::size_t>(width) * 47 * 3)};
    for (std::size_t i = 0; i < picture.rgb.size(); ++i) picture.rgb[i] = pixel(i, seed);
    print("picture", session.classify(picture).value());
    std::vector<std::uint8_t> bytes(64 * 48 * 3 / 2);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = pixel(i, seed + 9);
    narrow::ImageView frame;
    frame.data = bytes.data();
    frame.width = 64;
    frame.height = 48;
    frame.layout = narrow::PixelLayout::kNv12;
    session.classify(frame, scores).value();
    print("frame", scores);
    print("probabilities", narrow::probabilities(scores, model->score_kind()));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    return print_scores(argv[1]);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
}
