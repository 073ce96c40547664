// The caller's allocator: what goes through it, that all of it comes back, and what happens when it has nothing.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>

#include "narrow/allocator.h"
#include "narrow/inspect.h"
#include "narrow/session.h"
#include "tests/engine/integer_graph_builder.h"
#include "tests/engine/reference_interpreter.h"
#include "tests/support/allocations/allocations.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace narrow::testing;

namespace {

// Counts, checks what is given back, and has nothing from a call on. Its functions are called while the tests let no
// doctest macro run, so mistakes are counted too.
class Counter {
 public:
  [[nodiscard]] Allocator allocator() {
    return {[](void* context, std::size_t bytes, std::size_t alignment) {
              return static_cast<Counter*>(context)->allocate(bytes, alignment);
            },
            [](void* context, void* memory, std::size_t bytes, std::size_t alignment) {
              static_cast<Counter*>(context)->deallocate(memory, bytes, alignment);
            },
            this};
  }

  std::size_t calls = 0;
  std::size_t bytes_in_use = 0;
  std::size_t mistakes = 0;
  std::size_t first_to_fail = SIZE_MAX;
  std::size_t misaligned_by = 0;

 private:
  void* allocate(std::size_t bytes, std::size_t alignment) {
    const std::scoped_lock lock(mutex_);
    if (bytes == 0 || alignment == 0 || alignment > 4096 || (alignment & (alignment - 1)) != 0) ++mistakes;
    if (calls++ >= first_to_fail) return nullptr;
    // At a multiple of the alignment, and of nothing more.
    void* const memory = std::aligned_alloc(2 * alignment, (bytes + 3 * alignment) / (2 * alignment) * 2 * alignment);
    auto* const odd = static_cast<std::byte*>(memory) + alignment + misaligned_by;
    blocks_[odd] = {memory, bytes, alignment};
    bytes_in_use += bytes;
    return odd;
  }
  void deallocate(void* memory, std::size_t bytes, std::size_t alignment) {
    const std::scoped_lock lock(mutex_);
    const auto block = blocks_.find(memory);
    if (block == blocks_.end() || block->second.bytes != bytes || block->second.alignment != alignment) {
      ++mistakes;
      return;
    }
    std::free(block->second.memory);
    bytes_in_use -= bytes;
    blocks_.erase(block);
  }

  struct Block {
    void* memory;
    std::size_t bytes, alignment;
  };
  std::mutex mutex_;
  std::map<void*, Block> blocks_;
};

// Large tensors and weights of a number of bits, and little else.
Model large_model(int bits) {
  IntegerGraphBuilder b(7, {64, 64, 16});
  auto x = b.quantize(b.input());
  x = b.convolution(x, window(3, 4, 1), 1, 256, bits);
  x = b.convolution(x, window(3, 4, 1), 1, 256, bits);
  return to_model(b.finish(b.linear_scores(b.global_average_pool(x), 10)));
}

std::size_t packed_bytes(const Session& session) {
  std::size_t bytes = 0;
  for (const StepInfo& step : session.steps()) bytes += step.packed_bytes;
  return bytes;
}

// More than what names, steps and the vectors of a channel each take at once.
constexpr long kSmall = 64 * 1024;

}  // namespace

TEST_CASE("what is large comes from the allocator and all of it goes back") {
  for (const int bits : {8, 4}) {
    const Model original = large_model(bits);
    const std::vector<std::byte> bytes = original.serialize();
    const std::vector<float> images = random_images(original.input_shape(), 2, 3);
    std::vector<float> expected(static_cast<std::size_t>(2 * original.classes()));
    Session::create(original, {.max_batch = 2}).value().run(images, expected).value();
    std::vector<float> scores(expected.size());
    const TemporaryFolder folder;
    const std::filesystem::path path = folder.path() / "model.nrw";
    original.save(path).value();
    for (const std::string& isa : available_isas()) {
      for (const bool from_file : {true, false}) {
        CAPTURE(bits);
        CAPTURE(isa);
        CAPTURE(from_file);
        Counter counter;
        {
          LoadOptions load;
          load.allocator = counter.allocator();
          SessionOptions options;
          options.isa = isa;
          options.max_batch = 2;
          options.allocator = counter.allocator();
          const LargestAllocation largest;
          const Model model =
              from_file ? Model::load(path, load).value() : Model::parse(bytes, "the bytes", load).value();
          const std::size_t model_bytes = counter.bytes_in_use;
          Session session = Session::create(model, options).value();
          CHECK(largest.bytes() < kSmall);
          CHECK(model_bytes > 300'000);
          CHECK(counter.bytes_in_use == model_bytes + packed_bytes(session) + session.arena_bytes());
          // Sessions with the same allocator share; running takes nothing.
          const std::size_t calls = counter.calls;
          Session clone = session.clone().value();
          CHECK(counter.calls == calls + 1);
          CHECK(counter.bytes_in_use == model_bytes + packed_bytes(session) + 2 * session.arena_bytes());
          clone.run(images, scores).value();
          CHECK(scores == expected);
          CHECK(counter.calls == calls + 1);
          CHECK(largest.bytes() < kSmall);
        }
        CHECK(counter.bytes_in_use == 0);
        CHECK(counter.mistakes == 0);
      }
    }
  }
}

TEST_CASE("an allocator that has nothing is an error of every call and gets back what it gave") {
  const Model original = large_model(4);
  const std::vector<std::byte> bytes = original.serialize();
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "model.nrw";
  original.save(path).value();
  for (const std::string& isa : available_isas()) {
    CAPTURE(isa);
    std::size_t refused = 0;
    for (std::size_t granted = 0;; ++granted) {
      CAPTURE(granted);
      Counter counter;
      counter.first_to_fail = granted;
      LoadOptions load;
      load.allocator = counter.allocator();
      SessionOptions options;
      options.isa = isa;
      options.allocator = counter.allocator();
      bool complete = false;
      const auto use = [&]() -> Status {
        Result<Model> model = granted % 2 == 0 ? Model::load(path, load) : Model::parse(bytes, "the bytes", load);
        if (!model.ok()) return model.error();
        Result<Session> session = Session::create(*model, options);
        if (!session.ok()) return session.error();
        Result<Session> clone = session->clone();
        if (!clone.ok()) return clone.error();
        complete = true;
        return {};
      };
      const Status status = use();
      CHECK(counter.bytes_in_use == 0);
      CHECK(counter.mistakes == 0);
      if (complete) break;
      ++refused;
      CHECK(status.error().code == ErrorCode::kLimit);
      CHECK(status.error().text().find("there is no memory for ") != std::string::npos);
    }
    // The file, three layers with their unpacked weights, two arenas.
    CHECK(refused >= 6);
  }
}

TEST_CASE("an allocator that is wrong is an error that names it") {
  const Model model = large_model(8);
  const std::vector<std::byte> bytes = model.serialize();
  Counter counter;
  SessionOptions options;
  LoadOptions load;
  const auto check_refused = [&] {
    load.allocator = options.allocator;
    for (const Error& error :
         {Session::create(model, options).error(), Model::parse(bytes, "the bytes", load).error()}) {
      CHECK(error.code == ErrorCode::kInvalidArgument);
      CHECK(error.where == "allocator");
    }
    CHECK(counter.bytes_in_use == 0);
  };
  options.allocator = counter.allocator();
  options.allocator.allocate = nullptr;
  check_refused();
  options.allocator = counter.allocator();
  options.allocator.deallocate = nullptr;
  check_refused();
  options.allocator = counter.allocator();
  counter.misaligned_by = 32;
  check_refused();
  CHECK(counter.mistakes == 0);
}

TEST_CASE("sessions with different allocators share no packed weights") {
  const Model model = large_model(8);
  const std::vector<float> image = random_images(model.input_shape(), 1, 3);
  const std::vector<float> expected = interpret(model.data().graph, image);
  const auto check_scores = [&](Session& session) {
    std::vector<float> scores(expected.size());
    session.run(image, scores).value();
    CHECK(scores == expected);
  };
  std::optional<Counter> a(std::in_place);
  Counter b;
  std::optional<Session> first = Session::create(model, {.allocator = a->allocator()}).value();
  const std::size_t whole = a->bytes_in_use;
  CHECK(whole == packed_bytes(*first) + first->arena_bytes());
  Session second = Session::create(model, {.allocator = b.allocator()}).value();
  CHECK(b.bytes_in_use == whole);
  Session third = Session::create(model).value();
  check_scores(*first);
  first.reset();
  CHECK(a->bytes_in_use == 0);
  a.reset();  // no session needs it any more
  Session fourth = Session::create(model, {.allocator = b.allocator()}).value();
  CHECK(b.bytes_in_use == whole + fourth.arena_bytes());
  for (Session* session : {&second, &third, &fourth}) check_scores(*session);
}

TEST_CASE("the floats of a frame come from the allocator with the first frame") {
  for (const bool from_integers : {true, false}) {
    IntegerGraphBuilder b(7, {64, 64, 3});
    const graph::ValueId first =
        from_integers ? b.quantize(b.input()) : b.quantize(b.float_convolution(b.input(), window(3, 4, 1), 1, 16));
    const Model model = to_model(b.finish(b.linear_scores(b.global_average_pool(first), 10)));
    Counter counter;
    SessionOptions options;
    options.allocator = counter.allocator();
    Session session = Session::create(model, options).value();
    const std::vector<std::uint8_t> pixels(std::size_t{64} * 64 * 3, 100);
    ImageView frame;
    frame.data = pixels.data();
    frame.width = 64;
    frame.height = 64;
    std::vector<float> scores(10);
    const std::size_t before = counter.bytes_in_use;
    for (int i = 0; i < 2; ++i) {
      session.classify(frame, scores).value();
      CHECK(counter.bytes_in_use == before + (from_integers ? 0 : pixels.size() * sizeof(float)));
    }
  }
}

TEST_CASE("parsing refuses more bytes than it may take") {
  const std::vector<std::byte> bytes = large_model(8).serialize();
  LoadOptions options;
  options.max_memory_bytes = bytes.size();
  CHECK(Model::parse(bytes, "the bytes", options).ok());
  options.max_memory_bytes = bytes.size() - 1;
  const Result<Model> refused = Model::parse(bytes, "the bytes", options);
  CHECK(refused.error().code == ErrorCode::kLimit);
  CHECK(refused.error().where == "the bytes");
}
