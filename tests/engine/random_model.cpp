// Random networks of every operator, with islands of float32 among the integers.
#include <algorithm>
#include <array>
#include <limits>

#include "graph/operators.h"
#include "tests/engine/integer_graph_builder.h"
#include "tests/support/graph/functions.h"

namespace narrow::testing {

using graph::ValueId;
using graph::Window;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::array<Clamp, 4> kClamps = {Clamp{}, Clamp{0.0F, kInfinity}, Clamp{0.0F, 6.0F}, Clamp{-0.25F, 0.5F}};

class RandomNetwork {
 public:
  explicit RandomNetwork(unsigned seed) : random_(seed), b_(seed + 1, {pick(1, 9), pick(1, 9), pick(1, 5)}) {
    // Now and then a network without any integers. Large inputs are cut off, so that nothing ever becomes infinite.
    const ValueId bounded = b_.activation(b_.input(), {-3.0F, 3.0F});
    values_.push_back(pick(0, 7) == 0 ? bounded : b_.quantize(b_.input(), pick(2, 8)));
  }

  void append() {
    const ValueId x = pick(0, 3) != 0 ? values_.back() : values_[index(static_cast<int>(values_.size()))];
    switch (pick(0, 5)) {
      case 0:
      case 1:
        values_.push_back(layer(x));
        break;
      case 2:
        values_.push_back(pool(x));
        break;
      case 3:
        values_.push_back(arithmetic(x));
        break;
      case 4:
        values_.push_back(movement(x));
        break;
      default:
        values_.push_back(change_of_type(x));
        break;
    }
  }

  engine::ModelData finish() {
    ValueId last = values_.back();
    const int classes = pick(1, 20);
    if (b_.is_float(last)) {
      switch (pick(0, 2)) {
        case 0:
          return b_.finish(b_.softmax(b_.float_linear(last, classes)));
        case 1:
          return b_.finish(b_.float_linear(last, classes, any_clamp()));
        default:
          return b_.finish(b_.flatten(last));
      }
    }
    switch (pick(0, 3)) {
      case 0:
        return b_.finish(b_.linear_scores(b_.global_average_pool(last), classes, pick(2, 8), any_clamp()));
      case 1:
        return b_.finish(b_.flatten(b_.convolution_scores(last, window(1), 1, classes, pick(2, 8))));
      case 2:
        return b_.finish(b_.dequantize(b_.flatten(last)));
      default:
        return b_.finish(b_.linear_scores(last, classes, pick(2, 8)));
    }
  }

 private:
  int pick(int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(random_); }
  std::int64_t pick64(std::int64_t lo, std::int64_t hi) {
    return std::uniform_int_distribution<std::int64_t>(lo, hi)(random_);
  }
  std::size_t index(int size) { return static_cast<std::size_t>(pick(0, size - 1)); }
  Clamp any_clamp() { return kClamps[index(kClamps.size())]; }

  Window any_window(ValueId x) {
    const auto side = static_cast<int>(std::min(b_.shape(x).height, b_.shape(x).width));
    const int kernel = pick(1, std::min(3, side));
    return window(kernel, pick(1, 2), pick(0, kernel - 1));
  }

  ValueId layer(ValueId x) {
    const auto channels = static_cast<int>(b_.shape(x).channels);
    if (!b_.is_float(x) && pick(0, 4) == 0) return residual_sum(x);
    const int kind = pick(0, 3);
    if (kind == 0 && b_.is_float(x)) return b_.float_linear(x, pick(1, 33), any_clamp());
    if (kind == 0) return b_.linear(x, pick(1, 33), pick(2, 8), pick(2, 8), any_clamp());
    const int groups = kind == 1 ? channels : kind == 2 && channels % 2 == 0 ? 2 : 1;
    const int outputs = kind == 1 ? channels : groups * pick(1, kind == 2 ? 5 : 19);
    if (b_.is_float(x)) return b_.float_convolution(x, any_window(x), groups, outputs, any_clamp());
    return b_.convolution(x, any_window(x), groups, outputs, pick(2, 8), pick(2, 8), any_clamp());
  }

  // The residual is another convolution of x, or x itself.
  ValueId residual_sum(ValueId x) {
    const bool is_own = pick(0, 1) == 0;
    const Window of_sum = is_own ? window(3, 1, 1) : any_window(x);
    const ValueId residual =
        is_own ? x : b_.convolution(x, of_sum, 1, pick(1, 40), pick(2, 8), pick(2, 8), any_clamp());
    const auto channels = static_cast<int>(b_.shape(x).channels);
    const int groups = is_own && pick(0, 3) == 0 ? channels : 1;
    return b_.residual_sum(x, of_sum, groups, residual, pick(2, 8), pick(2, 8), any_clamp(), pick(0, 1) == 0);
  }

  ValueId pool(ValueId x) {
    switch (pick(0, 4)) {
      case 0:
        return b_.global_average_pool(x, pick(2, 8));
      case 1:
      case 2:
        return b_.average_pool(x, any_window(x), pick(0, 1) == 1, pick(2, 8));
      default:
        return b_.max_pool(x, any_window(x));
    }
  }

  // x with some dimensions cut down to 1.
  ValueId repeatable(ValueId x) {
    const TensorShape in = b_.shape(x);
    if (pick(0, 3) == 0) return b_.global_average_pool(x, pick(2, 8));
    TensorShape begin;
    TensorShape size = in;
    for (const auto dimension : {&TensorShape::height, &TensorShape::width, &TensorShape::channels}) {
      if (pick(0, 1) == 0) continue;
      begin.*dimension = pick64(0, in.*dimension - 1);
      size.*dimension = 1;
    }
    return b_.slice(x, begin, size);
  }

  ValueId arithmetic(ValueId x) {
    const int bits = pick(2, 8);
    if (pick(0, 2) == 0) {
      const auto kind = static_cast<graph::FunctionKind>(pick(0, graph::kFunctionKinds - 1));
      const Clamp domain = domain_of(kind);
      const bool is_cut = b_.is_float(x) && !domain.is_identity();
      return b_.function(is_cut ? b_.activation(x, domain) : x, kind, bits);
    }
    if (b_.is_float(x) && pick(0, 3) == 0) {
      const int which = pick(0, 4);
      if (which == 0) return b_.softmax(x);
      if (which == 4) return b_.log_softmax(x);
      if (which == 1) return b_.layer_norm(x, pick(0, 1) == 0 ? 1e-6F : 0.5F);
      return b_.lrn(x, {pick(1, 6), 0.3F, pick(0, 1) == 0 ? 0.75F : 0.6F, 1.5F});
    }
    ValueId a = b_.activation(x, any_clamp(), pick(2, 8));
    ValueId b = repeatable(x);
    if (pick(0, 5) == 0) a = repeatable(x);
    if (pick(0, 1) == 0) std::swap(a, b);
    switch (pick(0, 4)) {
      case 3:
        return b_.maximum(a, b, bits, any_clamp());
      case 4:
        return b_.minimum(a, b, bits, any_clamp());
      case 0:
        return b_.add(a, b, bits, any_clamp());
      case 1:
        return b_.subtract(a, b, bits, any_clamp());
      default:
        // Products of products grow beyond every float.
        return b_.multiply(a, b, bits, b_.is_float(x) ? Clamp{-5.0F, 5.0F} : any_clamp());
    }
  }

  ValueId movement(ValueId x) {
    const TensorShape in = b_.shape(x);
    switch (pick(0, 8)) {
      case 0: {
        const ValueId part = b_.slice(x, {}, {in.height, in.width, pick64(1, in.channels)});
        return b_.concat({part, b_.activation(x, any_clamp(), pick(2, 8)), x}, pick(2, 8));
      }
      case 1:
        return b_.pad_channels(x, pick(0, 3), pick(0, 3));
      case 2:
        return b_.pad(x, {pick(0, 2), pick(0, 2), pick(0, 2), pick(0, 2)});
      case 3: {
        const TensorShape begin{pick64(0, in.height - 1), pick64(0, in.width - 1), pick64(0, in.channels - 1)};
        return b_.slice(x, begin,
                        {pick64(1, in.height - begin.height), pick64(1, in.width - begin.width),
                         pick64(1, in.channels - begin.channels)});
      }
      case 4: {
        const std::int64_t rest = in.height * in.width;
        return pick(0, 1) == 0 ? b_.reshape(x, {in.width, in.channels, in.height})
                               : b_.reshape(x, {1, rest, in.channels});
      }
      case 5:
        return b_.identity(x);
      case 6: {
        const int dimension = pick(0, 2);
        const std::int64_t size = dimension == 0 ? in.height : dimension == 1 ? in.width : in.channels;
        std::vector<std::int32_t> indices(static_cast<std::size_t>(pick(1, 7)));
        for (std::int32_t& i : indices) i = pick(0, static_cast<int>(size) - 1);
        return b_.gather(x, dimension, indices);
      }
      default: {
        std::array<int, 3> order{0, 1, 2};
        std::shuffle(order.begin(), order.end(), random_);
        return b_.transpose(x, order);
      }
    }
  }

  ValueId change_of_type(ValueId x) {
    if (b_.is_float(x)) return b_.quantize(x, pick(2, 8));
    if (pick(0, 1) == 0) return b_.dequantize(x);
    return b_.convolution_scores(x, any_window(x), 1, pick(1, 9), pick(2, 8), any_clamp());
  }

  std::mt19937 random_;
  IntegerGraphBuilder b_;
  std::vector<ValueId> values_;
};

}  // namespace

engine::ModelData random_model(unsigned seed, int length) {
  RandomNetwork network(seed);
  for (int i = 0; i < length; ++i) network.append();
  return network.finish();
}

}  // namespace narrow::testing
