#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/aligned_buffer.h"
#include "base/checked.h"
#include "base/try.h"
#include "engine/nrw/byte_reader.h"
#include "engine/nrw/graph_codec.h"
#include "engine/nrw/nrw_file.h"
#include "engine/nrw/nrw_layout.h"
#include "graph/bit_packing.h"
#include "graph/limits.h"

namespace narrow::engine {
namespace {

ByteReader reader_of(const Sections& sections, SectionKind kind, const char* what, ReadFailure& failure) {
  return {sections[kind].bytes, sections[kind].offset, what, failure};
}

// The archive that reads; see graph_codec.h. Its counterpart is GraphWriter.
class GraphReader {
 public:
  // owner: keeps the bytes of the weights section.
  GraphReader(const Sections& sections, std::shared_ptr<const void> owner, ReadFailure& failure)
      : owner_(std::move(owner)),
        graph_(reader_of(sections, SectionKind::kGraph, "the graph section", failure)),
        weights_(reader_of(sections, SectionKind::kWeights, "the weights section", failure)),
        channels_(reader_of(sections, SectionKind::kChannels, "the channels section", failure)),
        floats_(reader_of(sections, SectionKind::kFloats, "the floats section", failure)) {}

  void number(std::int32_t& value) { value = graph_.i32(); }
  // Sums and products of two such numbers can't overflow. graph::validate checks what each may be.
  void number(std::int64_t& value) {
    value = graph_.i64();
    if (base::is_file_number(value)) return;
    graph_.fail({"the number ", value, " is beyond 2^31"});
    value = 0;
  }
  void number(bool& value) { value = graph_.flag(); }
  // A bound of a clamp may be infinite. graph::validate checks where.
  void number(float& value) {
    value = graph_.f32();
    if (std::isnan(value)) graph_.fail({"a number is NaN"});
  }
  void number(double& value) {
    value = graph_.f64();
    if (std::isnan(value)) graph_.fail({"a number is NaN"});
  }
  void text(std::string& value) { value = graph_.text(); }
  // An enumerator, up to the last.
  template <class Enum>
  void choice(Enum& value, Enum last) {
    const std::uint8_t number = graph_.u8();
    if (number > static_cast<std::uint8_t>(last)) graph_.fail({"a choice has no meaning"});
    value = static_cast<Enum>(std::min(number, static_cast<std::uint8_t>(last)));
  }
  void op(graph::Op& value) {
    const std::uint8_t code = graph_.u8();
    if (!emplace_op(value, code, std::make_index_sequence<std::variant_size_v<graph::Op>>())) {
      graph_.fail({"operator number ", code, " is unknown"});
    }
  }

  template <class T, class Describe>
  void list(std::vector<T>& values, std::size_t min_bytes_each, const Describe& describe) {
    const std::size_t count = graph_.count(min_bytes_each);
    if (count > most_of(values)) {
      graph_.fail({"the graph has ", count, " entries of a kind of which it may have ", most_of(values)});
    }
    // An entry is made when it is read: a list that claims what its section could hold may hold nothing.
    for (std::size_t i = 0; i < count && graph_.ok(); ++i) describe(values.emplace_back());
  }
  template <class T, class Describe>
  void optional(std::optional<T>& value, const Describe& describe) {
    if (graph_.flag()) describe(value.emplace());
  }

  // The weights stay packed in the file.
  void integers(graph::QuantizedFilter& filter) {
    constexpr QRange kInt8{-128, 127};
    const QRange& range = filter.range;
    if (range.lo > range.hi || !kInt8.contains(range)) {
      graph_.fail({"a range of weights is not within -128..127"});
      return;
    }
    const std::uint64_t count = graph_.u64();
    const std::optional<std::size_t> size = graph::packed_size(static_cast<std::size_t>(count), bits_for(range));
    // If the number of bits overflows, the section can't hold that number of bytes either.
    const std::span<const std::byte> packed = weights_.bytes(size.value_or(std::numeric_limits<std::uint64_t>::max()));
    if (!weights_.ok()) return;
    filter.packed = graph::PackedWeights::check(packed, static_cast<std::size_t>(count), range, owner_);
    if (!filter.packed) weights_.fail({"a weight lies outside of its layer's range"});
  }
  void channels(std::vector<float>& values) { load(values, channels_); }
  void channels(std::vector<std::int32_t>& values) { load(values, channels_); }
  void floats(std::vector<float>& values) { load(values, floats_); }
  void floats(base::SharedBuffer<float>& values) { floats(values.edit()); }
  void bytes(std::vector<std::uint8_t>& values) {
    values.resize(graph_.count(sizeof(std::uint8_t)));
    for (std::uint8_t& value : values) value = graph_.u8();
  }

  void expect_end() {
    graph_.expect_end();
    weights_.expect_end();
    channels_.expect_end();
    floats_.expect_end();
  }

 private:
  // The limits that graph::validate() checks again.
  static std::size_t most_of(const std::vector<graph::Value>& /*list*/) { return graph::kMaxValues; }
  static std::size_t most_of(const std::vector<graph::Node>& /*list*/) { return graph::kMaxNodes; }
  static std::size_t most_of(const std::vector<graph::ValueId>& /*list*/) { return graph::kMaxValues; }
  template <std::size_t... kIndex>
  static bool emplace_op(graph::Op& op, std::uint8_t code, std::index_sequence<kIndex...> /*alternatives*/) {
    return ((graph::kOperators[kIndex].code == code && (op.emplace<kIndex>(), true)) || ...);
  }
  // Integers may be any, and floats must be finite.
  template <class T>
  void load(std::vector<T>& values, ByteReader& section) {
    static_assert(std::endian::native == std::endian::little, "a .nrw holds little-endian numbers");
    const std::uint64_t count = graph_.u64();
    if (count > section.remaining() / sizeof(T)) {
      graph_.fail({"a node claims ", count, " numbers, more than their section has left"});
      return;
    }
    ByteReader again = section;
    const std::span<const std::byte> raw = section.bytes(count * sizeof(T));
    if (raw.empty()) return;
    values.resize(static_cast<std::size_t>(count));
    std::memcpy(values.data(), raw.data(), raw.size());
    if constexpr (std::is_same_v<T, float>) {
      if (std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) return;
      // Read one by one, so that the error says where the number is.
      for (std::uint64_t i = 0; i < count && again.ok(); ++i) {
        if (!std::isfinite(again.f32())) again.fail({"a number is infinite or NaN"});
      }
    }
  }

  std::shared_ptr<const void> owner_;  // of the packed weights
  ByteReader graph_, weights_, channels_, floats_;
};

// Of all that packed weights are made of: checksum and size of each section.
std::string identity_of(const Sections& sections) {
  std::string identity;
  for (const SectionKind kind :
       {SectionKind::kGraph, SectionKind::kWeights, SectionKind::kChannels, SectionKind::kFloats}) {
    const Section& section = sections[kind];
    if (!identity.empty()) identity += '/';
    identity += std::to_string(section.checksum) + ':' + std::to_string(section.bytes.size());
  }
  return identity;
}

Preprocessing read_preprocessing(ByteReader& reader) {
  Preprocessing preprocessing;
  const bool resize = reader.flag();
  const std::int32_t size = reader.i32();
  if (resize) preprocessing.resize = size;
  if (!resize && size != 0) reader.fail({"the size of a resize that is not done must be 0"});
  preprocessing.crop_height = reader.i32();
  preprocessing.crop_width = reader.i32();
  for (float& mean : preprocessing.mean) mean = reader.f32();
  for (float& std : preprocessing.std) std = reader.f32();
  const std::uint8_t choices = reader.u8();
  if (choices > (kNearestBit | kGrayBit)) reader.fail({"a choice of the preprocessing has no meaning"});
  preprocessing.interpolation = (choices & kNearestBit) != 0 ? Interpolation::kNearest : Interpolation::kBilinear;
  preprocessing.channels = (choices & kGrayBit) != 0 ? 1 : 3;
  reader.expect_end();
  return preprocessing;
}

// The defaults are not stored, so that a model has one form.
void read_preparation(ByteReader& reader, Preprocessing& preprocessing) {
  const std::int32_t width = reader.i32();
  const std::uint8_t interpolation = reader.u8();
  const std::uint8_t choices = reader.u8();
  reader.expect_end();
  if (width < 0 || (width != 0 && !preprocessing.resize)) reader.fail({"the width of a resize has no meaning"});
  if (interpolation == static_cast<std::uint8_t>(Interpolation::kNearest) ||
      interpolation > static_cast<std::uint8_t>(Interpolation::kHamming) ||
      (interpolation != 0 && preprocessing.interpolation != Interpolation::kBilinear)) {
    reader.fail({"the interpolation has no meaning"});
  }
  if (choices > (kBgrBit | kPlainBit | kExifBit)) reader.fail({"a choice of the preparation has no meaning"});
  if (width == 0 && interpolation == 0 && choices == 0) reader.fail({"a preparation of defaults must not be stored"});
  if (!reader.ok()) return;
  if (width != 0) preprocessing.resize_width = width;
  if (interpolation != 0) preprocessing.interpolation = static_cast<Interpolation>(interpolation);
  preprocessing.order = (choices & kBgrBit) != 0 ? ChannelOrder::kBgr : ChannelOrder::kRgb;
  preprocessing.antialias = (choices & kPlainBit) == 0;
  preprocessing.exif_orientation = (choices & kExifBit) != 0;
}

std::vector<std::string> read_labels(ByteReader& reader) {
  constexpr std::size_t kMaxLabels = std::size_t{1} << 18;  // far more than any classifier has classes
  std::vector<std::string> labels;
  const std::size_t count = reader.count(sizeof(std::uint32_t));
  if (count > kMaxLabels) reader.fail({"there are ", count, " labels, more than classes can be"});
  for (std::size_t i = 0; i < count && reader.ok(); ++i) labels.push_back(reader.text());
  reader.expect_end();
  return labels;
}

Provenance read_provenance(ByteReader& reader) {
  Provenance provenance;
  provenance.source = reader.text();
  provenance.architecture = reader.text();
  provenance.calibration = reader.text();
  provenance.tool = reader.text();
  reader.expect_end();
  return provenance;
}

}  // namespace

Result<ModelData> read_model(std::span<const std::byte> bytes, const std::string& where,
                             std::shared_ptr<const WeightPages> pages, const Allocator& allocator,
                             std::string* identity) {
  NARROW_ASSIGN(Sections sections, open_frame(bytes, where));
  if (identity != nullptr) *identity = identity_of(sections);
  std::span<const std::byte>& weights = sections[SectionKind::kWeights].bytes;
  std::shared_ptr<const void> owner = pages;
  if (pages == nullptr) {
    NARROW_ASSIGN(base::AlignedBuffer copy,
                  base::AlignedBuffer::allocate(weights.size(), {"the weights of ", where}, allocator));
    std::copy(weights.begin(), weights.end(), copy.data());
    weights = {copy.data(), copy.size()};
    owner = std::make_shared<const base::AlignedBuffer>(std::move(copy));
  }
  ReadFailure failure;
  ModelData model;
  GraphReader graph(sections, std::move(owner), failure);
  describe_graph(graph, model.graph);
  graph.expect_end();
  ByteReader preprocessing = reader_of(sections, SectionKind::kPreprocessing, "the preprocessing section", failure);
  model.preprocessing = read_preprocessing(preprocessing);
  if (!sections[SectionKind::kPreparation].bytes.empty()) {
    ByteReader preparation = reader_of(sections, SectionKind::kPreparation, "the preparation section", failure);
    read_preparation(preparation, model.preprocessing);
  }
  ByteReader labels = reader_of(sections, SectionKind::kLabels, "the labels section", failure);
  model.labels = read_labels(labels);
  ByteReader provenance = reader_of(sections, SectionKind::kProvenance, "the provenance section", failure);
  model.provenance = read_provenance(provenance);
  if (failure.report) {
    return Error{ErrorCode::kMalformed, failure.report->message, at_byte(where, failure.report->offset)};
  }
  if (Status status = check_model(model); !status.ok()) {
    Error error = std::move(status).error();
    error.code = ErrorCode::kMalformed;
    error.where = error.where.empty() ? where : where + ": " + error.where;
    return error;
  }
  // A session reads the weights again. Mapping many pages again would take milliseconds, so pages of large files are
  // kept. The few pages of a small file are released, because they would be most of the process's memory.
  constexpr std::size_t kKeptBytes = std::size_t{8} << 20;
  if (pages != nullptr && bytes.size() < kKeptBytes) pages->release_all();
  model.weight_pages = std::move(pages);
  return model;
}

}  // namespace narrow::engine
