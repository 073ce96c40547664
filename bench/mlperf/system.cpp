#include "bench/mlperf/system.h"

#include <algorithm>
#include <utility>

#include "loadgen.h"

namespace narrow::bench {

Lane::Lane(Session session, std::size_t max_batch) : session_(std::move(session)), max_batch_(max_batch) {
  const Model& model = session_.model();
  inputs_.resize(max_batch * static_cast<std::size_t>(model.input_shape().elems()));
  scores_.resize(max_batch * static_cast<std::size_t>(model.classes()));
}

Result<Lane> Lane::create(const Model& model, const SessionOptions& options) {
  Result<Session> session = Session::create(model, options);
  if (!session.ok()) return session.error();
  return Lane(*std::move(session), static_cast<std::size_t>(options.max_batch));
}

Status Lane::answer(std::span<const mlperf::QuerySample> queries, const Samples& samples) {
  const std::size_t count = std::min(queries.size(), max_batch_);
  const std::size_t elems = inputs_.size() / max_batch_;
  const std::size_t classes = scores_.size() / max_batch_;
  std::span<const float> inputs = samples.input(queries.front().index);
  if (count > 1) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::span<const float> input = samples.input(queries[i].index);
      std::copy(input.begin(), input.end(), inputs_.begin() + static_cast<std::ptrdiff_t>(i * elems));
    }
    inputs = std::span(inputs_).first(count * elems);
  }
  const std::span<float> scores = std::span(scores_).first(count * classes);
  Status status = session_.run(inputs, scores);
  classes_.resize(count);
  std::vector<mlperf::QuerySampleResponse> responses;
  responses.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto first = scores.begin() + static_cast<std::ptrdiff_t>(i * classes);
    classes_[i] = std::max_element(first, first + static_cast<std::ptrdiff_t>(classes)) - first;
    responses.emplace_back(queries[i].id, reinterpret_cast<std::uintptr_t>(&classes_[i]), sizeof classes_[i]);
  }
  // After an error too: LoadGen waits for every query.
  mlperf::QuerySamplesComplete(responses.data(), responses.size());
  return status;
}

System::System(std::vector<Lane>& lanes, const Samples& samples, bool queued, std::size_t max_batch)
    : lanes_(lanes), samples_(samples), queued_(queued), max_batch_(max_batch), counted_(samples.image_count()) {
  if (!queued) return;
  for (Lane& lane : lanes_) threads_.emplace_back([this, &lane] { serve(lane); });
}

System::~System() {
  {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Status System::status() const {
  const std::scoped_lock lock(mutex_);
  return status_;
}

void System::IssueQuery(const std::vector<mlperf::QuerySample>& queries) {
  if (!queued_) {
    std::span<const mlperf::QuerySample> rest(queries);
    for (; !rest.empty(); rest = rest.subspan(std::min(rest.size(), max_batch_))) answer(lanes_.front(), rest);
    return;
  }
  {
    const std::scoped_lock lock(mutex_);
    waiting_.insert(waiting_.end(), queries.begin(), queries.end());
  }
  if (queries.size() == 1) {
    changed_.notify_one();
  } else {
    changed_.notify_all();
  }
}

void System::serve(Lane& lane) {
  std::vector<mlperf::QuerySample> taken;
  for (;;) {
    taken.clear();
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), max_batch_));
      taken.assign(waiting_.begin(), waiting_.begin() + count);
      waiting_.erase(waiting_.begin(), waiting_.begin() + count);
    }
    answer(lane, taken);
  }
}

void System::answer(Lane& lane, std::span<const mlperf::QuerySample> queries) {
  const Status status = lane.answer(queries, samples_);
  const std::scoped_lock lock(mutex_);
  if (!status.ok() && status_.ok()) status_ = status;
  for (std::size_t i = 0; i < lane.classes().size(); ++i) {
    const std::optional<int> label = samples_.label(queries[i].index);
    if (!label || counted_[queries[i].index]) continue;
    counted_[queries[i].index] = true;
    ++labelled_;
    if (*label == lane.classes()[i]) ++right_;
  }
}

}  // namespace narrow::bench
