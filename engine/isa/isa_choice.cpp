#include "engine/isa/isa_choice.h"

#include <algorithm>
#include <cstdlib>

#include "base/guarded.h"
#include "base/try.h"
#include "narrow/session.h"

namespace narrow::engine {
namespace {

constexpr const char* kAutomatic = "auto";

std::string list_names(const std::vector<Isa>& isas) {
  std::string names = kAutomatic;
  for (const Isa isa : isas) names += ", " + std::string(kernels::isa_name(isa));
  return names;
}

Result<Isa> find(const std::string& name, const std::string& where, const std::vector<Isa>& runnable) {
  const auto has_name = [&](Isa isa) { return kernels::isa_name(isa) == name; };
  if (const auto found = std::find_if(runnable.begin(), runnable.end(), has_name); found != runnable.end()) {
    return *found;
  }
  const std::vector<Isa> compiled = kernels::compiled_isas();
  const bool known = std::any_of(compiled.begin(), compiled.end(), has_name);
  return Error{known ? ErrorCode::kUnsupported : ErrorCode::kNotFound,
               (known ? "this CPU can't run '" + name + "'" : "there is no instruction set '" + name + "'") +
                   "; valid here: " + list_names(runnable),
               where};
}

}  // namespace

std::vector<Isa> runnable_isas(const kernels::CpuFeatures& features) {
  std::vector<Isa> runnable;
  for (const Isa isa : kernels::compiled_isas()) {
    if (features.has(kernels::required_features(isa).bits)) runnable.push_back(isa);
  }
  return runnable;
}

Isa fastest_isa() { return runnable_isas(kernels::cpu_features()).back(); }

Result<Isa> choose_isa(const std::string& option, const char* environment, const kernels::CpuFeatures& features) {
  const std::vector<Isa> runnable = runnable_isas(features);
  if (!option.empty() && option != kAutomatic) return find(option, "isa", runnable);
  const std::string variable = environment != nullptr ? environment : "";
  if (!variable.empty() && variable != kAutomatic) return find(variable, "environment variable NARROW_ISA", runnable);
  return runnable.back();
}

namespace {

Result<kernels::Core> find_core(const std::string& name, const std::string& where) {
  std::string names = kAutomatic;
  for (const kernels::Core core : kernels::known_cores()) {
    if (kernels::core_name(core) == name) return core;
    names += ", " + std::string(kernels::core_name(core));
  }
  return Error{ErrorCode::kNotFound, "there are no costs of a core '" + name + "'; valid: " + names, where};
}

}  // namespace

Result<kernels::Core> choose_core(const std::string& option, const char* environment) {
  if (!option.empty() && option != kAutomatic) return find_core(option, "core");
  const std::string variable = environment != nullptr ? environment : "";
  if (!variable.empty() && variable != kAutomatic) return find_core(variable, "environment variable NARROW_CORE");
  return kernels::cpu_core();
}

}  // namespace narrow::engine

namespace narrow {
inline namespace v0 {

Status check_environment() {
  return base::guarded([&]() -> Status {
    NARROW_TRY(engine::choose_isa({}, std::getenv("NARROW_ISA"), kernels::cpu_features()));
    NARROW_TRY(engine::choose_core({}, std::getenv("NARROW_CORE")));
    return {};
  });
}

std::vector<std::string> known_cores() {
  std::vector<std::string> names;
  for (const kernels::Core core : kernels::known_cores()) names.emplace_back(kernels::core_name(core));
  return names;
}

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const Isa isa : engine::runnable_isas(kernels::cpu_features())) names.emplace_back(kernels::isa_name(isa));
  return names;
}

}  // namespace v0
}  // namespace narrow
