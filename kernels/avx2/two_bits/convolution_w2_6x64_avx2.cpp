// convolution_w2_6x64_avx2: direct convolution of inputs of 2 bits with weights of 2 bits, with any strides, dilation
// and padding. Two inputs choose a table of 16 bytes, and two weights choose one of them: the sum of both products. One
// vpshufb looks it up for 32 output channels, and one vpaddb adds it. So a depth step takes 2 instructions for 64
// products, where vpmaddubsw and vpaddw take as many for 32. The weights prove how many sums a byte can hold
// (w2_runs_avx2.h). Words hold the whole sums. Outputs of at most four levels are compared with thresholds instead of
// being multiplied and rounded (w2_levels_avx2.h). The bias includes -zero_point * sum(w).
// Packed: the tables; int64 offsets of the window's segments; then for each panel of 64 channels (32 where no more are
// left) a Head, and a byte of each channel for every two pairs of weights, the first pair in its low half. All of it is
// 64-byte aligned.
#include <cstring>
#include <new>

#include "base/arithmetic.h"
#include "kernels/avx2/families_avx2.h"
#include "kernels/avx2/shared/convolution_block_avx2.h"
#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/shared/convolution_panels_avx2.h"
#include "kernels/avx2/shared/vectors_avx2.h"
#include "kernels/avx2/two_bits/w2_levels_avx2.h"
#include "kernels/avx2/two_bits/w2_runs_avx2.h"
#include "kernels/avx2/two_bits/w2_tile_avx2.h"
#include "kernels/shared/folded_bias.h"

namespace narrow::kernels::avx2 {
namespace {

constexpr std::int32_t kLargest = 3;

// How sums become outputs.
enum class Finish : std::int32_t {
  kRequantized,  // any outputs: sums are widened to int32, multiplied and rounded
  kWords,        // outputs of few levels: sums are compared with thresholds
  kBytes,        // the same where a byte holds a whole sum
};

// What a panel begins with in memory.
struct alignas(64) Head {
  std::int64_t run_pairs;
  std::int32_t start;
  Finish finish;
  alignas(64) union {
    struct {
      std::int32_t bias[kW2Panel];
      float multiplier[kW2Panel];
    } scaled;
    std::int16_t words[kMostThresholds][kW2Panel];
    std::int8_t bytes[kMostThresholds][kW2Panel];
  } of;
};
constexpr std::int64_t kHeadBytes = sizeof(Head);

// The layout of a layer. Segments are those of PanelLayout.
struct W2Layout {
  std::int64_t segments;
  std::int64_t segment_pairs;
  std::int64_t double_pairs;  // of a panel
  std::int64_t offsets_bytes;
  std::int64_t panels;
  std::int32_t least;  // the weight that is stored as 0

  [[nodiscard]] std::int64_t panel_bytes(int halves) const { return kHeadBytes + halves * double_pairs * kW2Half; }
};

W2Layout layout_of(const ConvolutionProblem& problem) {
  const PanelLayout window = panel_layout(problem, BlockElement::kU8);
  W2Layout layout;
  layout.segments = window.segments;
  layout.segment_pairs = window.segment_elems / 2;
  layout.double_pairs = (layout.segments * layout.segment_pairs + 1) / 2;
  layout.offsets_bytes = window.offsets_bytes;
  layout.panels = base::ceil_div(problem.shape.out_c, kW2Panel);
  layout.least = problem.weight_range.lo < 0 ? problem.weight_range.lo : 0;
  return layout;
}

int channels_of_panel(const ConvolutionShape& shape, std::int64_t panel) {
  const std::int64_t left = shape.out_c - panel * kW2Panel;
  return left < kW2Panel ? static_cast<int>(left) : kW2Panel;
}
int halves_of(int channels) { return channels > kW2Half ? 2 : 1; }
// Of all panels.
double half_panels(const ConvolutionShape& shape) { return static_cast<double>(base::ceil_div(shape.out_c, kW2Half)); }

Refusal refusal_of(const ConvolutionProblem& problem) {
  if (const Refusal refusal = refuse_wide_bias(problem); refusal.why != nullptr) return refusal;
  const ConvolutionShape& shape = problem.shape;
  const std::int32_t hi = problem.weight_range.hi > 0 ? problem.weight_range.hi : 0;
  const std::int32_t lo = problem.weight_range.lo < 0 ? problem.weight_range.lo : 0;
  if (shape.groups != 1) return {.why = "it has groups"};
  if (shape.in_c % 2 != 0) return {.why = "its input channels are not pairs"};
  if (largest_byte(problem) > kLargest) return {.why = "its inputs or their zero point need more than 2 bits"};
  if (hi - lo > kLargest) return {.why = "its weights need more than 2 bits"};
  for (int c = 0; c < shape.out_c; ++c) {
    const WeightSums& sums = problem.sums[c];
    if (kLargest * sums.positive >= INT16_MAX || kLargest * sums.negative < INT16_MIN) {
      return {.why = "a whole sum of products may exceed int16", .channel = c};
    }
  }
  return {};
}

// The cycles of one image. runs: of the tiles of each half panel, in all; whole_halves: half panels with whole runs.
double cost_of(const ConvolutionProblem& problem, double runs, double whole_halves) {
  const costs::TwoBits& costs = problem.costs->convolution_w2_6x64_avx2;
  const ConvolutionShape& shape = problem.shape;
  const W2Layout layout = layout_of(problem);
  const BlockPlan plan = plan_blocks(shape, BlockElement::kPairs);
  const std::int64_t pixels = std::int64_t{shape.out_h} * shape.out_w;
  // Tiles are whole or half ones.
  const double tiled = static_cast<double>(base::round_up(pixels, kW2Pixels / 2));
  const double pairs = static_cast<double>(layout.segments * layout.segment_pairs);
  const bool single = halves_of(channels_of_panel(shape, layout.panels - 1)) == 1;
  const double halves = half_panels(shape);
  const double steps = tiled * pairs * (halves + (single ? costs.single - 1 : 0));
  const bool few_levels = has_few_levels(problem);
  const double bytes = few_levels ? whole_halves : 0;
  const double outputs = (halves - bytes) * (few_levels ? costs.words : costs.output) + bytes * costs.bytes;
  const double blocks = static_cast<double>(base::ceil_div(shape.out_h, plan.block_rows));
  const double block_bytes = static_cast<double>(shape.out_h * plan.line_step * plan.line_bytes);
  return steps * costs.step + static_cast<double>(pixels) * (runs * costs.run + outputs) +
         blocks * halves * pairs * costs.open + block_bytes / 32 * costs.load;
}

// The estimate assumes that a byte holds a whole sum.
double estimate(const ConvolutionProblem& problem) { return cost_of(problem, 0, half_panels(problem.shape)); }

PanelWeights weights_of_panel(const ConvolutionProblem& problem, const W2Layout& layout, std::int64_t panel) {
  const std::int8_t* const weights = problem.weights + panel * kW2Panel * problem.shape.depth();
  return {weights, channels_of_panel(problem.shape, panel), layout.segments, 2 * layout.segment_pairs};
}

// The proof holds the byte run of each panel.
Offer offer(const ConvolutionProblem& problem, std::int64_t* proof) {
  if (const Refusal refusal = refusal_of(problem); refusal.why != nullptr) return {0, refusal};
  const W2Layout layout = layout_of(problem);
  double runs = 0, whole_halves = 0;
  for (std::int64_t p = 0; p < layout.panels; ++p) {
    const PanelWeights weights = weights_of_panel(problem, layout, p);
    const ByteRun run = choose_byte_run(weights, kLargest);
    const W2Depth depth{nullptr, layout.segments, layout.segment_pairs, run.pairs, run.start, nullptr};
    const int halves = halves_of(weights.channels);
    (run.whole ? whole_halves : runs) += static_cast<double>(run.whole ? halves : halves * depth.runs());
    proof[p] = run.pairs * 512 + (run.whole ? 256 : 0) + run.start;
  }
  return {.cycles = cost_of(problem, runs, whole_halves), .refusal = {}};
}

int channel_step(const ConvolutionProblem& /*problem*/) { return kW2Panel; }

std::size_t packed_bytes(const ConvolutionProblem& problem) {
  const W2Layout layout = layout_of(problem);
  const int last = halves_of(channels_of_panel(problem.shape, layout.panels - 1));
  return static_cast<std::size_t>(kW2TableBytes + layout.offsets_bytes + (layout.panels - 1) * layout.panel_bytes(2) +
                                  layout.panel_bytes(last));
}

// 16 weights of a channel as 4 bytes of 4 weights each, in the low bytes of 4 words of 32 bits.
__m128i four_bytes(__m128i weights, __m128i least) {
  const __m128i pairs = _mm_maddubs_epi16(_mm_sub_epi8(weights, least), _mm_set1_epi16(1 + 256 * 4));
  return _mm_madd_epi16(pairs, _mm_set1_epi32(1 + 65536 * 16));
}

// Stores the bytes of 16 weights of 4 channels, those of 4 weights in each of `rows` rows.
void store_rows(const __m128i (&weights)[4], __m128i least, std::int64_t rows, std::int64_t row_bytes, std::byte* to) {
  const __m128i order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m128i low = _mm_packs_epi32(four_bytes(weights[0], least), four_bytes(weights[1], least));
  const __m128i high = _mm_packs_epi32(four_bytes(weights[2], least), four_bytes(weights[3], least));
  __m128i bytes = _mm_shuffle_epi8(_mm_packus_epi16(low, high), order);
  for (std::int64_t r = 0; r < rows; ++r, to += row_bytes, bytes = _mm_srli_si128(bytes, 4)) {
    _mm_storeu_si32(to, bytes);
  }
}

// natural_order: byte i of a half is channel i. Otherwise even bytes are channels 0 to 15, odd ones 16 to 31.
void pack_panel(const W2Layout& layout, const PanelWeights& panel, bool natural_order, std::byte* to) {
  const __m128i least = _mm_set1_epi8(static_cast<char>(layout.least));
  const std::int64_t depth = panel.segments * panel.segment_elems;
  const std::int64_t row_bytes = halves_of(panel.channels) * kW2Half;
  for (std::int64_t lane = 0; lane < row_bytes; lane += 4) {
    const std::int8_t* channels[4];  // nullptr: there is no such channel, its weights are 0
    for (int i = 0; i < 4; ++i) {
      const std::int64_t in_half = lane % kW2Half + i;
      const std::int64_t place = natural_order ? in_half : in_half / 2 + in_half % 2 * 16;
      const std::int64_t channel = lane / kW2Half * kW2Half + place;
      channels[i] = channel < panel.channels ? panel.weights + channel * depth : nullptr;
    }
    __m128i weights[4] = {};
    std::byte* out = to + lane;
    std::int64_t k = 0;
    for (; k + 16 <= depth; k += 16, out += 4 * row_bytes) {
      for (int i = 0; i < 4; ++i) {
        if (channels[i] != nullptr) weights[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(channels[i] + k));
      }
      store_rows(weights, least, 4, row_bytes, out);
    }
    if (k == depth) continue;
    for (int i = 0; i < 4; ++i) {
      alignas(16) std::int8_t rest[16] = {};
      if (channels[i] != nullptr) std::memcpy(rest, channels[i] + k, static_cast<std::size_t>(depth - k));
      weights[i] = _mm_load_si128(reinterpret_cast<const __m128i*>(rest));
    }
    store_rows(weights, least, (depth - k + 3) / 4, row_bytes, out);
  }
}

// The constants of a panel's channel c.
void pack_channel(const ConvolutionProblem& problem, std::int64_t channel, int c, Head& head) {
  if (head.finish == Finish::kRequantized) {
    const int place = c / 16 * 16 + place_in_panel(c % 16);
    head.of.scaled.bias[place] = static_cast<std::int32_t>(folded_bias(problem, channel));
    head.of.scaled.multiplier[place] = problem.multiplier[channel];
    return;
  }
  // A sum is below the largest word or byte, and no sum is below the least. So these are never reached, and always.
  const bool bytes = head.finish == Finish::kBytes;
  const std::int64_t lowest = bytes ? INT8_MIN : INT16_MIN, never = bytes ? INT8_MAX : INT16_MAX;
  const std::int64_t start = bytes ? head.start - 128 : 0;
  const int levels = problem.output_range.hi - problem.output_range.lo;
  for (int level = 1; level <= kMostThresholds; ++level) {
    const std::int64_t least =
        level > levels ? lowest : start + least_sum(problem, channel, level, lowest - start, never - 1 - start);
    if (bytes) {
      head.of.bytes[level - 1][c] = static_cast<std::int8_t>(least);
    } else {
      head.of.words[level - 1][c] = static_cast<std::int16_t>(least);
    }
  }
}

void pack(const ConvolutionProblem& problem, const std::int64_t* proof, std::byte* packed) {
  const W2Layout layout = layout_of(problem);
  make_pair_tables(layout.least, packed);
  std::byte* to = packed + kW2TableBytes;
  std::memset(to, 0, static_cast<std::size_t>(layout.offsets_bytes));
  std::int64_t* const offsets = reinterpret_cast<std::int64_t*>(to);
  const BlockPlan plan = plan_blocks(problem.shape, BlockElement::kPairs);
  pack_offsets(problem, panel_layout(problem, BlockElement::kU8), plan, offsets);
  to += layout.offsets_bytes;
  for (std::int64_t p = 0; p < layout.panels; ++p) {
    const PanelWeights weights = weights_of_panel(problem, layout, p);
    Head& head = *new (to) Head();
    head.run_pairs = proof[p] / 512;
    head.start = static_cast<std::int32_t>(proof[p] % 256);
    head.finish = Finish::kRequantized;
    if (has_few_levels(problem)) head.finish = proof[p] / 256 % 2 != 0 ? Finish::kBytes : Finish::kWords;
    for (int c = 0; c < weights.channels; ++c) pack_channel(problem, p * kW2Panel + c, c, head);
    pack_panel(layout, weights, head.finish == Finish::kBytes, to + kHeadBytes);
    to += layout.panel_bytes(halves_of(weights.channels));
  }
}

std::size_t workspace_bytes(const ConvolutionProblem& problem) {
  const BlockPlan plan = plan_blocks(problem.shape, BlockElement::kPairs);
  return static_cast<std::size_t>(plan.workspace_bytes + 2 * layout_of(problem).double_pairs * kW2Panel);
}

// From two pairs of weights in a byte to a byte for each.
void open_panel(const std::byte* from, std::int64_t double_pairs, int halves, std::byte* to) {
  const __m256i low_half = _mm256_set1_epi8(15);
  const std::int64_t row = halves * kW2Half;
  for (std::int64_t i = 0; i < double_pairs; ++i, to += row) {
    for (const std::byte* const end = from + row; from != end; from += kW2Half, to += kW2Half) {
      const __m256i both = load(from);
      _mm256_store_si256(reinterpret_cast<__m256i*>(to), _mm256_and_si256(both, low_half));
      _mm256_store_si256(reinterpret_cast<__m256i*>(to + row), _mm256_and_si256(_mm256_srli_epi16(both, 4), low_half));
    }
  }
}

// Sums of channels 0 to 15 and 16 to 31.
struct HalfWords {
  __m256i low, high;
};
HalfWords words_of(const W2Sums& sums) {
  return {_mm256_sub_epi16(sums.both, _mm256_slli_epi16(sums.high, 8)), sums.high};
}

// Stores `channels` <= 32 channels of a pixel. bias, multiplier: of these channels.
void store_requantized(const ConvolutionProblem& problem, const OutputStage& stage, const W2Sums& sums,
                       const std::int32_t* bias, const float* multiplier, int channels, void* output,
                       std::int64_t index) {
  const HalfWords words = words_of(sums);
  const auto widen = [](__m256i of, const std::int32_t* from) {
    return Acc{_mm256_add_epi32(_mm256_srai_epi32(_mm256_unpacklo_epi16(of, of), 16), load(from)),
               _mm256_add_epi32(_mm256_srai_epi32(_mm256_unpackhi_epi16(of, of), 16), load(from + 8))};
  };
  const Acc first = widen(words.low, bias), second = widen(words.high, bias + 16);
  if (channels == kW2Half && problem.output_type == OutputType::kUint8) {
    const __m256i bytes = _mm256_packus_epi16(requantized_words(stage, first, multiplier),
                                              requantized_words(stage, second, multiplier + 16));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(static_cast<std::uint8_t*>(output) + index),
                        _mm256_permute4x64_epi64(_mm256_max_epu8(bytes, stage.lower), 0xD8));
    return;
  }
  store_panel(problem, stage, &first, 1, multiplier, channels < 16 ? channels : 16, output, index);
  if (channels > 16) store_panel(problem, stage, &second, 1, multiplier + 16, channels - 16, output, index + 16);
}

// Stores the first `channels` bytes.
void store_channels(__m256i bytes, int channels, std::uint8_t* out) {
  if (channels == kW2Half) return _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), bytes);
  alignas(32) std::uint8_t part[kW2Half];
  _mm256_store_si256(reinterpret_cast<__m256i*>(part), bytes);
  std::memcpy(out, part, static_cast<std::size_t>(channels));
}

// The levels that sums reach. thresholds: of these channels, those of a level kW2Panel apart.
__m256i levels_of(const W2Sums& sums, std::int32_t highest, const std::int16_t* thresholds) {
  const HalfWords words = words_of(sums);
  __m256i low = _mm256_set1_epi16(static_cast<std::int16_t>(highest)), high = low;
#pragma GCC unroll 3
  for (int level = 0; level < kMostThresholds; ++level, thresholds += kW2Panel) {
    low = _mm256_add_epi16(low, _mm256_cmpgt_epi16(load(thresholds), words.low));
    high = _mm256_add_epi16(high, _mm256_cmpgt_epi16(load(thresholds + 16), words.high));
  }
  return _mm256_permute4x64_epi64(_mm256_packus_epi16(low, high), 0xD8);
}

// Stores the levels that whole bytes reach: `channels` of each of `pixels`. thresholds: as above.
void store_byte_levels(const __m256i* sums, std::int32_t highest, const std::int8_t* thresholds, int pixels,
                       int channels, std::uint8_t* out, std::ptrdiff_t out_c) {
  const int halves = halves_of(channels);
  const __m256i top = _mm256_set1_epi8(static_cast<char>(highest));
  for (int h = 0; h < halves; ++h, thresholds += kW2Half, out += kW2Half, channels -= kW2Half) {
    static_assert(kMostThresholds == 3);
    const __m256i t1 = load(thresholds), t2 = load(thresholds + kW2Panel), t3 = load(thresholds + 2 * kW2Panel);
    const int now = channels < kW2Half ? channels : kW2Half;
    for (int i = 0; i < pixels; ++i) {
      const __m256i sum = sums[i * halves + h];
      const __m256i below = _mm256_add_epi8(_mm256_cmpgt_epi8(t1, sum), _mm256_cmpgt_epi8(t2, sum));
      const __m256i y = _mm256_add_epi8(_mm256_add_epi8(top, below), _mm256_cmpgt_epi8(t3, sum));
      store_channels(y, now, out + i * out_c);
    }
  }
}

// What a tile writes.
union TileSums {
  W2Sums words[2 * kW2Pixels];
  __m256i bytes[2 * kW2Pixels];
};

// The first `pixels` of a tile's pixels.
void store_tile(const ConvolutionProblem& problem, const OutputStage& stage, const Head& head, const TileSums& sums,
                int pixels, int channels, void* output, std::int64_t index) {
  const std::int32_t highest = problem.output_range.hi;
  if (head.finish == Finish::kBytes) {
    return store_byte_levels(sums.bytes, highest, head.of.bytes[0], pixels, channels,
                             static_cast<std::uint8_t*>(output) + index, stage.out_c);
  }
  int half = 0;
  for (int i = 0; i < pixels; ++i, index += stage.out_c) {
    for (int c = 0; c < channels; c += kW2Half, ++half) {
      const int now = channels - c < kW2Half ? channels - c : kW2Half;
      if (head.finish == Finish::kRequantized) {
        store_requantized(problem, stage, sums.words[half], head.of.scaled.bias + c, head.of.scaled.multiplier + c, now,
                          output, index + c);
        continue;
      }
      const __m256i levels = levels_of(sums.words[half], highest, head.of.words[0] + c);
      store_channels(levels, now, static_cast<std::uint8_t*>(output) + index + c);
    }
  }
}

// A panel's channels of a block's pixels. `index` is that of the first output.
void run_panel(const ConvolutionProblem& problem, const OutputStage& stage, const W2Depth& depth,
               const std::uint8_t* const* pixels, std::int64_t count, const Head& head, const std::byte* weights,
               int channels, void* output, std::int64_t index) {
  const int halves = halves_of(channels);
  TileSums sums;
  while (count > 0) {
    const int now = count < kW2Pixels ? static_cast<int>(count) : kW2Pixels;
    const std::uint8_t* last[kW2Pixels];
    if (now < kW2Pixels) {
      // A tile has all its pixels; the results of the last ones are not stored.
      for (int i = 0; i < kW2Pixels; ++i) last[i] = pixels[i < now ? i : now - 1];
      pixels = last;
    }
    const bool many = now > kW2Pixels / 2;
    if (head.finish == Finish::kBytes) {
      w2_byte_tile(halves, many)(pixels, depth, weights, sums.bytes);
    } else {
      w2_tile(halves, many)(pixels, depth, weights, sums.words);
    }
    store_tile(problem, stage, head, sums, now, channels, output, index);
    pixels += now;
    count -= now;
    index += now * stage.out_c;
  }
}

void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  const W2Layout layout = layout_of(problem);
  const BlockPlan plan = plan_blocks(shape, BlockElement::kPairs);
  const OutputStage stage = output_stage(problem, part);
  const std::byte* const offsets = packed + kW2TableBytes;
  W2Depth depth{reinterpret_cast<const std::int64_t*>(offsets), layout.segments, layout.segment_pairs, 0, 0, packed};
  std::byte* const wide = workspace + plan.workspace_bytes;
  for (std::int64_t row = part.row_begin; row < part.row_end; row += plan.block_rows) {
    const std::int64_t rows = part.row_end - row < plan.block_rows ? part.row_end - row : plan.block_rows;
    const std::uint8_t* const* pixels = load_block(problem, plan, input, row, rows, workspace);
    const std::int64_t begin = part.channel_begin / kW2Panel;
    const std::byte* panel = offsets + layout.offsets_bytes + begin * layout.panel_bytes(2);
    for (std::int64_t p = begin; p * kW2Panel < part.channel_end; ++p) {
      const int channels = channels_of_panel(shape, p);
      const Head& head = *reinterpret_cast<const Head*>(panel);
      depth.run_pairs = head.run_pairs;
      depth.start = static_cast<std::uint8_t>(head.start);
      open_panel(panel + kHeadBytes, layout.double_pairs, halves_of(channels), wide);
      run_panel(problem, stage, depth, pixels, rows * shape.out_w, head, wide, channels, output,
                row * shape.out_w * shape.out_c + p * kW2Panel);
      panel += layout.panel_bytes(halves_of(channels));
    }
  }
}

}  // namespace

const ConvolutionKernel kConvolutionW2{
    .name = "convolution_w2_6x64_avx2",
    .isa = Isa::kAvx2,
    .mix = InstructionMix::kPairTables,
    .estimate = estimate,
    .offer = offer,
    .channel_step = channel_step,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .workspace_bytes = workspace_bytes,
    .run = run,
};

}  // namespace narrow::kernels::avx2
