#include "importers/architectures/architectures.h"

#include <cmath>
#include <string_view>

#include "base/text.h"
#include "base/try.h"
#include "importers/architectures/catalogue.h"
#include "importers/architectures/declared_layers.h"
#include "importers/architectures/families.h"
#include "importers/architectures/recognise.h"

namespace narrow::importers {

using base::in_quotes;

namespace {

constexpr int kMaxInputSize = 4096;
constexpr std::string_view kMobileNetV2 = "mobilenet_v2";  // the only one with options of its own

Error not_found(const std::string& what) {
  std::string known;
  for (const Architecture& architecture : catalogue()) {
    known += (known.empty() ? "" : ", ") + std::string(architecture.name);
  }
  return {ErrorCode::kNotFound, what + "; known are " + known, "architecture"};
}

Result<Architecture> choose_architecture(const StateDict& weights, const std::string& name) {
  const Architecture* const found = find_architecture(name.empty() ? recognise(weights) : name);
  if (found != nullptr) return *found;
  if (!name.empty()) return not_found("unknown architecture " + in_quotes(name));
  const std::string first = weights.entries.empty() ? "none" : in_quotes(weights.entries.front().first);
  return not_found("can't recognise the architecture by the keys of the weights (" +
                   std::to_string(weights.entries.size()) + ", the first is " + first +
                   "); name it with --arch, or export the network to ONNX (torch.onnx.export), which needs no --arch");
}

Status check_options(const Architecture& architecture, const ArchitectureOptions& options) {
  const auto invalid = [](std::string message, std::string where) {
    return Error{ErrorCode::kInvalidArgument, std::move(message), std::move(where)};
  };
  for (const int side : {options.input_size.height, options.input_size.width}) {
    if (!options.input_size.given() || (side >= 1 && side <= kMaxInputSize)) continue;
    return invalid("has a side of " + std::to_string(side) + ", but must be 1.." + std::to_string(kMaxInputSize) +
                       " pixels a side, or not given for the architecture's own",
                   "input_size");
  }
  if (const auto& epsilon = options.batch_norm_epsilon;
      epsilon && (!std::isfinite(*epsilon) || *epsilon <= 0 || *epsilon > 1)) {
    return invalid("is " + std::to_string(*epsilon) + ", but must be above 0 and at most 1", "batch_norm_epsilon");
  }
  if (!options.stride_2_blocks) return {};
  if (architecture.name != kMobileNetV2) {
    return invalid("is an option of mobilenet_v2, not of " + std::string(architecture.name), "stride_2_blocks");
  }
  for (const int block : *options.stride_2_blocks) {
    if (block < 0 || block > kMobileNetV2Blocks) {
      return invalid("holds " + std::to_string(block) + ", but blocks are 0.." + std::to_string(kMobileNetV2Blocks),
                     "stride_2_blocks");
    }
  }
  return {};
}

// The preprocessing with which the implementations of these names were trained.
std::string_view preset_name(const Architecture& architecture, const ArchitectureOptions& options, bool cifar10) {
  if (architecture.name != kMobileNetV2) return architecture.preset;
  if (cifar10) return "cifar10";
  return options.tf_padding.value_or(false) ? "mobilenet-tf" : architecture.preset;
}

Result<Preprocessing> usual_preprocessing(std::string_view preset, const InputSize& size) {
  NARROW_ASSIGN(Preprocessing preprocessing, preprocessing_preset(preset));
  if (preprocessing.resize) {
    // The crop is the same share of the image at every size: 224 of 256, 128 of 146.
    preprocessing.resize = static_cast<int>(std::lround(static_cast<double>(*preprocessing.resize) *
                                                        std::max(size.height, size.width) / preprocessing.crop_height));
  }
  preprocessing.crop_height = size.height;
  preprocessing.crop_width = size.width;
  return preprocessing;
}

}  // namespace

Result<Network> build_network(const StateDict& weights, const ArchitectureOptions& options) {
  NARROW_ASSIGN(const Architecture architecture, choose_architecture(weights, options.name));
  NARROW_TRY(check_options(architecture, options));
  const InputSize own{architecture.input_size, architecture.input_size};
  const InputSize size = options.input_size.given() ? options.input_size : own;

  Network network;
  network.architecture = architecture.name;
  NetworkBuilder builder(weights, options.tf_padding.value_or(architecture.tf_padding),
                         options.batch_norm_epsilon.value_or(architecture.batch_norm_epsilon));
  const Flow scores = architecture.build(builder, builder.input(size), options);
  if (auto note = builder.note_on_other_names()) network.notes.push_back(*std::move(note));
  NARROW_ASSIGN(network.graph, std::move(builder).finish(scores, network.architecture, recognise(weights)));
  const DeclaredLayersOptions declared{network.architecture, options.batch_norm_epsilon.has_value(),
                                       options.tf_padding.value_or(architecture.tf_padding)};
  NARROW_TRY(apply_declared_layers(weights.modules, declared, network.graph, network.notes));

  const bool cifar10 = size == InputSize{32, 32} && scores.channels == 10;
  NARROW_ASSIGN(network.preprocessing, usual_preprocessing(preset_name(architecture, options, cifar10), size));
  if (cifar10) {
    network.labels = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  }
  return network;
}

Status check_architecture_name(const std::string& name) {
  if (name.empty() || find_architecture(name) != nullptr) return {};
  return not_found("unknown architecture " + in_quotes(name));
}

ChoiceOptions weights_choice(const ArchitectureOptions& options) {
  return {.key = options.state_dict, .architecture = options.name, .recognise = recognise};
}

std::vector<ArchitectureInfo> architecture_table() {
  std::vector<ArchitectureInfo> table;
  for (const Architecture& row : catalogue()) {
    ArchitectureInfo info{std::string(row.name), row.input_size,          row.parameters,
                          row.classes(),         std::string(row.preset), {}};
    // Presets of the catalogue exist.
    Result<Preprocessing> usual = usual_preprocessing(row.preset, {row.input_size, row.input_size});
    if (usual.ok()) info.preprocessing = *usual;
    table.push_back(std::move(info));
  }
  return table;
}

std::vector<std::string> architecture_names() {
  std::vector<std::string> names;
  names.reserve(catalogue().size());
  for (const Architecture& architecture : catalogue()) names.emplace_back(architecture.name);
  return names;
}

}  // namespace narrow::importers
