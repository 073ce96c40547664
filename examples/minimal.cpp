// minimal MODEL.nrw IMAGE.ppm: the five most probable classes of an image.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "narrow/session.h"
#include "ppm.h"

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::fprintf(stderr, "usage: minimal MODEL.nrw IMAGE.ppm\n");
    return 2;
  }
  const narrow::Model model = narrow::Model::load(argv[1]).value();
  narrow::Session session = narrow::Session::create(model).value();
  const std::vector<float> scores = session.classify(read_ppm(argv[2])).value();
  const std::vector<float> probabilities = narrow::probabilities(scores, model.score_kind());
  for (const narrow::Ranked& best : narrow::top_k(probabilities, 5)) {
    const auto index = static_cast<std::size_t>(best.class_index);
    const std::string name = model.labels().empty() ? "class " + std::to_string(index) : model.labels()[index];
    std::printf("%6.2f %%  %s\n", 100 * static_cast<double>(best.score), name.c_str());
  }
  return 0;
} catch (const std::exception& error) {  // value() throws; a program without exceptions tests ok() instead
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
