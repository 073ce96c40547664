// Training that goes on from what was kept: the bytes of a state, and that the result is the same.
#include "quantize/training_state.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <string>

#include "narrow/cancellation.h"
#include "quantize/activations.h"
#include "quantize/quantize_graph.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"
#include "tests/support/quantize/fingerprint.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;
using testing::window;

TrainingState some_state() {
  TrainingState state;
  state.iterations = 7;
  state.random = 0xFFFFFFFFFFFFFFFFU;
  state.next = 2;
  state.deck = {4, 1, 3};
  state.parameters = {1.5F, -2, 0};
  state.adam = {{0.25F, 0, 1}, {1, 2, 3}, 0.5, 0.125};
  return state;
}

Graph small_network() {
  GraphBuilder b(3, {6, 6, 3});
  const ValueId stem = b.convolution("stem", b.input(), 8, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId sum = b.node("sum", Add{}, {b.convolution("inner", stem, 8, window(3, 1, 1)), stem});
  return b.finish(b.linear("fc", b.node("mean", GlobalAveragePool{}, {sum}), 6));
}

struct Kept {
  std::map<std::uint64_t, std::string> states;
  int loads = 0;
  int found = 0;
  TrainingStore store() {
    return {[this](std::uint64_t key) {
              ++loads;
              const auto at = states.find(key);
              if (at == states.end()) return std::string();
              ++found;
              return at->second;
            },
            [this](std::uint64_t key, std::string_view state) {
              states[key] = state;
              return Status{};
            }};
  }
};

// cancel_after: calls of progress while training; negative: never. Empty: cancelled.
std::string trained(const Graph& graph, TrainingStore store, int cancel_after = -1, int threads = 1) {
  const CalibrationInputs images{48, [&graph](std::size_t i, std::span<float> out) {
                                   const auto values = testing::random_input(graph, static_cast<unsigned>(i));
                                   std::transform(values.begin(), values.end(), out.begin(),
                                                  [](double x) { return static_cast<float>(x); });
                                   return Status{};
                                 }};
  Cancellation cancellation;
  QuantizeOptions options;
  options.weight_bits = 2;
  options.activation_bits = 3;
  options.effort = Effort::kMax;
  options.threads = threads;
  options.cancellation = &cancellation;
  options.training_store = std::move(store);
  options.progress = [&](std::string_view stage, std::size_t, std::size_t) {
    if (stage.find("training") != std::string_view::npos && cancel_after-- == 0) cancellation.cancel();
  };
  auto activations = Activations::create(graph, images, {1, 0, {}});
  REQUIRE(activations.ok());
  auto result = quantize_graph(graph, *activations, options);
  if (result.ok()) return testing::fingerprint(result->graph);
  CHECK(result.error().code == ErrorCode::kCancelled);
  return {};
}

}  // namespace

TEST_CASE("a state is the same after it was written and read") {
  const TrainingState state = some_state();
  const std::optional<TrainingState> read = training_state(to_bytes(state));
  REQUIRE(read);
  CHECK(read->iterations == state.iterations);
  CHECK(read->random == state.random);
  CHECK(read->next == state.next);
  CHECK(read->deck == state.deck);
  CHECK(read->parameters == state.parameters);
  CHECK(read->adam.mean == state.adam.mean);
  CHECK(read->adam.square == state.adam.square);
  CHECK(read->adam.mean_weight == state.adam.mean_weight);
  CHECK(read->adam.square_weight == state.adam.square_weight);
  CHECK(training_state(to_bytes(TrainingState{})));
}

TEST_CASE("a state that is cut off, longer or changed anywhere is none") {
  const std::string bytes = to_bytes(some_state());
  for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(training_state(bytes.substr(0, size)));
  CHECK_FALSE(training_state(bytes + '\0'));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 0x40);
    CHECK_FALSE(training_state(changed));
  }
}

TEST_CASE("a state whose lists claim more than there is takes no memory for it") {
  // The checksum is right; the first list has 2^61 numbers.
  std::string bytes = to_bytes(some_state());
  bytes.resize(bytes.size() - 8);
  const std::size_t first_list = std::string_view("narrow training 1\n").size() + 3 * 8 + 2 * 8;
  bytes[first_list + 7] = 0x20;
  const std::uint64_t sum = hash_of(bytes);
  bytes.append(reinterpret_cast<const char*>(&sum), sizeof sum);
  CHECK_FALSE(training_state(bytes));
}

TEST_CASE("training that was cancelled goes on where it was, and comes to the same network") {
  const Graph graph = small_network();
  const std::string whole = trained(graph, {});
  REQUIRE_FALSE(whole.empty());
  for (const int after : {0, 1, 2, 40}) {
    CAPTURE(after);
    Kept kept;
    REQUIRE(trained(graph, kept.store(), after).empty());
    REQUIRE_FALSE(kept.states.empty());
    CHECK(kept.found == 0);
    CHECK(trained(graph, kept.store(), -1, 3) == whole);
    CHECK(kept.found > 0);
    // All parts are done now: nothing is trained again.
    kept.loads = kept.found = 0;
    CHECK(trained(graph, kept.store()) == whole);
    CHECK(kept.found == kept.loads);
  }
}

TEST_CASE("what is damaged, or of another network, is not used") {
  const Graph graph = small_network();
  const std::string whole = trained(graph, {});
  Kept kept;
  REQUIRE(trained(graph, kept.store(), 40).empty());
  for (auto& [key, state] : kept.states) state[state.size() / 2] = static_cast<char>(state[state.size() / 2] ^ 1);
  CHECK(trained(graph, kept.store()) == whole);
  // States with a right checksum that do not fit.
  for (const int change : {0, 1, 2, 3, 4}) {
    Kept wrong = kept;
    for (auto& [key, bytes] : wrong.states) {
      TrainingState state = some_state();
      if (const auto read = training_state(bytes)) state = *read;
      if (change == 0) state.iterations = ~std::uint64_t{0};
      if (change == 1) state.parameters.push_back(1);
      if (change == 2) state.next = state.deck.size() + 1;
      if (change == 3) state.deck.assign(state.deck.size(), 1'000'000);
      if (change == 4) state.parameters.front() = std::numeric_limits<float>::quiet_NaN();
      bytes = to_bytes(state);
    }
    CHECK(trained(graph, wrong.store()) == whole);
  }
}

TEST_CASE("an error of the store ends the work with it") {
  const Graph graph = small_network();
  const CalibrationInputs images{16, [](std::size_t i, std::span<float> out) {
                                   std::mt19937 random(static_cast<unsigned>(i));
                                   for (float& x : out) x = static_cast<float>(random() % 100) / 50 - 1;
                                   return Status{};
                                 }};
  QuantizeOptions options;
  options.weight_bits = 2;
  options.effort = Effort::kMax;
  options.training_store.save = [](std::uint64_t, std::string_view) -> Status {
    return Error{ErrorCode::kIo, "the disk is full", "store"};
  };
  auto activations = Activations::create(graph, images, {1, 0, {}});
  REQUIRE(activations.ok());
  const auto result = quantize_graph(graph, *activations, options);
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().message.find("the disk is full") != std::string::npos);
}

}  // namespace narrow::graph
