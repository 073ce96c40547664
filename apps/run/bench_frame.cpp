#include "apps/run/bench_frame.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include "base/try.h"
#include "narrow/preprocessor.h"

namespace narrow::cli {

namespace {

constexpr std::array<std::pair<std::string_view, PixelLayout>, 7> kLayouts{{{"rgb", PixelLayout::kRgb},
                                                                            {"bgr", PixelLayout::kBgr},
                                                                            {"rgba", PixelLayout::kRgba},
                                                                            {"bgra", PixelLayout::kBgra},
                                                                            {"gray", PixelLayout::kGray},
                                                                            {"nv12", PixelLayout::kNv12},
                                                                            {"i420", PixelLayout::kI420}}};
constexpr int kMostPixelsOfSide = 8192;

// A side in pixels at the start of `text`, which is removed.
std::optional<int> take_side(std::string_view& text) {
  int side = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), side);
  if (error != std::errc() || side < 1 || side > kMostPixelsOfSide) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return side;
}

std::size_t bytes_of(const FrameSize& frame) {
  const std::size_t pixels = static_cast<std::size_t>(frame.width) * static_cast<std::size_t>(frame.height);
  switch (frame.layout) {
    case PixelLayout::kRgba:
    case PixelLayout::kBgra:
      return 4 * pixels;
    case PixelLayout::kRgb:
    case PixelLayout::kBgr:
      return 3 * pixels;
    case PixelLayout::kNv12:
    case PixelLayout::kI420:
      return pixels / 2 * 3;
    case PixelLayout::kGray:
      break;
  }
  return pixels;
}

}  // namespace

std::optional<FrameSize> parse_frame(const std::string& text) {
  std::string_view rest = text;
  FrameSize frame;
  const std::optional<int> width = take_side(rest);
  if (!width || rest.empty() || rest.front() != 'x') return std::nullopt;
  rest.remove_prefix(1);
  const std::optional<int> height = take_side(rest);
  if (!height) return std::nullopt;
  frame.width = *width;
  frame.height = *height;
  if (rest.empty()) return frame;
  if (rest.front() != ',') return std::nullopt;
  const auto* const found = std::find_if(kLayouts.begin(), kLayouts.end(),
                                         [&](const auto& layout) { return layout.first == rest.substr(1); });
  if (found == kLayouts.end()) return std::nullopt;
  frame.layout = found->second;
  ImageView view;
  const std::uint8_t nothing = 0;
  view.data = &nothing;
  view.width = frame.width;
  view.height = frame.height;
  view.layout = frame.layout;
  return validate(view).ok() ? std::optional(frame) : std::nullopt;
}

std::string to_text(const FrameSize& frame) {
  const auto* const found =
      std::find_if(kLayouts.begin(), kLayouts.end(), [&](const auto& layout) { return layout.second == frame.layout; });
  return std::to_string(frame.width) + " x " + std::to_string(frame.height) + " " + std::string(found->first);
}

Result<FrameTimes> time_frames(Session& session, const FrameSize& frame, std::size_t runs, double most_seconds) {
  const Model& model = session.model();
  FrameTimes times;
  times.frame = frame;
  times.input = model.input_shape();
  const std::optional<Quantization> quantization = session.input_quantization();
  times.integers = quantization.has_value();
  NARROW_ASSIGN(Preprocessor preprocessor, Preprocessor::create(model.preprocessing(), quantization, session.isa()));

  std::vector<std::uint8_t> bytes(bytes_of(frame));
  std::mt19937 random(1);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  ImageView view;
  view.data = bytes.data();
  view.width = frame.width;
  view.height = frame.height;
  view.layout = frame.layout;

  std::vector<float> floats(times.integers ? 0 : preprocessor.output_elems());
  std::vector<std::uint8_t> integers(times.integers ? preprocessor.output_elems() : 0);
  std::vector<float> scores(static_cast<std::size_t>(model.classes()));
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::duration duration) { return std::chrono::duration<double>(duration).count(); };
  std::vector<double> prepare;
  std::vector<double> run;
  // The first frame allocates, so it does not count.
  const Clock::time_point start = Clock::now();
  for (std::size_t i = 0; i <= std::max<std::size_t>(runs, 1); ++i) {
    const Clock::time_point begin = Clock::now();
    if (i > 1 && seconds(begin - start) > most_seconds) break;
    NARROW_TRY(times.integers ? preprocessor.run(view, std::span<std::uint8_t>(integers))
                              : preprocessor.run(view, std::span<float>(floats)));
    const Clock::time_point prepared = Clock::now();
    NARROW_TRY(times.integers ? session.run_integers(integers, scores) : session.run(floats, scores));
    const Clock::time_point end = Clock::now();
    if (i == 0) continue;
    prepare.push_back(seconds(prepared - begin));
    run.push_back(seconds(end - prepared));
  }
  times.prepare = summarize(std::move(prepare));
  times.run = summarize(std::move(run));
  return times;
}

}  // namespace narrow::cli
