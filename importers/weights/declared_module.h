// What a file says about a layer beyond its weights. A pickled module declares its class and its settings; a state dict
// declares nothing.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narrow::importers {

// A number has one element, a tuple several, True is 1. Text has no numbers: 'same'.
struct DeclaredValue {
  std::vector<double> numbers;
  std::string text;
};

struct DeclaredModule {
  std::string name;        // in the network: "layer1.0.relu"; empty: the network itself
  std::string type;        // the class as the file names it: "torch.nn.modules.activation.ReLU"
  bool has_parts = false;  // it holds other modules
  std::vector<std::pair<std::string, DeclaredValue>> settings;

  // nullptr: the file does not say it.
  [[nodiscard]] const DeclaredValue* find(std::string_view setting) const {
    for (const auto& [key, value] : settings) {
      if (key == setting) return &value;
    }
    return nullptr;
  }
};

}  // namespace narrow::importers
