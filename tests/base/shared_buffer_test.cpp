#include "base/shared_buffer.h"

#include <doctest/doctest.h>

#include <numeric>
#include <span>
#include <thread>
#include <vector>

namespace narrow::base {
namespace {

std::vector<float> some_numbers() { return {1.0F, -2.5F, 3.0F}; }

TEST_CASE("a buffer holds the elements of the vector that it was made of") {
  const SharedBuffer<float> buffer = some_numbers();
  CHECK(std::vector<float>(buffer.begin(), buffer.end()) == some_numbers());
  CHECK(buffer.size() == 3);
  CHECK_FALSE(buffer.empty());
  CHECK(buffer[1] == -2.5F);
  CHECK(buffer.front() == 1.0F);
  CHECK(buffer.back() == 3.0F);
  const std::span<const float> span = buffer;
  CHECK(span.data() == buffer.data());
  CHECK(span.size() == buffer.size());
}

TEST_CASE("a moved vector hands its memory over") {
  std::vector<float> numbers = some_numbers();
  const float* const memory = numbers.data();
  const SharedBuffer<float> buffer = std::move(numbers);
  CHECK(buffer.data() == memory);
}

TEST_CASE("a buffer that was given nothing is empty, and can be filled") {
  SharedBuffer<int> buffer;
  CHECK(buffer.empty());
  CHECK(buffer.begin() == buffer.end());
  CHECK(buffer == SharedBuffer<int>(std::vector<int>{}));
  buffer.edit().push_back(7);
  CHECK(buffer == SharedBuffer<int>{7});
}

TEST_CASE("copies share memory until one of them is edited") {
  const SharedBuffer<float> original = some_numbers();
  SharedBuffer<float> copy = original;
  CHECK(copy.shares_memory_with(original));
  CHECK(copy.data() == original.data());

  copy.edit()[0] = 9.0F;
  CHECK(copy[0] == 9.0F);
  CHECK(original[0] == 1.0F);
  CHECK_FALSE(copy.shares_memory_with(original));
}

TEST_CASE("editing a buffer that is not shared copies nothing") {
  SharedBuffer<float> buffer = some_numbers();
  const float* const memory = buffer.data();
  {
    const SharedBuffer<float> gone = buffer;  // NOLINT(performance-unnecessary-copy-initialization): as is tested
    CHECK(gone.shares_memory_with(buffer));
  }
  buffer.edit()[0] = 9.0F;
  CHECK(buffer.data() == memory);
}

TEST_CASE("buffers are equal when their elements are") {
  const SharedBuffer<float> original = some_numbers();
  SharedBuffer<float> copy = original;
  CHECK(copy == original);
  CHECK(SharedBuffer<float>(some_numbers()) == original);
  copy.edit().back() = 4.0F;
  CHECK_FALSE(copy == original);
  copy.edit().pop_back();
  CHECK_FALSE(copy == original);
}

TEST_CASE("threads copy one buffer at the same time, and each edits its copy alone") {
  std::vector<int> numbers(1000);
  std::iota(numbers.begin(), numbers.end(), 0);
  const SharedBuffer<int> original = numbers;
  std::vector<long> sums(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < sums.size(); ++t) {
    threads.emplace_back([&original, &sum = sums[t], t] {
      for (int round = 0; round < 200; ++round) {
        SharedBuffer<int> copy = original;
        copy.edit()[0] = static_cast<int>(t);
        sum += std::accumulate(copy.begin(), copy.end(), 0L);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t t = 0; t < sums.size(); ++t) CHECK(sums[t] == 200 * (999 * 1000 / 2 + static_cast<long>(t)));
  CHECK(original == SharedBuffer<int>(numbers));
}

}  // namespace
}  // namespace narrow::base
