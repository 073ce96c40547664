#include "tests/rewrites/check_folding.h"

#include <doctest/doctest.h>

#include "tests/support/data.h"

namespace narrow::testing {

void check_all_fold(const Build& build) {
  for (unsigned i = 0; i < 4; ++i) {
    GraphBuilder builder(seed() + i, kFoldInput);
    const graph::ValueId output = build(builder);
    const graph::Graph original = builder.finish(output);
    REQUIRE(count<graph::BatchNorm>(original) > 0);
    const graph::Graph simplified = check_simplify(original);
    CHECK(count<graph::Convolution>(simplified) == count<graph::Convolution>(original));
  }
}

graph::Graph check_some_stay(const Build& build, int left) {
  GraphBuilder builder(seed(), kFoldInput);
  const graph::ValueId output = build(builder);
  const graph::Graph original = builder.finish(output);
  graph::Graph simplified = check_simplify(original);
  CHECK(count<graph::Convolution>(simplified) == count<graph::Convolution>(original) + left);
  return simplified;
}

graph::AveragePool average(int kernel, int stride, int pad, bool count_include_pad) {
  return graph::AveragePool{window(kernel, stride, pad), count_include_pad};
}

}  // namespace narrow::testing
