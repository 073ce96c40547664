#include "tests/importers/architectures/state_dicts.h"

#include <algorithm>
#include <random>
#include <stdexcept>

#include "tests/support/data.h"

namespace narrow::testing {
namespace {

using importers::StateDict;
using importers::Tensor;

// Adds tensors the way that torch.nn's modules name them.
class Writer {
 public:
  void convolution(const std::string& name, std::int64_t out, std::int64_t in, std::int64_t kernel) {
    add(name + ".weight", {out, in, kernel, kernel}, -0.1F, 0.1F);
  }
  void batch_norm(const std::string& name, std::int64_t channels) {
    add(name + ".weight", {channels}, 0.5F, 1.5F);
    add(name + ".bias", {channels}, -0.5F, 0.5F);
    add(name + ".running_mean", {channels}, -0.5F, 0.5F);
    add(name + ".running_var", {channels}, 0.5F, 1.5F);
    add(name + ".num_batches_tracked", {}, 100, 200);
  }
  void linear(const std::string& name, std::int64_t out, std::int64_t in) {
    add(name + ".weight", {out, in}, -0.1F, 0.1F);
    add(name + ".bias", {out}, -0.1F, 0.1F);
  }
  StateDict finish() { return std::move(weights_); }

 private:
  void add(const std::string& name, std::vector<std::int64_t> shape, float lo, float hi) {
    std::size_t elems = 1;
    for (const std::int64_t size : shape) elems *= static_cast<std::size_t>(size);
    std::vector<float> values(elems);
    for (float& value : values) {
      value = lo + (hi - lo) * static_cast<float>(random_() % 65536) * 0x1p-16F;
    }
    weights_.entries.emplace_back(name, Tensor{std::move(shape), std::move(values)});
  }

  std::minstd_rand random_{seed()};
  StateDict weights_;
};

}  // namespace

StateDict cifar_resnet_weights(int blocks, const CifarNames& names, int classes) {
  Writer writer;
  writer.convolution("conv1", 16, 3, 3);
  writer.batch_norm("bn1", 16);
  std::int64_t in = 16;
  for (int stage = 1; stage <= 3; ++stage) {
    const std::int64_t channels = 8 << stage;
    for (int block = 0; block < blocks; ++block) {
      const std::string name = "layer" + std::to_string(stage) + "." + std::to_string(block);
      writer.convolution(name + ".conv1", channels, in, 3);
      writer.batch_norm(name + ".bn1", channels);
      writer.convolution(name + ".conv2", channels, channels, 3);
      writer.batch_norm(name + ".bn2", channels);
      if (in != channels && !names.shortcut.empty()) {
        writer.convolution(name + "." + names.shortcut + ".0", channels, in, 1);
        writer.batch_norm(name + "." + names.shortcut + ".1", channels);
      }
      in = channels;
    }
  }
  writer.linear(names.linear, classes, 64);
  return writer.finish();
}

StateDict resnet_weights(const std::array<int, 4>& blocks, bool bottleneck, int classes) {
  Writer writer;
  writer.convolution("conv1", 64, 3, 7);
  writer.batch_norm("bn1", 64);
  std::int64_t in = 64;
  for (int stage = 1; stage <= 4; ++stage) {
    const std::int64_t width = 32 << stage;
    const std::int64_t out = bottleneck ? 4 * width : width;
    for (int block = 0; block < blocks[static_cast<std::size_t>(stage - 1)]; ++block) {
      const std::string name = "layer" + std::to_string(stage) + "." + std::to_string(block);
      writer.convolution(name + ".conv1", width, in, bottleneck ? 1 : 3);
      writer.batch_norm(name + ".bn1", width);
      writer.convolution(name + ".conv2", width, width, 3);
      writer.batch_norm(name + ".bn2", width);
      if (bottleneck) {
        writer.convolution(name + ".conv3", out, width, 1);
        writer.batch_norm(name + ".bn3", out);
      }
      if (in != out) {
        writer.convolution(name + ".downsample.0", out, in, 1);
        writer.batch_norm(name + ".downsample.1", out);
      }
      in = out;
    }
  }
  writer.linear("fc", classes, in);
  return writer.finish();
}

StateDict mobilenet_v2_weights(double width, int classes) {
  struct Stage {
    std::int64_t expand, channels;
    int blocks;
  };
  const auto scaled = [&](std::int64_t channels) {
    const double wanted = static_cast<double>(channels) * width;
    const auto rounded = std::max<std::int64_t>(8, static_cast<std::int64_t>(wanted + 4) / 8 * 8);
    return static_cast<double>(rounded) < 0.9 * wanted ? rounded + 8 : rounded;
  };
  Writer writer;
  std::int64_t in = scaled(32);
  writer.convolution("features.0.0", in, 3, 3);
  writer.batch_norm("features.0.1", in);
  int index = 1;
  for (const Stage& stage : {Stage{1, 16, 1}, Stage{6, 24, 2}, Stage{6, 32, 3}, Stage{6, 64, 4}, Stage{6, 96, 3},
                             Stage{6, 160, 3}, Stage{6, 320, 1}}) {
    for (int block = 0; block < stage.blocks; ++block, ++index) {
      const std::string name = "features." + std::to_string(index) + ".conv.";
      const std::int64_t hidden = in * stage.expand;
      int next = 0;
      if (stage.expand != 1) {
        writer.convolution(name + "0.0", hidden, in, 1);
        writer.batch_norm(name + "0.1", hidden);
        next = 1;
      }
      writer.convolution(name + std::to_string(next) + ".0", hidden, 1, 3);
      writer.batch_norm(name + std::to_string(next) + ".1", hidden);
      in = scaled(stage.channels);
      writer.convolution(name + std::to_string(next + 1), in, hidden, 1);
      writer.batch_norm(name + std::to_string(next + 2), in);
    }
  }
  const std::int64_t last = width > 1 ? scaled(1280) : 1280;
  writer.convolution("features.18.0", last, in, 1);
  writer.batch_norm("features.18.1", last);
  writer.linear("classifier.1", classes, last);
  return writer.finish();
}

importers::Tensor& tensor_of(StateDict& weights, std::string_view key) {
  for (auto& [name, tensor] : weights.entries) {
    if (name == key) return tensor;
  }
  throw std::out_of_range(std::string(key));
}

void remove_key(StateDict& weights, const std::string& key) {
  const auto removed = std::erase_if(weights.entries, [&](const auto& entry) { return entry.first == key; });
  if (removed != 1) throw std::out_of_range(key);
}

void rename_key(StateDict& weights, const std::string& from, const std::string& to) {
  weights.entries.emplace_back(to, tensor_of(weights, from));
  remove_key(weights, from);
}

}  // namespace narrow::testing
