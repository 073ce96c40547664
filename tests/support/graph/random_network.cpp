#include "tests/support/graph/random_network.h"

#include <algorithm>

namespace narrow::testing {

using namespace narrow::graph;

Graph RandomNetwork::build() {
  alive_.push_back(b_.input());
  const int nodes = pick(6, 18);
  for (int i = 0; i < nodes; ++i) alive_.push_back(step("n" + std::to_string(i)));
  ValueId x = alive_.back();
  if (toss()) x = b_.batch_norm("last_norm", x, toss());
  if (toss()) x = b_.node("gap", GlobalAveragePool{}, {x});
  return b_.finish(pick(0, 2) == 0 ? b_.batch_norm("scores_norm", x) : b_.linear("fc", x, 4));
}

ValueId RandomNetwork::any() {
  const int back = std::min(pick(0, 3), static_cast<int>(alive_.size()) - 1);
  return alive_[alive_.size() - 1 - static_cast<std::size_t>(back)];
}

ValueId RandomNetwork::partner(ValueId x, bool same_channels) {
  std::vector<ValueId> fit;
  for (const ValueId id : alive_) {
    const TensorShape& a = b_.shape(id);
    const TensorShape& s = b_.shape(x);
    if (a.height == s.height && a.width == s.width && (!same_channels || a.channels == s.channels)) fit.push_back(id);
  }
  return fit[static_cast<std::size_t>(pick(0, static_cast<int>(fit.size()) - 1))];
}

ValueId RandomNetwork::step(const std::string& name) {
  const ValueId x = any();
  switch (pick(0, 17)) {
    case 0:
    case 1:
    case 2:
      return layer(name, x);
    case 3:
    case 4:
    case 5:
      return b_.batch_norm(name, x, toss());
    case 6:
      return b_.affine(name, x, toss() ? 0.5F : -0.5F, toss() ? 0.25F : 0.0F);
    case 7:
      return b_.relu(name, x);
    case 8:
      return b_.clamp(name, x, toss() ? GraphBuilder::kRelu6 : Clamp{-1.0F, 1.5F});
    case 9:
    case 10:
      return arithmetic(name, x);
    case 11:
      if (b_.shape(x).channels > 24) return b_.node(name, Identity{}, {x});
      return b_.node(name, Concat{}, {x, partner(x, false)});
    case 12:
    case 13:
      return pool(name, x);
    case 14:
      return function(name, x);
    case 15:
    case 16:
      return movement(name, x);
    default:
      return b_.node(name, Identity{}, {x});
  }
}

ValueId RandomNetwork::layer(const std::string& name, ValueId x) {
  const TensorShape shape = b_.shape(x);
  if (toss()) {
    const int groups = static_cast<int>(std::min<std::int64_t>(shape.channels, 24));
    if (shape.channels == groups) return b_.convolution(name, x, groups * pick(1, 2), window(3, 1, 1), groups);
  }
  const bool big = shape.height >= 3 && shape.width >= 3;
  return b_.convolution(name, x, pick(1, 6), big ? window(3, 1, pick(0, 1)) : window(1));
}

ValueId RandomNetwork::pool(const std::string& name, ValueId x) {
  const bool big = b_.shape(x).height >= 3 && b_.shape(x).width >= 3;
  if (!big) x = b_.input();
  if (toss()) x = b_.node(name + ".pad", Pad{{pick(0, 1), pick(0, 1), 0, 1}}, {x});
  if (toss()) return b_.node(name, MaxPool{window(2, 1, pick(0, 1))}, {x});
  return b_.node(name, AveragePool{window(2, 1, pick(0, 1)), toss()}, {x});
}

ValueId RandomNetwork::arithmetic(const std::string& name, ValueId x) {
  const Clamp clamp = toss() ? GraphBuilder::kRelu : Clamp{};
  const ValueId other = partner(x, true);
  switch (pick(0, 3)) {
    case 0:
      return b_.node(name, Add{}, {x, other}, clamp);
    case 1:
      return b_.node(name, Subtract{}, {x, other}, clamp);
    case 2: {
      // Bounded, so that products of products stay comparable.
      const ValueId factor = b_.clamp(name + ".bounded", other, {-1.0F, 2.0F});
      return b_.node(name, Multiply{}, {x, factor}, clamp);
    }
    default: {
      const ValueId gap = b_.node(name + ".gap", GlobalAveragePool{}, {x});
      const ValueId gate = b_.function(name + ".gate", gap, FunctionKind::kHardSigmoid, 0.2F, 0.5F);
      return b_.node(name, Multiply{}, toss() ? std::vector{x, gate} : std::vector{gate, x}, clamp);
    }
  }
}

ValueId RandomNetwork::function(const std::string& name, ValueId x) {
  switch (pick(0, 5)) {
    case 0:
      return b_.function(name, x, FunctionKind::kLeakyRelu, toss() ? 0.0F : 0.1F);
    case 1:
      return b_.function(name, x, FunctionKind::kPRelu);
    case 2:
      return b_.function(name, x, FunctionKind::kHardSwish, 1.0F / 6, 0.5F);
    case 3:
      return b_.node(name, Multiply{}, {x, b_.function(name + ".sigmoid", x, FunctionKind::kSigmoid)});
    case 4: {
      ValueId gate = b_.clamp(name + ".relu6", b_.affine(name + ".plus3", x, 1.0F, 3.0F), GraphBuilder::kRelu6);
      gate = b_.affine(name + ".sixth", gate, 1.0F / 6, 0.0F);
      return toss() ? gate : b_.node(name, Multiply{}, {gate, x});
    }
    default:
      return b_.function(name, x, FunctionKind::kTanh);
  }
}

ValueId RandomNetwork::movement(const std::string& name, ValueId x) {
  const TensorShape s = b_.shape(x);
  switch (pick(0, 5)) {
    case 0:
      return b_.node(name, PadChannels{pick(0, 1), pick(0, 2)}, {x});
    case 1:
      if (s.height > 12) return b_.node(name, Identity{}, {x});
      return b_.node(name, Pad{{pick(0, 1), pick(0, 1), pick(0, 1), pick(0, 1)}}, {x});
    case 2: {
      const std::int64_t channels = pick(1, static_cast<int>(s.channels));
      const std::int64_t rows = pick(1, static_cast<int>(s.height));
      return b_.node(name, Slice{{s.height - rows, 0, s.channels - channels}, {rows, s.width, channels}}, {x});
    }
    case 3: {
      // A shuffle of two groups, or the other way of counting pixels.
      if (s.channels % 2 != 0) return b_.node(name, Reshape{{s.width, s.height, s.channels}}, {x});
      ValueId y = b_.node(name + ".groups", Reshape{{s.height * s.width, 2, s.channels / 2}}, {x});
      y = b_.node(name + ".swap", Transpose{{0, 2, 1}}, {y});
      return b_.node(name, Reshape{s}, {y});
    }
    case 4: {
      // There and back, with what may travel between.
      ValueId y = b_.node(name + ".there", Transpose{{1, 2, 0}}, {x});
      if (toss()) y = b_.affine(name + ".between", y, -2.0F, 0.5F);
      return b_.node(name, Transpose{{2, 0, 1}}, {y});
    }
    default:
      return b_.node(name, Transpose{{1, 0, 2}}, {x});
  }
}

}  // namespace narrow::testing
