// Batch norms fold through operators that move elements, through products and differences, and stop at integers.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/rewrites/check_folding.h"
#include "tests/support/data.h"
#include "tests/support/quantize/pre_quantized_graph.h"

namespace narrow::graph {
namespace {

using testing::check_all_fold;
using testing::check_simplify;
using testing::check_some_stay;
using testing::count;
using testing::GraphBuilder;
using testing::node_named;
using testing::window;

// [6, 5, 4] as everywhere; 8 channels before a node that takes them.
ValueId eight(GraphBuilder& b) { return b.convolution("c", b.input(), 8); }

}  // namespace

TEST_CASE("a batch norm folds back through a reshape that cuts or joins pixels") {
  // Each old pixel becomes two: both have the same affine.
  check_all_fold([](GraphBuilder& b) { return b.batch_norm("bn", b.node("r", Reshape{{12, 5, 4}}, {eight(b)})); });
  // Uniform affines fold through whatever comes.
  for (const TensorShape shape : {TensorShape{3, 5, 16}, TensorShape{5, 8, 6}, TensorShape{1, 1, 240}}) {
    check_all_fold(
        [&](GraphBuilder& b) { return b.affine("bn", b.node("r", Reshape{shape}, {eight(b)}), -0.5F, 0.25F); });
  }
}

TEST_CASE("a batch norm stays after a reshape that mixes its channels") {
  for (const TensorShape shape : {TensorShape{3, 5, 16}, TensorShape{5, 8, 6}}) {
    check_some_stay([&](GraphBuilder& b) { return b.batch_norm("bn", b.node("r", Reshape{shape}, {eight(b)})); }, 1);
  }
}

TEST_CASE("a batch norm folds through a gather unless a channel would need two affines") {
  for (const Gather& gather : {Gather{2, {7, 0, 3, 1}}, Gather{0, {2, 2, 0}}, Gather{1, {4, 3, 2, 1, 0}}}) {
    check_all_fold([&](GraphBuilder& b) { return b.batch_norm("bn", b.node("g", gather, {eight(b)})); });
    check_all_fold([&](GraphBuilder& b) {
      const ValueId bn = b.batch_norm("bn", b.node("t", Function{FunctionKind::kTanh, 0, 0, {}, {}}, {eight(b)}));
      return b.convolution("last", b.node("g", gather, {bn}), 3);
    });
  }
  check_some_stay([](GraphBuilder& b) { return b.batch_norm("bn", b.node("g", Gather{2, {7, 0, 0}}, {eight(b)})); }, 1);
}

TEST_CASE("a batch norm folds forward through a reshape") {
  check_all_fold([](GraphBuilder& b) {
    const ValueId bn = b.batch_norm("bn", b.input());
    return b.convolution("c", b.node("r", Reshape{{3, 5, 8}}, {bn}), 3);
  });
  check_all_fold([](GraphBuilder& b) {
    const ValueId bn = b.affine("bn", b.input(), 0.5F, 1.0F);
    return b.convolution("c", b.node("r", Reshape{{5, 8, 3}}, {bn}), 3);
  });
  check_some_stay(
      [](GraphBuilder& b) {
        return b.convolution("c", b.node("r", Reshape{{5, 8, 3}}, {b.batch_norm("bn", b.input())}), 3);
      },
      1);
}

TEST_CASE("a batch norm folds through a transposition that keeps channels") {
  check_all_fold([](GraphBuilder& b) { return b.batch_norm("bn", b.node("t", Transpose{{1, 0, 2}}, {eight(b)})); });
  check_all_fold([](GraphBuilder& b) {
    return b.convolution("c", b.node("t", Transpose{{1, 0, 2}}, {b.batch_norm("bn", b.input())}), 3);
  });
  check_all_fold([](GraphBuilder& b) { return b.affine("bn", b.node("t", Transpose{{2, 0, 1}}, {eight(b)}), 2, 1); });
  check_some_stay([](GraphBuilder& b) { return b.batch_norm("bn", b.node("t", Transpose{{2, 0, 1}}, {eight(b)})); }, 1);
}

TEST_CASE("a scale folds through padding and a shift does not") {
  const auto pad = [](GraphBuilder& b, ValueId x) { return b.node("pad", Pad{{1, 0, 2, 1}}, {x}); };
  check_all_fold([&](GraphBuilder& b) { return b.affine("bn", pad(b, eight(b)), -0.5F, 0.0F); });
  check_some_stay([&](GraphBuilder& b) { return b.affine("bn", pad(b, eight(b)), 1.0F, 0.5F); }, 1);
  check_all_fold([&](GraphBuilder& b) {
    return b.convolution("c", pad(b, b.affine("bn", b.input(), -0.5F, 0.0F)), 3, window(3));
  });
  check_some_stay(
      [&](GraphBuilder& b) { return b.convolution("c", pad(b, b.affine("bn", b.input(), 1.0F, 0.5F)), 3, window(3)); },
      1);
}

TEST_CASE("a batch norm folds through slices") {
  const auto slice = [](GraphBuilder& b, const char* name, ValueId x, std::int64_t begin) {
    return b.node(name, Slice{{1, 0, begin}, {3, 5, 2}}, {x});
  };
  // Back: the channels that no node reads stay as they are.
  check_all_fold([&](GraphBuilder& b) { return b.batch_norm("bn", slice(b, "s", eight(b), 5)); });
  // Forward: into every reader of every slice.
  check_all_fold([&](GraphBuilder& b) {
    const ValueId bn = b.batch_norm("bn", b.input());
    const ValueId left = b.convolution("left", slice(b, "s1", bn, 0), 3);
    return b.node("sum", Add{}, {left, b.convolution("right", slice(b, "s2", bn, 2), 3)});
  });
  // Not back where another slice reads the same.
  check_some_stay(
      [&](GraphBuilder& b) {
        const ValueId x = eight(b);
        return b.node("sum", Add{}, {b.batch_norm("bn", slice(b, "s1", x, 0)), slice(b, "s2", x, 1)});
      },
      1);
}

TEST_CASE("a batch norm folds into both sides of a difference") {
  // Scales pass through padding, shifts don't: they go to the other side, with its sign.
  for (const bool padded_left : {false, true}) {
    check_all_fold([&](GraphBuilder& b) {
      const ValueId inner = b.convolution("inner", b.input(), 4, window(3));
      const ValueId padded = b.node("pad", Pad{{1, 1, 1, 1}}, {inner});
      const ValueId plain = b.convolution("plain", b.input(), 4);
      const ValueId difference =
          b.node("difference", Subtract{}, padded_left ? std::vector{padded, plain} : std::vector{plain, padded});
      return b.batch_norm("bn", difference);
    });
  }
}

TEST_CASE("a scale folds into one factor of a product and a shift into none") {
  const auto product = [](GraphBuilder& b) {
    const ValueId gap = b.node("gap", GlobalAveragePool{}, {b.input()});
    const ValueId gate = b.function("gate", b.convolution("g", gap, 4), FunctionKind::kSigmoid);
    return b.node("product", Multiply{}, {gate, b.convolution("c", b.input(), 4)});
  };
  check_all_fold([&](GraphBuilder& b) { return b.affine("bn", product(b), -2.0F, 0.0F); });
  check_some_stay([&](GraphBuilder& b) { return b.affine("bn", product(b), 1.0F, 0.5F); }, 1);
  // A factor that all channels share can't carry a scale of each.
  check_some_stay(
      [](GraphBuilder& b) {
        const ValueId one = b.convolution("one", b.input(), 1);
        const ValueId all = b.function("all", b.input(), FunctionKind::kTanh);
        ValueId y = b.node("product", Multiply{}, {one, all});
        y = b.node("norm", BatchNorm{{1, 2, 3, 4}, {0, 0, 0, 0}, {0, 0, 0, 0}, {1, 1, 1, 1}, 0}, {y});
        return b.function("after", y, FunctionKind::kTanh);
      },
      1);
}

TEST_CASE("a batch norm does not fold through functions or broadcasts or integers") {
  for (const int variant : {0, 1, 2, 3}) {
    check_some_stay(
        [&](GraphBuilder& b) {
          ValueId x = b.convolution("c", b.input(), 4);
          if (variant == 0) x = b.function("f", x, FunctionKind::kTanh);
          if (variant == 1) x = b.node("lrn", Lrn{}, {x});
          if (variant == 2) x = b.node("sum", Add{}, {x, b.convolution("bias", b.input(), 1)});
          if (variant == 3) x = b.node("d", Dequantize{}, {b.quantize("q", x, {0.125F, 128, {0, 255}})});
          return b.function("after", b.batch_norm("bn", x), FunctionKind::kTanh);
        },
        1);
  }
}

TEST_CASE("squeeze and excite stays as it is while batch norms fold around it") {
  GraphBuilder b(testing::seed(), {6, 5, 4});
  ValueId x = b.batch_norm("bn1", b.convolution("expand", b.input(), 8));
  x = b.function("swish", x, FunctionKind::kHardSwish, 1.0F / 6, 0.5F);
  ValueId gate = b.node("gap", AveragePool{[] {
                          Window w;
                          w.kernel_h = 6;
                          w.kernel_w = 5;
                          return w;
                        }()},
                        {x});
  gate = b.relu("relu", b.convolution("squeeze", gate, 2));
  gate = b.function("gate", b.convolution("excite", gate, 8), FunctionKind::kHardSigmoid, 1.0F / 6, 0.5F);
  x = b.node("scale", Multiply{}, {x, gate});
  x = b.batch_norm("bn2", b.convolution("project", x, 4));
  const Graph graph = check_simplify(b.finish(b.node("sum", Add{}, {x, b.input()})));
  CHECK(testing::op_names(graph) == std::vector<std::string>{"Convolution", "Function", "GlobalAveragePool",
                                                             "Convolution", "Convolution", "Function", "Multiply",
                                                             "Convolution", "Add"});
  CHECK(node_named(graph, "squeeze").clamp == GraphBuilder::kRelu);
  CHECK(std::get<Function>(node_named(graph, "gate").op).kind == FunctionKind::kHardSigmoid);
}

TEST_CASE("an activation moves before what moves elements and into arithmetic") {
  GraphBuilder b(testing::seed(), {6, 5, 4});
  ValueId x = b.node("product", Multiply{}, {b.input(), b.convolution("c", b.input(), 4)});
  x = b.node("t", Transpose{{1, 0, 2}}, {x});
  x = b.node("s", Slice{{1, 0, 0}, {4, 6, 4}}, {x});
  x = b.node("pad", Pad{{1, 0, 0, 0}}, {x});
  x = b.relu("relu", b.node("r", Reshape{{6, 5, 4}}, {x}));
  x = b.clamp("clamp", b.node("difference", Subtract{}, {x, b.input()}), {-0.5F, 1.0F});
  const Graph graph = check_simplify(b.finish(x));
  CHECK(count<Activation>(graph) == 0);
  CHECK(node_named(graph, "product").clamp == GraphBuilder::kRelu);
  CHECK(node_named(graph, "difference").clamp == Clamp{-0.5F, 1.0F});
}

TEST_CASE("an activation without zero stays after padding") {
  GraphBuilder b(testing::seed(), {6, 5, 4});
  const ValueId x = b.node("pad", Pad{{1, 0, 0, 0}}, {b.convolution("c", b.input(), 4)});
  CHECK(count<Activation>(check_simplify(b.finish(b.clamp("clamp", x, {0.5F, 1.0F})))) == 1);
}

TEST_CASE("an activation does not leave its side of a quantization") {
  GraphBuilder b(testing::seed(), {6, 5, 4});
  ValueId x = b.node("d", Dequantize{}, {b.quantize("q", b.convolution("c", b.input(), 4), {0.125F, 100, {0, 255}})});
  x = b.clamp("clamp", x, {-0.3F, 0.3F});  // between levels
  const Graph original = b.finish(b.function("f", x, FunctionKind::kTanh));
  const Graph graph = check_simplify(original);
  CHECK(count<Activation>(graph) == 1);
  CHECK(node_named(graph, "c").clamp.is_identity());
}

}  // namespace narrow::graph
