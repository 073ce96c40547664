// embedded IMAGE.ppm: a model that is a part of the program. `narrow embed-source` wrote the source of
// embedded_model().
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "narrow/session.h"
#include "ppm.h"

narrow::Result<narrow::Model> embedded_model();

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: embedded IMAGE.ppm\n");
    return 2;
  }
  const narrow::Model model = embedded_model().value();  // the weights stay where they are
  narrow::Session session = narrow::Session::create(model).value();
  const std::vector<float> scores = session.classify(read_ppm(argv[1])).value();
  const narrow::Ranked best = narrow::top_k(scores, 1).front();
  std::printf("%s\n", model.labels()[static_cast<std::size_t>(best.class_index)].c_str());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
