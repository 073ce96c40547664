#include "engine/isa/isa_choice.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <optional>

#include "narrow/session.h"
#include "tests/engine/integer_graph_builder.h"
#include "tests/support/data.h"

using narrow::ErrorCode;
using narrow::Isa;
using narrow::engine::choose_core;
using narrow::engine::choose_isa;
using narrow::engine::runnable_isas;
using narrow::kernels::CpuFeatures;

namespace {

const CpuFeatures kOld{};
const CpuFeatures kModern{CpuFeatures::kAvx2};

// Sets a variable while it lives.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name); old != nullptr) old_ = old;
    ::setenv(name, value, 1);
  }
  ~Environment() {
    if (old_) {
      ::setenv(name_, old_->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

}  // namespace

TEST_CASE("the option is stronger than NARROW_ISA and that than the CPU") {
  CHECK(choose_isa("auto", nullptr, kModern).value() == Isa::kAvx2);
  CHECK(choose_isa("", nullptr, kModern).value() == Isa::kAvx2);
  CHECK(choose_isa("auto", "", kModern).value() == Isa::kAvx2);
  CHECK(choose_isa("auto", "auto", kModern).value() == Isa::kAvx2);
  CHECK(choose_isa("auto", "scalar", kModern).value() == Isa::kScalar);
  CHECK(choose_isa("avx2", "scalar", kModern).value() == Isa::kAvx2);
  CHECK(choose_isa("scalar", "avx2", kModern).value() == Isa::kScalar);
  // What is not asked is not checked.
  CHECK(choose_isa("scalar", "nonsense", kModern).value() == Isa::kScalar);
  CHECK(choose_isa("auto", nullptr, kOld).value() == Isa::kScalar);
}

TEST_CASE("of both VNNIs the CPU's 512-bit one is chosen, and either when it is alone") {
  constexpr auto kBase = CpuFeatures::kAvx2;
  const CpuFeatures alder_lake{kBase | CpuFeatures::kAvxVnni};
  const CpuFeatures zen4{kBase | CpuFeatures::kAvx512Vnni};
  const CpuFeatures zen5{kBase | CpuFeatures::kAvxVnni | CpuFeatures::kAvx512Vnni};
  CHECK(choose_isa("auto", nullptr, alder_lake).value() == Isa::kAvxVnni);
  CHECK(choose_isa("auto", nullptr, zen4).value() == Isa::kAvx512Vnni);
  CHECK(choose_isa("auto", nullptr, zen5).value() == Isa::kAvx512Vnni);
  CHECK(choose_isa("avxvnni", nullptr, zen5).value() == Isa::kAvxVnni);
  CHECK(choose_isa("auto", "avx2", zen5).value() == Isa::kAvx2);
  const auto unsupported = choose_isa("auto", "avx512vnni", alder_lake);
  REQUIRE_FALSE(unsupported.ok());
  CHECK(unsupported.error().code == ErrorCode::kUnsupported);
  CHECK(unsupported.error().message.find("valid here: auto, scalar, avx2, avxvnni") != std::string::npos);
  CHECK(choose_isa("avxvnni", nullptr, zen4).error().message.find("avx2, avx512vnni") != std::string::npos);
  // Without AVX2 no vector kernel runs, whatever else a CPU (or a hypervisor) claims.
  CHECK(choose_isa("auto", nullptr, CpuFeatures{CpuFeatures::kAvxVnni}).value() == Isa::kScalar);
}

TEST_CASE("AMX is chosen where the CPU has it and AVX512-VNNI can be asked for there") {
  const std::vector<Isa> compiled = narrow::kernels::compiled_isas();
  if (compiled.back() != Isa::kAmx) NARROW_SKIP("the compiler does not know AMX");
  const CpuFeatures zen5{CpuFeatures::kAvx2 | CpuFeatures::kAvxVnni | CpuFeatures::kAvx512Vnni};
  const CpuFeatures sapphire_rapids{zen5.bits | CpuFeatures::kAmx};
  CHECK(choose_isa("auto", nullptr, sapphire_rapids).value() == Isa::kAmx);
  CHECK(choose_isa("amx", nullptr, sapphire_rapids).value() == Isa::kAmx);
  CHECK(choose_isa("auto", "avx512vnni", sapphire_rapids).value() == Isa::kAvx512Vnni);
  const auto unsupported = choose_isa("auto", "amx", zen5);
  REQUIRE_FALSE(unsupported.ok());
  CHECK(unsupported.error().code == ErrorCode::kUnsupported);
  CHECK(unsupported.error().message == "this CPU can't run 'amx'; valid here: auto, scalar, avx2, avxvnni, avx512vnni");
}

TEST_CASE("a name that can not be is an error that lists what can") {
  const auto unknown = choose_isa("sse9", nullptr, kModern);
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().code == ErrorCode::kNotFound);
  CHECK(unknown.error().where == "isa");
  CHECK(unknown.error().message.find("'sse9'") != std::string::npos);
  CHECK(unknown.error().message.find("auto, scalar, avx2") != std::string::npos);

  const auto unsupported = choose_isa("avx2", nullptr, kOld);
  REQUIRE_FALSE(unsupported.ok());
  CHECK(unsupported.error().code == ErrorCode::kUnsupported);
  CHECK(unsupported.error().message.find("valid here: auto, scalar") != std::string::npos);
  CHECK(unsupported.error().message.find("scalar, avx2") == std::string::npos);

  const auto variable = choose_isa("auto", "AVX2", kModern);
  REQUIRE_FALSE(variable.ok());
  CHECK(variable.error().where.find("NARROW_ISA") != std::string::npos);
}

TEST_CASE("scalar runs everywhere and comes first") {
  CHECK(runnable_isas(kOld) == std::vector<Isa>{Isa::kScalar});
  CHECK(runnable_isas(kModern).front() == Isa::kScalar);
  CHECK(runnable_isas(kModern).back() == Isa::kAvx2);
  CHECK(narrow::available_isas().front() == "scalar");
}

TEST_CASE("the option names the core, else NARROW_CORE, else the CPU") {
  using narrow::kernels::Core;
  CHECK(choose_core("zen3", "zen5").value() == Core::kZen3);
  CHECK(choose_core("auto", "zen5").value() == Core::kZen5);
  CHECK(choose_core("", "zen4").value() == Core::kZen4);
  CHECK(choose_core("auto", nullptr).value() == narrow::kernels::cpu_core());
  CHECK(choose_core("auto", "").value() == narrow::kernels::cpu_core());
  const auto option = choose_core("zen", nullptr);
  REQUIRE_FALSE(option.ok());
  CHECK(option.error().code == ErrorCode::kNotFound);
  CHECK(option.error().text() == "core: there are no costs of a core 'zen'; valid: auto, zen3, zen4, zen5");
  const auto variable = choose_core("auto", "Zen4");
  REQUIRE_FALSE(variable.ok());
  CHECK(variable.error().where.find("NARROW_CORE") != std::string::npos);
}

TEST_CASE("sessions for different cores give the same scores and share nothing packed") {
  const narrow::Model model = narrow::testing::to_model(narrow::testing::model_of_everything(1));
  const std::vector<float> input(static_cast<std::size_t>(model.input_shape().elems()), 0.5F);
  std::vector<float> first;
  for (const std::string& core : narrow::known_cores()) {
    narrow::SessionOptions options;
    options.core = core;
    narrow::Session session = narrow::Session::create(model, options).value();
    CHECK(session.core() == core);
    CHECK(session.clone().value().core() == core);
    std::vector<float> scores(static_cast<std::size_t>(model.classes()));
    REQUIRE(session.run(input, scores).ok());
    if (first.empty()) first = scores;
    CHECK(scores == first);
  }
  const Environment environment("NARROW_CORE", "zen1");
  const auto session = narrow::Session::create(model);
  REQUIRE_FALSE(session.ok());
  CHECK(session.error().text().find("zen1") != std::string::npos);
}

TEST_CASE("what the environment names can be checked before a session is made") {
  CHECK(narrow::check_environment().ok());
  for (const auto& [name, value, valid] :
       {std::tuple{"NARROW_ISA", "neon", "scalar"}, {"NARROW_CORE", "zen1", "zen5"}}) {
    const Environment environment(name, value);
    const narrow::Status status = narrow::check_environment();
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().where.find(name) != std::string::npos);
    CHECK(status.error().message.find(valid) != std::string::npos);
  }
  for (const auto& [name, value] : {std::pair{"NARROW_ISA", "scalar"}, {"NARROW_CORE", "auto"}, {"NARROW_ISA", ""}}) {
    const Environment environment(name, value);
    CHECK(narrow::check_environment().ok());
  }
}

TEST_CASE("a session obeys NARROW_ISA and says what it chose") {
  const narrow::Model model = narrow::testing::to_model(narrow::testing::model_of_everything(1));
  {
    const Environment environment("NARROW_ISA", "scalar");
    CHECK(narrow::Session::create(model).value().isa() == "scalar");
    for (const std::string& isa : narrow::available_isas()) {
      narrow::SessionOptions options;
      options.isa = isa;
      CHECK(narrow::Session::create(model, options).value().isa() == isa);
    }
  }
  const Environment environment("NARROW_ISA", "neon");
  const auto session = narrow::Session::create(model);
  REQUIRE_FALSE(session.ok());
  CHECK(session.error().text().find("neon") != std::string::npos);
}
