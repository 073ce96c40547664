// What commands call for float networks, in the small command, which has none: one error that says so. A FloatModel
// comes from load() alone, so that nothing else of it is ever called.
#include <cstdlib>
#include <string>
#include <vector>

#include "narrow/float_model.h"
#include "narrow/quantize.h"

namespace narrow {
inline namespace v0 {
namespace {

Error needs_full_command(const std::string& where) {
  return {ErrorCode::kUnsupported,
          "is a float network, and this is the small command, which runs .nrw models; the full one (./dev build, or "
          "cmake -DNARROW_BUILD_FULL=ON) reads it, and narrow quantize makes a .nrw of it",
          where};
}

}  // namespace

struct FloatModel::Data {};
struct FloatSession::Impl {};

Result<FloatModel> FloatModel::load(const std::filesystem::path& path, const ImportOptions& /*options*/) {
  return needs_full_command(path.string());
}
Result<FloatModel> FloatModel::with_preprocessing(const Preprocessing& /*preprocessing*/) const { std::abort(); }
TensorShape FloatModel::input_shape() const { std::abort(); }
std::int64_t FloatModel::classes() const { std::abort(); }
const Preprocessing& FloatModel::preprocessing() const { std::abort(); }
bool FloatModel::preprocessing_is_assumed() const { std::abort(); }
bool FloatModel::states_quantization() const { std::abort(); }
ScoreKind FloatModel::score_kind() const { std::abort(); }
const std::vector<std::string>& FloatModel::labels() const { std::abort(); }
const std::string& FloatModel::architecture() const { std::abort(); }
const std::string& FloatModel::source() const { std::abort(); }
const std::vector<std::filesystem::path>& FloatModel::external_files() const { std::abort(); }
const std::vector<Event>& FloatModel::log() const { std::abort(); }

FloatSession::FloatSession(FloatSession&&) noexcept = default;
FloatSession& FloatSession::operator=(FloatSession&&) noexcept = default;
FloatSession::~FloatSession() = default;
Result<FloatSession> FloatSession::create(const FloatModel& /*model*/, int /*threads*/, const FloatLimits& /*limits*/) {
  std::abort();
}
Status FloatSession::run(std::span<const float> /*input*/, std::span<float> /*scores*/) { std::abort(); }

// No architectures: the small command has no options for files of weights.
std::vector<std::string> architectures() { return {}; }

Result<Quantized> convert(const FloatModel& /*model*/) { std::abort(); }

}  // namespace v0
}  // namespace narrow
