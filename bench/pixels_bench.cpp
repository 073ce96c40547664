// Frames to a network's input, every ISA that this CPU runs: frames per second of each layout of a 640 x 480 camera, to
// 224 x 224 (resize 256, crop 224) as floats and as integers. Outputs are compared with the reference before timing.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "kernels/cpu_features.h"
#include "narrow/preprocessor.h"

namespace {

using namespace narrow;

constexpr int kWidth = 640;
constexpr int kHeight = 480;
constexpr Quantization kInput{0.0186F, 114, {0, 255}};

struct Layout {
  const char* name;
  PixelLayout layout;
};
constexpr Layout kLayouts[] = {{"rgb", PixelLayout::kRgb},   {"bgr", PixelLayout::kBgr},
                               {"bgra", PixelLayout::kBgra}, {"gray", PixelLayout::kGray},
                               {"nv12", PixelLayout::kNv12}, {"i420", PixelLayout::kI420}};

std::vector<std::uint8_t> frame() {
  std::vector<std::uint8_t> bytes(std::size_t{4} * kWidth * kHeight);
  std::uint32_t state = 1;
  for (std::uint8_t& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return bytes;
}

template <class T>
std::vector<T> prepared(const ImageView& view, Isa isa) {
  auto preprocessor =
      Preprocessor::create(preprocessing_preset("imagenet").value(), kInput, std::string(kernels::isa_name(isa)));
  std::vector<T> out(preprocessor.value().output_elems());
  preprocessor.value().run(view, std::span<T>(out)).value();
  return out;
}

template <class T>
void measure(benchmark::State& state, ImageView view, Isa isa) {
  auto preprocessor =
      Preprocessor::create(preprocessing_preset("imagenet").value(), kInput, std::string(kernels::isa_name(isa)));
  std::vector<T> out(preprocessor.value().output_elems());
  for (auto _ : state) {
    preprocessor.value().run(view, std::span<T>(out)).value();
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations());
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const std::vector<std::uint8_t> bytes = frame();
  for (const Layout& layout : kLayouts) {
    ImageView view;
    view.data = bytes.data();
    view.width = kWidth;
    view.height = kHeight;
    view.layout = layout.layout;
    for (const Isa isa : kernels::compiled_isas()) {
      if (!kernels::cpu_features().has(kernels::required_features(isa).bits)) continue;
      if (prepared<float>(view, Isa::kScalar) != prepared<float>(view, isa) ||
          prepared<std::uint8_t>(view, Isa::kScalar) != prepared<std::uint8_t>(view, isa)) {
        std::fprintf(stderr, "%s on %s does not equal the reference; nothing was timed\n", layout.name,
                     std::string(kernels::isa_name(isa)).c_str());
        return EXIT_FAILURE;
      }
      const std::string name = std::string(layout.name) + "_640x480_" + std::string(kernels::isa_name(isa));
      benchmark::RegisterBenchmark((name + "/floats").c_str(), measure<float>, view, isa);
      benchmark::RegisterBenchmark((name + "/integers").c_str(), measure<std::uint8_t>, view, isa);
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return EXIT_SUCCESS;
}
