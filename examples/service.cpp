// service MODEL.nrw IMAGE.ppm...: eight threads answer requests, each with its own session. The sessions share the
// packed weights, so that a further one costs its tensors alone.
#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "narrow/session.h"
#include "ppm.h"

namespace {

constexpr std::size_t kThreads = 8;

struct Answer {
  int class_index = -1;
  std::string error;  // empty: the answer is right
};

// Takes requests until none is left. No exception and no lock: a service tests results instead.
void serve(narrow::Session& session, const std::vector<narrow::Picture>& requests, std::atomic<std::size_t>& next,
           std::vector<Answer>& answers) {
  for (std::size_t i = next++; i < requests.size(); i = next++) {
    const narrow::Result<std::vector<float>> scores = session.classify(requests[i]);
    if (scores.ok()) {
      answers[i].class_index = narrow::top_k(*scores, 1).front().class_index;
    } else {
      answers[i].error = scores.error().text();
    }
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::fprintf(stderr, "usage: service MODEL.nrw IMAGE.ppm...\n");
    return 2;
  }
  const narrow::Model model = narrow::Model::load(argv[1]).value();
  std::vector<narrow::Picture> requests;
  for (int i = 2; i < argc; ++i) requests.push_back(read_ppm(argv[i]));

  std::vector<narrow::Session> sessions;
  sessions.push_back(narrow::Session::create(model).value());  // one thread each: the service has threads enough
  while (sessions.size() < kThreads) sessions.push_back(sessions.front().clone().value());

  std::atomic<std::size_t> next = 0;
  std::vector<Answer> answers(requests.size());
  std::vector<std::thread> threads;
  for (narrow::Session& session : sessions) {
    threads.emplace_back([&] { serve(session, requests, next, answers); });
  }
  for (std::thread& thread : threads) thread.join();

  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].error.empty()) {
      std::printf("%s: class %d\n", argv[i + 2], answers[i].class_index);
    } else {
      std::printf("%s: %s\n", argv[i + 2], answers[i].error.c_str());
    }
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
