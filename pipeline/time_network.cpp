#include "pipeline/time_network.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "base/try.h"
#include "engine/model/model_data.h"
#include "narrow/inspect.h"
#include "narrow/session.h"

namespace narrow {
inline namespace v0 {

Result<graph::NetworkTime> time_network(const graph::Graph& integers, bool measure, const Cancellation* cancellation) {
  auto data = std::make_shared<engine::ModelData>();
  data->graph = integers;
  // A session asks for preprocessing that makes inputs of the network's size; nothing is preprocessed here.
  const TensorShape shape = integers.value(integers.input).shape;
  data->preprocessing.crop_height = static_cast<int>(shape.height);
  data->preprocessing.crop_width = static_cast<int>(shape.width);
  data->preprocessing.channels = shape.channels == 1 ? 1 : 3;
  NARROW_ASSIGN(Session session, Session::create(Model(std::move(data)), {.cancellation = cancellation}));
  graph::NetworkTime time;
  for (const StepInfo& step : session.steps()) {
    if (!step.candidates.empty()) time.estimated_cycles[step.layer] = step.candidates.front().cost_cycles;
  }
  if (!measure) return time;
  constexpr int kRuns = 15;
  const std::vector<float> input(static_cast<std::size_t>(shape.elems()));
  std::vector<float> scores(static_cast<std::size_t>(session.model().classes()));
  std::vector<double> times;
  for (int i = 0; i < kRuns; ++i) {
    const auto start = std::chrono::steady_clock::now();
    NARROW_TRY(session.run(input, scores));
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(times.begin(), times.begin() + kRuns / 2, times.end());
  time.milliseconds = times[kRuns / 2];
  return time;
}

}  // namespace v0
}  // namespace narrow
