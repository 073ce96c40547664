// The table of range methods: what calibration and the command read of it.
#include "quantize/range_methods.h"

#include <doctest/doctest.h>

#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace narrow::graph {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// Ten thousand values up to 1, and one that is 3.
Observation long_tailed() {
  std::vector<float> values;
  for (int i = 0; i <= 10000; ++i) values.push_back(static_cast<float>(i) / 10000);
  values.push_back(3);
  const auto histogram = std::make_shared<Histogram>();
  histogram->observe(values);
  return {.min = 0, .max = 3, .images = 1, .histogram = histogram};
}

TEST_CASE("every range method has one row, and the first row is the default") {
  std::set<std::string> options;
  std::set<std::string> names;
  std::set<ObserverKind> kinds;
  for (const RangeMethod& method : range_methods()) {
    CHECK(options.insert(std::string(method.option)).second);
    CHECK(names.insert(std::string(method.name)).second);
    CHECK(kinds.insert(method.kind).second);
    CHECK(&range_method(method.kind) == &method);
  }
  CHECK(range_methods().front().kind == QuantizeOptions{}.observer);
  for (const ObserverKind kind : {ObserverKind::kMinMax, ObserverKind::kMovingAverage, ObserverKind::kPercentile,
                                  ObserverKind::kNorm, ObserverKind::kAuto}) {
    CHECK(kinds.contains(kind));
  }
}

TEST_CASE("the names that users choose range methods by are those of the table, in its order") {
  const std::vector<ObserverName> names = observer_names();
  REQUIRE(names.size() == range_methods().size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    CHECK(names[i].kind == range_methods()[i].kind);
    CHECK(names[i].name == range_methods()[i].option);
    CHECK(names[i].description == range_methods()[i].description);
  }
}

TEST_CASE("range methods that need a histogram use it, and take the extremes where there is none") {
  QuantizeOptions options;
  options.percentile = 99;
  const RangeRequest request{4, Clamp{-kInf, kInf}, options};
  Observation seen = long_tailed();
  for (const RangeMethod& method : range_methods()) {
    CAPTURE(method.option);
    CHECK((method.choose(seen, request).max < seen.max) == method.needs_histogram);
  }
  seen.histogram = nullptr;
  for (const RangeMethod& method : range_methods()) CHECK(method.choose(seen, request).max == seen.max);
}

}  // namespace
}  // namespace narrow::graph
