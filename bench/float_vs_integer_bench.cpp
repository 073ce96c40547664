// The integer network beside the float network on oneDNN, in one process and in alternating rounds.
//
//   float_vs_integer_bench [WEIGHTS.pth MODEL.nrw [PICTURE]]
//
// Without arguments: the default model and a demo image of this repository. Outputs are compared before anything is
// timed. One thread, batch 1, preprocessing not included. Machines are noisy: read the ratio, not the times.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/statistics.h"
#include "narrow/float_model.h"
#include "narrow/image.h"
#include "narrow/inspect.h"
#include "narrow/model.h"
#include "narrow/session.h"

namespace {

using Clock = std::chrono::steady_clock;
using narrow::bench::quantile;
using narrow::bench::sqnr_db;
constexpr int kRounds = 51;
constexpr double kRoundSeconds = 0.02;

struct Contender {
  std::string name;
  std::function<void()> run;
  int repetitions = 1;
  std::vector<double> microseconds = {};  // per image, one entry a round
};

double time_once(const Contender& contender, int repetitions) {
  const auto start = Clock::now();
  for (int i = 0; i < repetitions; ++i) contender.run();
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count() / repetitions;
}

int run(const std::string& weights, const std::string& model_path, const std::string& image_path) {
  using namespace narrow;
  const Model model = Model::load(model_path).value();
  ImportOptions import;
  import.preprocessing = model.preprocessing();
  const FloatModel float_model = FloatModel::load(weights, import).value();
  FloatSession float_session = FloatSession::create(float_model).value();

  std::vector<float> input(static_cast<std::size_t>(model.input_shape().elems()));
  preprocess(load_picture(image_path).value(), model.preprocessing(), input).value();
  const auto classes = static_cast<std::size_t>(model.classes());
  std::vector<float> expected(classes);
  float_session.run(input, expected).value();

  std::vector<Contender> contenders;
  std::vector<float> scores(classes);
  contenders.push_back({"float32, oneDNN", [&] { float_session.run(input, scores).value(); }});
  std::vector<Session> sessions;
  for (const std::string& isa : available_isas()) {
    if (isa != "scalar") sessions.push_back(Session::create(model, {.isa = isa}).value());
  }
  for (Session& session : sessions) {
    session.run(input, scores).value();
    std::printf("%-18s agrees with float32 to %.1f dB, best class %d and %d\n", ("integer, " + session.isa()).c_str(),
                sqnr_db(expected, scores), top_k(scores, 1)[0].class_index, top_k(expected, 1)[0].class_index);
    contenders.push_back(
        {"integer, " + session.isa(), [&session, &input, &scores] { session.run(input, scores).value(); }});
  }

  for (Contender& contender : contenders) {
    time_once(contender, 3);
    contender.repetitions = std::max(1, static_cast<int>(kRoundSeconds * 1e6 / time_once(contender, 5)));
  }
  for (int round = 0; round < kRounds; ++round) {
    for (Contender& contender : contenders) {
      contender.microseconds.push_back(time_once(contender, contender.repetitions));
    }
  }

  std::int64_t macs = 0;
  for (const LayerInfo& layer : model.layers()) macs += layer.macs;
  const double baseline = quantile(contenders[0].microseconds, 0.5);
  std::printf("\n%d rounds, %.1f million multiply-accumulates an image\n", kRounds, static_cast<double>(macs) * 1e-6);
  std::printf("%-18s %10s %10s %10s %9s %12s\n", "", "median us", "min us", "p90 us", "GOP/s", "ratio");
  for (const Contender& contender : contenders) {
    const double median = quantile(contender.microseconds, 0.5);
    std::printf("%-18s %10.1f %10.1f %10.1f %9.1f %12.2f\n", contender.name.c_str(), median,
                quantile(contender.microseconds, 0), quantile(contender.microseconds, 0.9),
                2e-3 * static_cast<double>(macs) / median, median / baseline);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  // `./dev bench` gives every benchmark the options of Google Benchmark; they mean nothing here.
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]).substr(0, 12) != "--benchmark_") files.emplace_back(argv[i]);
  }
  if (files.size() == 1 || files.size() > 3) {
    std::fprintf(stderr, "usage: %s [WEIGHTS.pth MODEL.nrw [PICTURE]]\n", argv[0]);
    return 2;
  }
  const std::string models = NARROW_MODELS_DIR;
  if (files.empty()) files = {models + "/cifar10_resnet20b.pth", models + "/cifar10_resnet20b.nrw"};
  if (files.size() == 2) files.push_back(models + "/demo/airplane_drawn.png");
  try {
    return run(files[0], files[1], files[2]);
  } catch (const narrow::Failure& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
}
