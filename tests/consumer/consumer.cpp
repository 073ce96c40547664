// Loads a .nrw file and runs it, as an embedded product would: public headers and the runtime library only.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "narrow/model.h"
#include "narrow/session.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: consumer MODEL.nrw\n");
    return 2;
  }
  const narrow::Result<narrow::Model> model = narrow::Model::load(argv[1]);
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", model.error().text().c_str());
    return 1;
  }
  narrow::Result<narrow::Session> session = narrow::Session::create(*model);
  if (!session.ok()) {
    std::fprintf(stderr, "%s\n", session.error().text().c_str());
    return 1;
  }
  const std::vector<float> input(static_cast<std::size_t>(model->input_shape().elems()), 0.5F);
  std::vector<float> scores(static_cast<std::size_t>(model->classes()));
  if (const narrow::Status status = session->run(input, scores); !status.ok()) {
    std::fprintf(stderr, "%s\n", status.error().text().c_str());
    return 1;
  }
  if (!std::all_of(scores.begin(), scores.end(), [](float score) { return std::isfinite(score); })) {
    std::fprintf(stderr, "a score is not finite\n");
    return 1;
  }
  for (const narrow::Ranked& best : narrow::top_k(scores, 1)) {
    std::printf("class %d of %zu, score %g, %s\n", best.class_index, scores.size(), static_cast<double>(best.score),
                session->isa().c_str());
  }
  return 0;
}
