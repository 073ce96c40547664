#include "kernels/costs.h"

#include "kernels/costs/zen3.h"
#include "kernels/costs/zen4.h"
#include "kernels/costs/zen5.h"

namespace narrow::kernels {
namespace {

struct CpuModel {
  std::uint32_t vendor;  // the first letters of its name, EBX of leaf 0
  std::uint32_t family, model;
};

constexpr std::uint32_t kAmd = 0x68747541;    // "Auth", of AuthenticAMD
constexpr std::uint32_t kIntel = 0x756e6547;  // "Genu", of GenuineIntel

CpuModel cpu_model(const CpuidSource& source) {
  const CpuidRegisters first = source.cpuid(0, 0);
  if (first.eax < 1) return {first.ebx, 0, 0};
  const std::uint32_t version = source.cpuid(1, 0).eax;
  return {first.ebx, (version >> 8 & 0xFU) + (version >> 20 & 0xFFU), (version >> 4 & 0xFU) + (version >> 12 & 0xF0U)};
}

bool within(std::uint32_t value, std::uint32_t first, std::uint32_t last) { return first <= value && value <= last; }

}  // namespace

std::string_view core_name(Core core) {
  switch (core) {
    case Core::kZen3:
      return "zen3";
    case Core::kZen4:
      return "zen4";
    case Core::kZen5:
      break;
  }
  return "zen5";
}

std::vector<Core> known_cores() { return {Core::kZen3, Core::kZen4, Core::kZen5}; }

const costs::Table& costs_of(Core core) {
  static constexpr const costs::Table* kTables[] = {&costs::kZen3, &costs::kZen4, &costs::kZen5};
  return *kTables[static_cast<std::size_t>(core)];
}

Core detect_core(const CpuidSource& source) {
  const CpuModel cpu = cpu_model(source);
  const std::uint32_t model = cpu.model;
  if (cpu.vendor == kAmd && cpu.family == 0x19) {
    return within(model, 0x10, 0x1f) || within(model, 0x60, 0xaf) ? Core::kZen4 : Core::kZen3;
  }
  if (cpu.vendor == kAmd && cpu.family >= 0x1a) {
    // Zen 5 for thin notebooks splits vectors of 512 bits.
    return within(model, 0x20, 0x3f) || within(model, 0x60, 0x6f) ? Core::kZen4 : Core::kZen5;
  }
  if (cpu.vendor == kIntel && cpu.family == 6) {
    // Servers multiply two vectors of 512 bits at a time: Cascade Lake, Ice Lake, Sapphire, Emerald and Granite Rapids.
    for (const std::uint32_t server : {0x55U, 0x6aU, 0x6cU, 0x8fU, 0xcfU, 0xadU, 0xaeU}) {
      if (model == server) return Core::kZen5;
    }
  }
  return kDefaultCore;
}

Core cpu_core() {
  static const Core core = detect_core(real_cpuid());
  return core;
}

}  // namespace narrow::kernels
