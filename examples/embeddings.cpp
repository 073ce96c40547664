// embeddings MODEL.nrw QUERY.ppm IMAGE.ppm...: the images, the one most similar to QUERY first. Images are compared by
// what the last layer of the network reads.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <utility>
#include <vector>

#include "narrow/inspect.h"
#include "narrow/session.h"
#include "ppm.h"

namespace {

// A vector of length 1, so that the cosine of two is the sum of their products.
std::vector<float> embedding_of(narrow::Session& session, const char* path) {
  session.classify(read_ppm(path)).value();
  std::vector<float> vector(static_cast<std::size_t>(session.outputs().front().shape.elems()));
  session.read_output(0, vector).value();
  float square = 0;
  for (const float x : vector) square += x * x;
  for (float& x : vector) x /= std::sqrt(std::max(square, 1e-12F));
  return vector;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 4) {
    std::fprintf(stderr, "usage: embeddings MODEL.nrw QUERY.ppm IMAGE.ppm...\n");
    return 2;
  }
  const narrow::Model model = narrow::Model::load(argv[1]).value();
  narrow::SessionOptions options;
  options.outputs = {model.embedding()};
  if (options.outputs.front().empty()) throw std::runtime_error("this network has no layer to compare images by");
  narrow::Session session = narrow::Session::create(model, options).value();

  const std::vector<float> query = embedding_of(session, argv[2]);
  std::vector<std::pair<float, const char*>> found;
  for (int i = 3; i < argc; ++i) {
    const std::vector<float> other = embedding_of(session, argv[i]);
    float cosine = 0;
    for (std::size_t k = 0; k < query.size(); ++k) cosine += query[k] * other[k];
    found.emplace_back(cosine, argv[i]);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [cosine, path] : found) std::printf("%.3f  %s\n", static_cast<double>(cosine), path);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
