#include "tests/importers/architectures/torchvision.h"

#include <algorithm>
#include <random>
#include <sstream>
#include <stdexcept>

#include "tests/support/data.h"

namespace narrow::testing {
namespace {

using importers::StateDict;
using importers::Tensor;

// Values within 0.5..1.5, so that they can be a variance. A network has up to 140 million of them, so they repeat.
class Values {
 public:
  Values() : block_(65521) {
    std::minstd_rand random(seed());
    for (float& value : block_) value = 0.5F + static_cast<float>(random() % 65536) * 0x1p-16F;
  }
  Tensor tensor(const std::vector<std::int64_t>& shape) const {
    std::int64_t elems = 1;
    for (const std::int64_t size : shape) elems *= size;
    Tensor result{shape, {}};
    result.values.reserve(static_cast<std::size_t>(elems));
    while (elems != 0) {
      const std::int64_t part = std::min<std::int64_t>(elems, static_cast<std::int64_t>(block_.size()));
      result.values.insert(result.values.end(), block_.begin(), block_.begin() + part);
      elems -= part;
    }
    return result;
  }

 private:
  std::vector<float> block_;
};

}  // namespace

const std::vector<TorchvisionNetwork>& torchvision_networks() {
  static const std::vector<TorchvisionNetwork> networks{
#include "tests/importers/architectures/torchvision_keys.inc"
  };
  return networks;
}

const TorchvisionNetwork& torchvision_network(std::string_view name) {
  const auto& all = torchvision_networks();
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& network) { return network.name == name; });
  if (found == all.end()) throw std::out_of_range(std::string(name));
  return *found;
}

StateDict random_weights(const TorchvisionNetwork& network) {
  const Values values;
  StateDict weights;
  std::istringstream lines(network.modules);
  std::string line;
  while (std::getline(lines, line)) {
    if (line.empty()) continue;
    std::istringstream words(line);
    std::string module;
    char kind = 0;
    words >> module >> kind;
    std::vector<std::int64_t> shape;
    for (std::int64_t size = 0; words >> size;) shape.push_back(size);
    const auto add = [&](const char* part, const std::vector<std::int64_t>& of) {
      weights.entries.emplace_back(module + part, values.tensor(of));
    };
    add(".weight", shape);
    if (kind != 'C') add(".bias", {shape[0]});
    if (kind != 'N') continue;
    add(".running_mean", shape);
    add(".running_var", shape);
    add(".num_batches_tracked", {});
  }
  return weights;
}

}  // namespace narrow::testing
