#include "importers/torch/declared_modules.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <utility>

#include "importers/torch/pickle_globals.h"
#include "importers/torch/pickled_module.h"

namespace narrow::torch {
namespace {

using importers::DeclaredModule;
using importers::DeclaredValue;
using pickle::Heap;
using pickle::Kind;
using pickle::Value;

// A module may occur many times, so that a small file could name any number of modules.
constexpr std::size_t kMaxModules = 20'000;
constexpr std::size_t kMaxModuleName = 1024;
// Of all names of modules with weights. Those of ResNet-152 have 20 kB; names full of dots could fill any memory.
constexpr std::size_t kMaxNamesBytes = std::size_t{16} << 20U;
constexpr std::size_t kMaxNumbers = 4;
constexpr std::size_t kMaxTextBytes = 64;

// The attributes that decide what a layer computes, of all classes that networks are compared by.
constexpr std::array<std::string_view, 14> kSettings = {
    "kernel_size", "stride",  "padding",   "dilation",          "groups",           "padding_mode", "transposed", "eps",
    "min_val",     "max_val", "ceil_mode", "count_include_pad", "divisor_override", "output_size"};

std::optional<double> number_of(Value value) {
  if (value.is(Kind::kInt) || value.is(Kind::kBool)) return static_cast<double>(value.payload);
  if (value.is(Kind::kFloat)) return std::bit_cast<double>(value.payload);
  return std::nullopt;
}

// Nothing: None, or a value of another kind than settings have.
std::optional<DeclaredValue> value_of(const Heap& heap, Value value) {
  if (const std::optional<double> number = number_of(value)) return DeclaredValue{{*number}, {}};
  if (value.is(Kind::kString)) return DeclaredValue{{}, std::string(heap.text(value).substr(0, kMaxTextBytes))};
  if (!value.is(Kind::kTuple) && !value.is(Kind::kList)) return std::nullopt;
  DeclaredValue declared;
  const pickle::Sequence& items = heap.sequence(value);
  if (items.empty() || items.size() > kMaxNumbers) return std::nullopt;
  for (const Value item : items) {
    const std::optional<double> number = number_of(item);
    if (!number) return std::nullopt;
    declared.numbers.push_back(*number);
  }
  return declared;
}

class Collector {
 public:
  Collector(const Heap& heap, const NetworkNames& names) : heap_(heap), names_(names) {}

  void add(Value module, const std::string& path, std::size_t depth) {
    if (depth > kMaxModuleDepth || ++visited_ > kMaxModules) return;
    const pickle::Dict* const attributes = module_attributes(heap_, module);
    if (attributes == nullptr) return;
    const pickle::Dict& parts = *heap_.items(*attribute(heap_, *attributes, "_modules"));
    if (std::optional<std::string> name = names_.of_module(path)) {
      DeclaredModule declared{*std::move(name), pickle::global_name(heap_, module), !parts.empty(), {}};
      for (const std::string_view setting : kSettings) {
        const std::optional<Value> value = attribute(heap_, *attributes, setting);
        std::optional<DeclaredValue> read = value ? value_of(heap_, *value) : std::nullopt;
        if (read) declared.settings.emplace_back(setting, *std::move(read));
      }
      modules_.push_back(std::move(declared));
    }
    for (const auto& [name, value] : parts) {
      if (visited_ > kMaxModules) return;
      if (!name.is(Kind::kString) || heap_.text(name).size() + path.size() >= kMaxModuleName) continue;
      add(value, (path.empty() ? "" : path + ".") + std::string(heap_.text(name)), depth + 1);
    }
  }

  std::vector<DeclaredModule> take() { return std::move(modules_); }

 private:
  const Heap& heap_;
  const NetworkNames& names_;
  std::vector<DeclaredModule> modules_;
  std::size_t visited_ = 0;
};

// The name without its last part: "layer1.0" of "layer1.0.conv1".
std::string_view around(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
}

std::string_view last_part(std::string_view name) { return name.substr(name.rfind('.') + 1); }

}  // namespace

void NetworkNames::add(std::string_view in_file, std::string_view in_network) {
  // Both names end alike, as far up as no wrapper is between.
  while (!in_file.empty() && !in_network.empty() && last_part(in_file) == last_part(in_network)) {
    in_file = around(in_file);
    in_network = around(in_network);
    if (bytes_ > kMaxNamesBytes) return;
    bytes_ += in_file.size() + in_network.size();
    if (!names_.try_emplace(std::string(in_file), in_network).second) return;
  }
}

std::optional<std::string> NetworkNames::of_module(std::string_view in_file) const {
  std::string_view known = in_file;
  auto found = names_.find(std::string(known));
  for (std::size_t up = 0; up < kMaxModuleDepth && found == names_.end() && !known.empty(); ++up) {
    known = around(known);
    found = names_.find(std::string(known));
  }
  if (found == names_.end()) return std::nullopt;
  std::string_view rest = in_file.substr(known.size());
  if (found->second.empty() && !rest.empty() && rest.front() == '.') rest.remove_prefix(1);
  const bool joins = !found->second.empty() && !rest.empty() && rest.front() != '.';
  return found->second + (joins ? "." : "") + std::string(rest);
}

std::vector<DeclaredModule> declared_modules(const Heap& heap, Value module, const NetworkNames& names) {
  Collector collector(heap, names);
  collector.add(module, {}, 0);
  return collector.take();
}

}  // namespace narrow::torch
