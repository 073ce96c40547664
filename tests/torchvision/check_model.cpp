// torchvision_check FOLDER [pth|onnx]
//
// Compares Narrow with PyTorch on what make_model.py wrote to FOLDER: the network is imported from its checkpoint and
// from its ONNX file, its float scores must be PyTorch's, and its integer form must be close to them.
// Exit code 0: all is well; 1: it is not, and the reason is printed; 2: the folder can't be read.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/try.h"
#include "narrow/float_model.h"
#include "narrow/quantize.h"
#include "narrow/session.h"

namespace {

constexpr double kLargestDifference = 1e-4;  // relative to the largest score of the image
// dB that an integer network must keep, or as much as PyTorch's own simulation of 8 bits (simulate.py), less a margin:
// most random networks amplify every rounding, and what they do to noise is luck within a few dB.
constexpr double kLeastSqnr = 20;
constexpr double kMargin = 6;

struct Case {
  std::filesystem::path folder;
  std::string name;
  int size = 0;
  std::vector<float> inputs, outputs, calibration;  // [n, size, size, 3]; [n, classes]
  std::size_t classes = 0;
  double simulated_sqnr = 0;  // dB

  [[nodiscard]] std::size_t pixels() const {
    return static_cast<std::size_t>(size) * static_cast<std::size_t>(size) * 3;
  }
  [[nodiscard]] std::size_t images() const { return inputs.size() / pixels(); }
  [[nodiscard]] std::span<const float> input(std::size_t i) const {
    return std::span(inputs).subspan(i * pixels(), pixels());
  }
  [[nodiscard]] std::span<const float> output(std::size_t i) const {
    return std::span(outputs).subspan(i * classes, classes);
  }
};

std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::optional<std::vector<float>> read_floats(const std::filesystem::path& path, std::size_t count) {
  const auto bytes = read_file(path);
  if (!bytes || bytes->size() != count * sizeof(float)) return std::nullopt;
  std::vector<float> values(count);
  std::memcpy(values.data(), bytes->data(), bytes->size());
  return values;
}

std::optional<Case> read_case(const std::filesystem::path& folder) {
  const auto text = read_file(folder / "model.json");
  const auto json = nlohmann::json::parse(text.value_or(""), nullptr, false);
  if (!json.is_object()) return std::nullopt;
  Case result;
  result.folder = folder;
  result.name = json.value("name", "");
  result.size = json.value("size", 0);
  result.classes = json.value("classes", std::size_t{0});
  // Without it, nothing less than the full demand.
  result.simulated_sqnr = json.value("simulated_sqnr", kLeastSqnr + kMargin);
  const auto images = json.value("pictures", std::size_t{0});
  const auto inputs = read_floats(folder / "inputs.bin", images * result.pixels());
  const auto outputs = read_floats(folder / "outputs.bin", images * result.classes);
  const auto calibration =
      read_floats(folder / "calibration.bin", json.value("calibration", std::size_t{0}) * result.pixels());
  if (!inputs || !outputs || !calibration || images == 0) return std::nullopt;
  result.inputs = *inputs;
  result.outputs = *outputs;
  result.calibration = *calibration;
  return result;
}

bool failed(const Case& of, std::string_view format, const std::string& message) {
  std::printf("%s.%s: %s\n", of.name.c_str(), std::string(format).c_str(), message.c_str());
  return false;
}

narrow::Result<narrow::FloatModel> load(const Case& of, std::string_view format) {
  narrow::ImportOptions options;
  if (format == "pth") {
    options.architecture.name = of.name;
    options.architecture.input_size = {of.size, of.size};
  }
  return narrow::FloatModel::load(of.folder / (of.name + "." + std::string(format)), options);
}

// Largest difference from PyTorch's scores, relative to the largest score of the same image.
narrow::Result<double> float_difference(const Case& of, const narrow::FloatModel& model) {
  NARROW_ASSIGN(auto session, narrow::FloatSession::create(model));
  std::vector<float> scores(of.classes);
  double worst = 0;
  for (std::size_t i = 0; i < of.images(); ++i) {
    NARROW_TRY(session.run(of.input(i), scores));
    double difference = 0;
    double largest = 0;
    for (std::size_t c = 0; c < of.classes; ++c) {
      const double expected = static_cast<double>(of.output(i)[c]);
      difference = std::max(difference, std::abs(static_cast<double>(scores[c]) - expected));
      largest = std::max(largest, std::abs(expected));
    }
    const double relative = difference / largest;
    // Written so that NaN counts as the worst.
    if (!(relative <= worst)) worst = relative;
  }
  return worst;
}

// Signal to quantization noise of the integer network's scores, in dB: PyTorch's scores are the signal.
narrow::Result<double> integer_sqnr(const Case& of, const narrow::FloatModel& model) {
  narrow::CalibrationInputs calibration;
  calibration.count = of.calibration.size() / of.pixels();
  calibration.fill = [&](std::size_t index, std::span<float> out) {
    std::copy_n(&of.calibration[index * of.pixels()], of.pixels(), out.begin());
    return narrow::Status{};
  };
  NARROW_ASSIGN(const narrow::Quantized quantized, narrow::quantize(model, calibration));
  NARROW_ASSIGN(auto session, narrow::Session::create(quantized.model));
  std::vector<float> scores(of.classes);
  double signal = 0;
  double noise = 0;
  for (std::size_t i = 0; i < of.images(); ++i) {
    NARROW_TRY(session.run(of.input(i), scores));
    for (std::size_t c = 0; c < of.classes; ++c) {
      const double expected = static_cast<double>(of.output(i)[c]);
      const double error = static_cast<double>(scores[c]) - expected;
      signal += expected * expected;
      noise += error * error;
    }
  }
  return 10 * std::log10(signal / noise);
}

bool check(const Case& of, std::string_view format) {
  const auto model = load(of, format);
  if (!model.ok()) return failed(of, format, model.error().text());
  if (model->classes() != static_cast<std::int64_t>(of.classes) ||
      model->input_shape() != narrow::TensorShape{of.size, of.size, 3}) {
    return failed(of, format, "other shapes than PyTorch's");
  }
  const auto difference = float_difference(of, *model);
  if (!difference.ok()) return failed(of, format, difference.error().text());
  const auto sqnr = integer_sqnr(of, *model);
  if (!sqnr.ok()) return failed(of, format, sqnr.error().text());
  std::printf("%s.%s: float differs by %.1e of the largest score, 8/8 has %.1f dB, simulated by PyTorch %.1f dB\n",
              of.name.c_str(), std::string(format).c_str(), *difference, *sqnr, of.simulated_sqnr);
  // Written so that NaN fails.
  if (!(*difference <= kLargestDifference)) return failed(of, format, "float differs by more than 1e-4");
  const double least = std::min(kLeastSqnr, of.simulated_sqnr - kMargin);
  if (!(*sqnr >= least)) return failed(of, format, "expected at least " + std::to_string(least) + " dB");
  return true;
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): it ends the test, which then fails
int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv, argv + argc);
  if (arguments.size() < 2 || arguments.size() > 3) {
    std::printf("usage: torchvision_check FOLDER [pth|onnx]\n");
    return 2;
  }
  const auto of = read_case(arguments[1]);
  if (!of) {
    std::printf("%s: not a folder that make_model.py wrote\n", arguments[1].c_str());
    return 2;
  }
  bool ok = true;
  for (const std::string format : {"pth", "onnx"}) {
    if (arguments.size() == 2 || arguments[2] == format) ok = check(*of, format) && ok;
  }
  return ok ? 0 : 1;
}
