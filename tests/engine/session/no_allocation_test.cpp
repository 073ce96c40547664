// Session::run allocates nothing. Every operator new of this binary is counted.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "narrow/session.h"
#include "tests/engine/integer_graph_builder.h"

namespace {

std::atomic<long> allocations{0};

void* allocate(std::size_t bytes, std::size_t alignment) {
  ++allocations;
  // aligned_alloc wants a multiple of the alignment.
  return std::aligned_alloc(alignment, (bytes + alignment) / alignment * alignment);
}

void* allocate_or_throw(std::size_t bytes, std::size_t alignment) {
  if (void* memory = allocate(bytes, alignment)) return memory;
  throw std::bad_alloc();
}

constexpr std::size_t kDefault = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

}  // namespace

void* operator new(std::size_t bytes) { return allocate_or_throw(bytes, kDefault); }
void* operator new[](std::size_t bytes) { return allocate_or_throw(bytes, kDefault); }
void* operator new(std::size_t bytes, std::align_val_t align) {
  return allocate_or_throw(bytes, static_cast<std::size_t>(align));
}
void* operator new[](std::size_t bytes, std::align_val_t align) {
  return allocate_or_throw(bytes, static_cast<std::size_t>(align));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes, kDefault); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes, kDefault); }
void* operator new(std::size_t bytes, std::align_val_t align, const std::nothrow_t&) noexcept {
  return allocate(bytes, static_cast<std::size_t>(align));
}
void* operator new[](std::size_t bytes, std::align_val_t align, const std::nothrow_t&) noexcept {
  return allocate(bytes, static_cast<std::size_t>(align));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

// Sanitizers end the process where the system would only refuse; tests ask for more memory than there is.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }

TEST_CASE("running a session allocates nothing") {
  const narrow::Model small = narrow::testing::to_model(narrow::testing::model_of_everything(1));
  narrow::testing::IntegerGraphBuilder b(4, {40, 40, 3});
  const auto x = b.convolution(b.quantize(b.input()), narrow::testing::window(3, 1, 1), 1, 32);
  const auto y = b.add(b.convolution(x, narrow::testing::window(3, 1, 1), 32, 32), x);
  const narrow::Model large = narrow::testing::to_model(b.finish(b.linear_scores(b.global_average_pool(y), 6)));
  const narrow::Model functions = narrow::testing::to_model(narrow::testing::model_of_functions(1));
  for (const narrow::Model& model : {small, large, functions}) {
    for (const std::string& isa : narrow::available_isas()) {
      for (const int threads : {1, 3}) {
        narrow::SessionOptions options;
        options.isa = isa;
        options.threads = threads;
        options.max_batch = 3;
        const long before_create = allocations;
        narrow::Session session = narrow::Session::create(model, options).value();
        REQUIRE(allocations > before_create);  // they are counted
        const std::vector<float> images = narrow::testing::random_images(model.input_shape(), 3, 1);
        std::vector<float> scores(static_cast<std::size_t>(3 * model.classes()));
        const long before = allocations;
        bool ok = true;
        for (int i = 0; i < 5; ++i) ok = session.run(images, scores).ok() && ok;
        const long after = allocations;
        CHECK(ok);
        CHECK(after == before);
      }
    }
  }
}
