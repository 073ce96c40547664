// Views are right when reading through them gives the elements in logical order.
#include "importers/onnx/lower/view.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "importers/onnx/lower/layout.h"
#include "importers/onnx/lower/permutation.h"
#include "tests/support/data.h"

namespace narrow::onnx {
namespace {

using Sizes = std::vector<std::int64_t>;

// Offsets in the value of all elements, in logical order.
Sizes offsets(const View& view) {
  Sizes result{0};
  for (const Atom& atom : atoms_of(view)) {
    Sizes next;
    for (const std::int64_t base : result) {
      for (std::int64_t i = 0; i < atom.size; ++i) next.push_back(base + i * atom.stride);
    }
    result = std::move(next);
  }
  return result;
}

// The same for a plain array: transposed by moving its elements.
struct Array {
  Sizes dims;
  Sizes data;
};

Array transposed_array(const Array& from, const std::vector<int>& order) {
  Array to;
  for (const int dim : order) to.dims.push_back(from.dims[static_cast<std::size_t>(dim)]);
  Sizes at(order.size(), 0);
  for (std::size_t i = 0; i < from.data.size(); ++i) {
    std::int64_t source = 0;
    for (std::size_t d = 0; d < from.dims.size(); ++d) {
      const auto position = static_cast<std::size_t>(std::find(order.begin(), order.end(), d) - order.begin());
      source = source * from.dims[d] + at[position];
    }
    to.data.push_back(from.data[static_cast<std::size_t>(source)]);
    for (std::size_t d = at.size(); d-- > 0;) {
      if (++at[d] < to.dims[d]) break;
      at[d] = 0;
    }
  }
  return to;
}

Sizes applied(const std::vector<PermutationStep>& steps, Sizes data) {
  for (const PermutationStep& step : steps) {
    data = transposed_array({{step.shape.height, step.shape.width, step.shape.channels}, data},
                            {step.order[0], step.order[1], step.order[2]})
               .data;
  }
  return data;
}

Sizes iota(std::int64_t count) {
  Sizes data(static_cast<std::size_t>(count));
  std::iota(data.begin(), data.end(), 0);
  return data;
}

std::int64_t product(const Sizes& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

}  // namespace

TEST_CASE("a view of a scalar has no dimensions and one element") {
  const View scalar = row_major(0, {});
  CHECK(scalar.rank() == 0);
  CHECK(scalar.elems() == 1);
  CHECK(reshaped(scalar, {1, 1})->sizes() == Sizes{1, 1});
}

TEST_CASE("dimensions of size 1 have no atoms and move for nothing") {
  const View view = row_major(0, {1, 5, 1});
  CHECK(view.dims[0].empty());
  CHECK(view.dims[2].empty());
  CHECK(offsets(transposed(view, {2, 1, 0})) == iota(5));
}

TEST_CASE("an image in NCHW terms reads its channels with stride 1") {
  const View view = laid_out(0, 4, {{2, 2}, {3, 3}, {1, 4}});
  CHECK(view.sizes() == Sizes{1, 4, 2, 3});
  CHECK(view.dims[1] == Dimension{{4, 1}});
  CHECK(view.dims[2] == Dimension{{2, 12}});
  CHECK(view.dims[3] == Dimension{{3, 4}});
}

TEST_CASE("reshaping splits an atom into atoms and joins them again") {
  const View view = row_major(0, {12});
  const auto split = reshaped(view, {2, 3, 2});
  REQUIRE(split);
  CHECK(split->dims == std::vector<Dimension>{{{2, 6}}, {{3, 2}}, {{2, 1}}});
  CHECK(reshaped(*split, {3, 4})->sizes() == Sizes{3, 4});
}

TEST_CASE("reshaping refuses what the order of elements does not allow") {
  const View turned = transposed(row_major(0, {2, 3}), {1, 0});
  CHECK_FALSE(reshaped(turned, {2, 3}));
  CHECK(reshaped(turned, {3, 2}));
  CHECK(reshaped(turned, {6}));
  CHECK_FALSE(reshaped(turned, {7}));
}

TEST_CASE("views follow random transpositions and reshapes") {
  std::mt19937 random(testing::seed());
  int refused = 0;
  for (int round = 0; round < 300; ++round) {
    Array array{{2, 3, 4, 5}, iota(120)};
    View view = row_major(0, array.dims);
    for (int step = 0; step < 4; ++step) {
      std::vector<int> order(array.dims.size());
      std::iota(order.begin(), order.end(), 0);
      std::shuffle(order.begin(), order.end(), random);
      array = transposed_array(array, order);
      view = transposed(view, order);
      REQUIRE(view.sizes() == array.dims);
      REQUIRE(offsets(view) == array.data);
      // Other dimensions: prime factors in random groups.
      Sizes factors{2, 2, 2, 3, 5};
      std::shuffle(factors.begin(), factors.end(), random);
      Sizes dims{1};
      for (const std::int64_t factor : factors) {
        if (random() % 2 == 0) dims.push_back(1);
        dims.back() *= factor;
      }
      const auto other = reshaped(view, dims);
      refused += other ? 0 : 1;
      if (!other) continue;
      array.dims = dims;
      view = *other;
      REQUIRE(offsets(view) == array.data);
    }
  }
  CHECK(refused > 0);
  CHECK(refused < 1200);
}

TEST_CASE("reading in value order undoes the logical order") {
  std::mt19937 random(testing::seed());
  CHECK(value_order_of({}).empty());
  CHECK(value_order_of({{3, 4}, {4, 1}}).empty());
  for (int round = 0; round < 50; ++round) {
    std::vector<int> order{0, 1, 2, 3};
    std::shuffle(order.begin(), order.end(), random);
    const View view = transposed(row_major(0, {2, 3, 4, 5}), order);
    const Sizes logical = value_order_of(atoms_of(view));
    const Sizes where = offsets(view);
    for (std::size_t i = 0; i < logical.size(); ++i) {
      REQUIRE(where[static_cast<std::size_t>(logical[i])] == static_cast<std::int64_t>(i));
    }
  }
}

TEST_CASE("the order that is there needs no steps") {
  CHECK(plan_permutation({}, {}).empty());
  CHECK(plan_permutation({7}, {0}).empty());
  CHECK(plan_permutation({2, 3, 4}, {0, 1, 2}).empty());
}

TEST_CASE("three blocks take one step and a channel shuffle does too") {
  std::vector<int> order{0, 1, 2};
  while (std::next_permutation(order.begin(), order.end())) {
    CHECK(plan_permutation({2, 3, 4}, order).size() == 1);
  }
  // [height * width, groups, channels of a group]
  CHECK(plan_permutation({49, 3, 4}, {0, 2, 1}).front().shape == TensorShape{49, 3, 4});
}

TEST_CASE("every order of up to five blocks is reached in at most three steps") {
  for (int blocks = 2; blocks <= 5; ++blocks) {
    Sizes sizes{2, 3, 2, 4, 3};
    sizes.resize(static_cast<std::size_t>(blocks));
    std::vector<int> order(static_cast<std::size_t>(blocks));
    std::iota(order.begin(), order.end(), 0);
    const Sizes data = iota(product(sizes));
    while (std::next_permutation(order.begin(), order.end())) {
      const auto steps = plan_permutation(sizes, order);
      REQUIRE(steps.size() <= 3);
      REQUIRE(applied(steps, data) == transposed_array({sizes, data}, order).data);
    }
  }
}

TEST_CASE("many blocks are brought into any order") {
  std::mt19937 random(testing::seed());
  const Sizes sizes{2, 2, 3, 2, 2, 2, 3, 2, 2};
  const Sizes data = iota(product(sizes));
  for (int round = 0; round < 20; ++round) {
    std::vector<int> order(sizes.size());
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random);
    REQUIRE(applied(plan_permutation(sizes, order), data) == transposed_array({sizes, data}, order).data);
  }
}

TEST_CASE("permutations keep every axis within the limits where there is a way") {
  // Height and width together are more than an axis can hold.
  for (const PermutationStep& step : plan_permutation({300, 300, 4}, {2, 0, 1})) {
    CHECK(step.shape.height <= 65536);
    CHECK(step.shape.width <= 65536);
    CHECK(step.shape.channels <= 65536);
  }
}

TEST_CASE("axes are those of the value where classes allow it") {
  const TensorShape shape{2, 3, 4};
  CHECK(*choose_axes({1, 4, 2, 3}, {2, 3, 1}, {0, 0, 0, 0}, shape) == Axes{{{2}, {3}, {1}}});
  CHECK(*choose_axes({1, 4, 2, 3}, {2, 3, 1}, {0, 1, 0, 0}, {1, 6, 4}) == Axes{{{}, {2, 3}, {1}}});
  CHECK(*choose_axes({5}, {0}, {0}, shape) == Axes{{{}, {}, {0}}});
  CHECK(choose_axes({2, 2, 2, 2}, {0, 1, 2, 3}, {0, 1, 1, 0}, shape));
  CHECK_FALSE(choose_axes({2, 2, 2, 2}, {0, 1, 2, 3}, {0, 1, 0, 1}, shape));
}

}  // namespace narrow::onnx
