// Narrow as a system under test of LoadGen.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bench/mlperf/samples.h"
#include "narrow/session.h"
#include "system_under_test.h"

namespace narrow::bench {

// The session of one thread, with its buffers.
class Lane {
 public:
  // Error: that of Session::create.
  [[nodiscard]] static Result<Lane> create(const Model& model, const SessionOptions& options);

  // Runs the images, at most max_batch, and tells LoadGen the best class of each as 8 bytes.
  [[nodiscard]] Status answer(std::span<const mlperf::QuerySample> queries, const Samples& samples);
  // The best classes of the images that answer() ran last.
  [[nodiscard]] const std::vector<std::int64_t>& classes() const { return classes_; }

 private:
  Lane(Session session, std::size_t max_batch);

  Session session_;
  std::size_t max_batch_;
  std::vector<float> inputs_, scores_;
  std::vector<std::int64_t> classes_;
};

// SingleStream and MultiStream: each query runs at once, on the thread that issues it, with all threads of one session.
// Offline and Server: queries wait for lanes, each a thread with a session of its own, which take up to a batch.
class System final : public mlperf::SystemUnderTest {
 public:
  // lanes: one without `queued`. All must outlive the system.
  System(std::vector<Lane>& lanes, const Samples& samples, bool queued, std::size_t max_batch);
  ~System() override;
  System(const System&) = delete;
  System& operator=(const System&) = delete;

  const std::string& Name() override { return name_; }
  void IssueQuery(const std::vector<mlperf::QuerySample>& queries) override;
  void FlushQueries() override {}

  // Of the images with labels that were run, each once: how many, and how many of them had their label as the best
  // class. LoadGen fills up a query of MultiStream with images that it has sent before. After the test.
  [[nodiscard]] std::size_t labelled() const { return labelled_; }
  [[nodiscard]] std::size_t right() const { return right_; }
  // The first error of a run.
  [[nodiscard]] Status status() const;

 private:
  void serve(Lane& lane);
  void answer(Lane& lane, std::span<const mlperf::QuerySample> queries);

  std::string name_ = "narrow";
  std::vector<Lane>& lanes_;
  const Samples& samples_;
  bool queued_;
  std::size_t max_batch_;
  mutable std::mutex mutex_;
  std::vector<bool> counted_;  // by image
  std::size_t labelled_ = 0, right_ = 0;
  std::condition_variable changed_;
  std::deque<mlperf::QuerySample> waiting_;
  Status status_;
  bool ended_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace narrow::bench
