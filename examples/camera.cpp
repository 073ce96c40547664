// camera MODEL.nrw WIDTH HEIGHT: classifies NV12 frames from standard input, for example of a webcam:
//   ffmpeg -f v4l2 -i /dev/video0 -f rawvideo -pix_fmt nv12 - | camera model.nrw 640 480
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "narrow/session.h"

int main(int argc, char** argv) try {
  narrow::ImageView frame;
  frame.layout = narrow::PixelLayout::kNv12;
  if (argc == 4) {
    frame.width = std::atoi(argv[2]);
    frame.height = std::atoi(argv[3]);
  }
  if (frame.width < 2 || frame.height < 2 || frame.width > 16384 || frame.height > 16384) {
    std::fprintf(stderr, "usage: camera MODEL.nrw WIDTH HEIGHT < frames.nv12\n");
    return 2;
  }
  const narrow::Model model = narrow::Model::load(argv[1]).value();
  narrow::Session session = narrow::Session::create(model).value();
  std::vector<float> scores(static_cast<std::size_t>(model.classes()));
  std::vector<std::uint8_t> buffer(static_cast<std::size_t>(frame.width) * static_cast<std::size_t>(frame.height) / 2 *
                                   3);
  frame.data = buffer.data();
  // The camera's buffer is read in place, and from the second frame on classify() allocates nothing.
  for (long number = 0; std::fread(buffer.data(), 1, buffer.size(), stdin) == buffer.size(); ++number) {
    session.classify(frame, scores).value();
    const auto best = static_cast<std::size_t>(narrow::top_k(scores, 1).front().class_index);
    const std::string name = model.labels().empty() ? "class " + std::to_string(best) : model.labels()[best];
    std::printf("frame %ld: %s\n", number, name.c_str());
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
