// Least squares over integers: the parts of the solver against all candidates and against each other.
#include "quantize/rounding/problem.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "quantize/rounding/vector_math.h"
#include "tests/support/data.h"

namespace narrow::graph {
namespace {

// Correlated inputs, and targets that a float layer near `start` would give.
RoundingProblem random_problem(std::mt19937& generator, std::size_t depth, std::size_t rows, QRange range) {
  std::normal_distribution<double> normal(0, 1);
  RoundingProblem problem;
  problem.depth = depth;
  problem.rows = rows;
  problem.range = range;
  // Samples of inputs that share a component, so that errors of one weight can be made up for by others.
  const std::size_t samples = 4 * depth + 8;
  std::vector<double> x(samples * depth);
  for (std::size_t s = 0; s < samples; ++s) {
    const double shared = normal(generator);
    for (std::size_t k = 0; k < depth; ++k) x[s * depth + k] = 10 * (normal(generator) + 2 * shared);
  }
  problem.gram.assign(depth * depth, 0);
  for (std::size_t i = 0; i < depth; ++i) {
    for (std::size_t j = 0; j < depth; ++j) {
      for (std::size_t s = 0; s < samples; ++s) problem.gram[i * depth + j] += x[s * depth + i] * x[s * depth + j];
      problem.gram[i * depth + j] /= static_cast<double>(samples);
    }
    problem.gram[i * depth + i] += 1;
  }
  for (std::size_t i = 0; i < rows * depth; ++i) problem.start.push_back(0.05 * normal(generator));
  problem.cross.assign(rows * depth, 0);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t k = 0; k < depth; ++k) {
      for (std::size_t j = 0; j < depth; ++j) {
        problem.cross[r * depth + k] += problem.start[r * depth + j] * problem.gram[j * depth + k];
      }
    }
  }
  problem.least.assign(rows, 1e-12);
  return problem;
}

// Inputs of which all share one component; made in a time that a deep layer allows.
RoundingProblem deep_problem(std::mt19937& generator, std::size_t depth, std::size_t rows, QRange range) {
  std::normal_distribution<double> normal(0, 1);
  RoundingProblem problem;
  problem.depth = depth;
  problem.rows = rows;
  problem.range = range;
  std::vector<double> shared(depth);
  for (double& part : shared) part = normal(generator);
  problem.gram.resize(depth * depth);
  for (std::size_t i = 0; i < depth; ++i) {
    for (std::size_t j = 0; j < depth; ++j) problem.gram[i * depth + j] = shared[i] * shared[j] + (i == j ? 2 : 0);
  }
  for (std::size_t i = 0; i < rows * depth; ++i) problem.start.push_back(0.05 * normal(generator));
  for (std::size_t r = 0; r < rows; ++r) {
    const double* const start = problem.start.data() + r * depth;
    const double product = std::inner_product(shared.begin(), shared.end(), start, 0.0);
    for (std::size_t k = 0; k < depth; ++k) problem.cross.push_back(2 * start[k] + product * shared[k]);
  }
  problem.least.assign(rows, 1e-12);
  return problem;
}

RoundedRows nearest(const RoundingProblem& problem) {
  RoundedRows rounded;
  for (std::size_t r = 0; r < problem.rows; ++r) {
    double largest = 1e-12;
    for (std::size_t k = 0; k < problem.depth; ++k) {
      largest = std::max(largest, std::abs(problem.start[r * problem.depth + k]));
    }
    const double scale = largest / problem.range.hi;
    rounded.scales.push_back(scale);
    for (std::size_t k = 0; k < problem.depth; ++k) {
      rounded.weights.push_back(static_cast<std::int8_t>(std::nearbyint(problem.start[r * problem.depth + k] / scale)));
    }
  }
  return rounded;
}

double total_error(const RoundingProblem& problem, const RoundedRows& rounded) {
  double sum = 0;
  for (std::size_t r = 0; r < problem.rows; ++r) sum += rounding_error(problem, rounded, r);
  return sum;
}

// The best integers and scale of a row, by trying all.
double best_error(const RoundingProblem& problem, std::size_t row) {
  const std::size_t depth = problem.depth;
  RoundedRows tried{std::vector<std::int8_t>((row + 1) * depth, static_cast<std::int8_t>(problem.range.lo)),
                    std::vector<double>(row + 1, 1.0)};
  std::int8_t* q = tried.weights.data() + row * depth;
  double best = 0;  // of all zeros
  while (true) {
    tried.scales[row] = 1;
    const double one = rounding_error(problem, tried, row);
    tried.scales[row] = -1;
    const double minus_one = rounding_error(problem, tried, row);
    const double square = (one + minus_one) / 2;
    const double linear = (minus_one - one) / 4;
    if (square > 0 && linear > 0) best = std::min(best, -linear * linear / square);
    std::size_t k = 0;
    while (k < depth && q[k] == problem.range.hi) q[k++] = static_cast<std::int8_t>(problem.range.lo);
    if (k == depth) return best;
    ++q[k];
  }
}

void check_valid(const RoundingProblem& problem, const RoundedRows& rounded) {
  REQUIRE(rounded.weights.size() == problem.rows * problem.depth);
  REQUIRE(rounded.scales.size() == problem.rows);
  for (const std::int8_t q : rounded.weights) CHECK(problem.range.contains(q));
  for (std::size_t r = 0; r < problem.rows; ++r) CHECK(rounded.scales[r] >= problem.least[r]);
}

}  // namespace

TEST_CASE("inner loops give the same bits as plain ones") {
  std::mt19937 generator(testing::seed());
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{31}, std::size_t{32}, std::size_t{100}}) {
    std::vector<float> a(count);
    std::vector<float> b(count);
    for (float& x : a) x = uniform(generator);
    for (float& x : b) x = uniform(generator);
    float lanes[32] = {};
    for (std::size_t i = 0; i < count; ++i) lanes[i % 32] += a[i] * b[i];
    for (std::size_t half = 16; half > 0; half /= 2) {
      for (std::size_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
    }
    CHECK(dot(a.data(), b.data(), count) == lanes[0]);
    std::vector<float> expected = b;
    for (std::size_t i = 0; i < count; ++i) expected[i] += 0.3F * a[i];
    add_scaled(0.3F, a.data(), b.data(), count);
    CHECK(b == expected);
  }
}

TEST_CASE("products of the largest inputs are exact") {
  constexpr std::size_t kDepth = 8;
  constexpr std::size_t kStride = 1024;
  for (const std::size_t count : {std::size_t{1}, std::size_t{17}, kStride}) {
    std::vector<std::int16_t> x(kDepth * kStride, 0);
    for (std::size_t k = 0; k < kDepth; ++k) {
      for (std::size_t s = 0; s < count; ++s) {
        x[k * kStride + s] = static_cast<std::int16_t>((k + s) % 3 == 0 ? -255 : 255);
      }
    }
    std::vector<std::int64_t> sums(kDepth * kDepth, 7);
    add_products(x.data(), kDepth, kStride, count, 0, kDepth, sums.data());
    for (std::size_t i = 0; i < kDepth; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        std::int64_t expected = 7;
        for (std::size_t s = 0; s < count; ++s) {
          expected += std::int64_t{x[i * kStride + s]} * std::int64_t{x[j * kStride + s]};
        }
        CHECK(sums[i * kDepth + j] == expected);
      }
    }
  }
}

TEST_CASE("of few ternary weights the best are found") {
  std::mt19937 generator(testing::seed());
  for (const std::size_t depth : {std::size_t{1}, std::size_t{2}, std::size_t{5}, std::size_t{8}}) {
    const RoundingProblem problem = random_problem(generator, depth, 3, {-1, 1});
    const RoundedRows rounded = solve(problem, 1);
    check_valid(problem, rounded);
    for (std::size_t r = 0; r < problem.rows; ++r) {
      const double best = best_error(problem, r);
      CHECK(rounding_error(problem, rounded, r) == doctest::Approx(best).epsilon(1e-6));
    }
  }
}

TEST_CASE("weights that are integers times a scale stay what they are") {
  std::mt19937 generator(testing::seed());
  for (const std::size_t depth : {std::size_t{9}, std::size_t{20}}) {
    for (const int bits : {2, 3, 4, 8}) {
      CAPTURE(depth);
      CAPTURE(bits);
      const QRange range = QRange::weights(bits);
      RoundingProblem problem = random_problem(generator, depth, 2, range);
      std::vector<std::int8_t> expected;
      for (double& w : problem.start) {
        const auto q = static_cast<std::int8_t>(
            static_cast<int>(generator() % static_cast<unsigned>(range.steps() + 1)) + range.lo);
        expected.push_back(q);
        w = 0.25 * q;
      }
      // A full range, so that the first scale is the right one.
      problem.start[0] = problem.start[depth] = 0.25 * range.hi;
      expected[0] = expected[depth] = static_cast<std::int8_t>(range.hi);
      for (std::size_t r = 0; r < 2; ++r) {
        for (std::size_t k = 0; k < depth; ++k) {
          double sum = 0;
          for (std::size_t j = 0; j < depth; ++j) sum += problem.start[r * depth + j] * problem.gram[j * depth + k];
          problem.cross[r * depth + k] = sum;
        }
      }
      const RoundedRows rounded = solve(problem, 1);
      for (std::size_t r = 0; r < 2; ++r) {
        double exact = 0;
        for (std::size_t k = 0; k < depth; ++k) exact -= problem.start[r * depth + k] * problem.cross[r * depth + k];
        CHECK(rounding_error(problem, rounded, r) <= exact * 0.999);
      }
      if (bits == 8) CHECK(rounded.weights == expected);
    }
  }
}

TEST_CASE("the column solve beats rounding to the nearest, and descent never raises the error") {
  std::mt19937 generator(testing::seed());
  for (const std::size_t depth : {std::size_t{10}, std::size_t{33}, std::size_t{100}}) {
    for (const int bits : {2, 3, 4, 6}) {
      CAPTURE(depth);
      CAPTURE(bits);
      const RoundingProblem problem = random_problem(generator, depth, 5, QRange::weights(bits));
      RoundedRows rounded = column_solve(problem, factor(problem, 1), 1);
      check_valid(problem, rounded);
      CHECK(total_error(problem, rounded) < total_error(problem, nearest(problem)));
      for (int sweep = 0; sweep < 4; ++sweep) {
        const double before = total_error(problem, rounded);
        coordinate_descent(problem, rounded, 1, 1);
        check_valid(problem, rounded);
        CHECK(total_error(problem, rounded) <= before + 1e-6 * std::abs(before));
      }
    }
  }
}

TEST_CASE("one scale for all rows stays one scale") {
  std::mt19937 generator(testing::seed());
  for (const std::size_t depth : {std::size_t{9}, std::size_t{30}}) {
    for (const int bits : {2, 4}) {
      RoundingProblem problem = random_problem(generator, depth, 6, QRange::weights(bits));
      problem.one_scale = true;
      const RoundedRows rounded = solve(problem, 2);
      check_valid(problem, rounded);
      CHECK(std::count(rounded.scales.begin(), rounded.scales.end(), rounded.scales[0]) == 6);
    }
  }
}

TEST_CASE("no scale is smaller than it may be") {
  std::mt19937 generator(testing::seed());
  for (const std::size_t depth : {std::size_t{4}, std::size_t{30}}) {
    for (const int bits : {2, 8}) {
      RoundingProblem problem = random_problem(generator, depth, 4, QRange::weights(bits));
      std::fill(problem.start.begin(), problem.start.begin() + static_cast<std::ptrdiff_t>(depth), 0.0);  // dead
      std::fill(problem.cross.begin(), problem.cross.begin() + static_cast<std::ptrdiff_t>(depth), 0.0);
      problem.least.assign(4, 0.5);
      check_valid(problem, solve(problem, 1));
    }
  }
}

TEST_CASE("sums of lanes keep to their limit unless scales would double, and rows that kept to it stay what they are") {
  std::mt19937 generator(testing::seed());
  for (const std::size_t depth : {std::size_t{9}, std::size_t{64}, std::size_t{150}}) {
    for (const int bits : {2, 4, 8}) {
      for (const bool one_scale : {false, true}) {
        CAPTURE(depth);
        CAPTURE(bits);
        CAPTURE(one_scale);
        RoundingProblem problem = random_problem(generator, depth, 8, QRange::weights(bits));
        problem.one_scale = one_scale;
        LaneLimit lanes{.channels = 64, .is_depthwise = depth == 9};
        const RoundedRows free = solve(problem, 1);
        const auto sum_of = [&](const RoundedRows& rounded, std::size_t row) {
          return largest_lane_sum(rounded.weights.data() + row * depth, depth, lanes);
        };
        std::vector<double> sums;
        for (std::size_t r = 0; r < problem.rows; ++r) sums.push_back(sum_of(free, r));
        // Half of the rows exceed it.
        std::nth_element(sums.begin(), sums.begin() + 4, sums.end());
        for (const double limit : {sums[4], sums[4] / 2, 1.0}) {
          lanes.largest_sum = limit;
          const RoundedRows limited = solve(problem, lanes, 1);
          check_valid(problem, limited);
          CHECK(solve(problem, lanes, 3).weights == limited.weights);
          for (std::size_t r = 0; r < problem.rows; ++r) {
            const auto begin = static_cast<std::ptrdiff_t>(r * depth);
            const bool is_free = std::equal(limited.weights.begin() + begin,
                                            limited.weights.begin() + begin + static_cast<std::ptrdiff_t>(depth),
                                            free.weights.begin() + begin) &&
                                 limited.scales[r] == free.scales[r];
            // Rows stay as they are where they keep to the limit, or where their scale would more than double.
            if (sum_of(limited, r) > limit) {
              CHECK(is_free);
              CHECK((one_scale || limit < sums[4]));
            }
            CHECK(limited.scales[r] <= 2 * free.scales[r] * (1 + 1e-9));
            if (!one_scale && sum_of(free, r) <= limit) CHECK(is_free);
          }
        }
        CHECK(solve(problem, LaneLimit{}, 1).weights == free.weights);
      }
    }
  }
}

TEST_CASE("a lane has two of four channels, of as many as are added, or all taps of a depthwise window, by sign") {
  const LaneLimit dense{.channels = 64};
  const LaneLimit depthwise{.is_depthwise = true};
  const std::vector<std::int8_t> ones(130, 1);
  CHECK(largest_lane_sum(ones.data(), 4, dense) == 2);
  CHECK(largest_lane_sum(ones.data(), 64, dense) == 32);
  CHECK(largest_lane_sum(ones.data(), 130, dense) == 32);
  CHECK(largest_lane_sum(ones.data(), 130, {.channels = 256}) == 66);
  CHECK(largest_lane_sum(ones.data(), 49, depthwise) == 49);
  std::vector<std::int8_t> signs = ones;
  for (std::size_t k = 0; k < signs.size(); k += 2) signs[k] = -3;
  CHECK(largest_lane_sum(signs.data(), 64, dense) == 48);
  CHECK(largest_lane_sum(signs.data(), 9, depthwise) == 15);
  std::vector<std::int8_t> late(128, 0);
  for (std::size_t k = 64; k < 128; ++k) late[k] = k % 4 < 2 ? -128 : 0;
  CHECK(largest_lane_sum(late.data(), 128, dense) == 4096);
  CHECK(largest_lane_sum(late.data(), 0, dense) == 0);
}

TEST_CASE("the factors of a deep layer are right and do not depend on the number of threads") {
  std::mt19937 generator(testing::seed());
  // Deep enough for strips of rows, and not a multiple of them.
  const RoundingProblem problem = deep_problem(generator, 1500, 41, {-7, 7});
  const Factored expected = factor(problem, 1);
  double difference = 0;
  for (std::size_t i = 0; i < expected.optimum.size(); ++i) {
    const std::size_t row = i / problem.depth;
    const double wanted = problem.start[row * problem.depth + expected.order[i % problem.depth]];
    difference = std::max(difference, std::abs(double{expected.optimum[i]} - wanted));
  }
  CHECK(difference < 1e-5);
  for (const int threads : {2, 3}) {
    const Factored factored = factor(problem, threads);
    CHECK(factored.order == expected.order);
    CHECK(factored.factor == expected.factor);
    CHECK(factored.diagonal == expected.diagonal);
    CHECK(factored.optimum == expected.optimum);
  }
}

TEST_CASE("the solution does not depend on the number of threads") {
  std::mt19937 generator(testing::seed());
  for (const std::size_t depth : {std::size_t{9}, std::size_t{70}}) {
    const RoundingProblem problem = random_problem(generator, depth, 40, {-3, 3});
    const RoundedRows expected = solve(problem, 1);
    for (const int threads : {2, 3, 16}) {
      const RoundedRows rounded = solve(problem, threads);
      CHECK(rounded.weights == expected.weights);
      CHECK(rounded.scales == expected.scales);
    }
  }
}

}  // namespace narrow::graph
