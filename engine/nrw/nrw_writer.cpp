#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "engine/nrw/byte_writer.h"
#include "engine/nrw/graph_codec.h"
#include "engine/nrw/nrw_file.h"
#include "engine/nrw/nrw_layout.h"
#include "graph/bit_packing.h"

namespace narrow::engine {
namespace {

// The archive that writes; see graph_codec.h. Its counterpart is GraphReader.
class GraphWriter {
 public:
  void number(std::int32_t value) { graph_.i32(value); }
  void number(std::int64_t value) { graph_.i64(value); }
  void number(float value) { graph_.f32(value); }
  void number(double value) { graph_.f64(value); }
  void number(bool value) { graph_.u8(value ? 1 : 0); }
  void text(const std::string& value) { graph_.text(value); }
  // An enumerator, up to the last.
  template <class Enum>
  void choice(Enum value, Enum /*last*/) {
    graph_.u8(static_cast<std::uint8_t>(value));
  }
  void op(const graph::Op& value) { graph_.u8(graph::row_of(value).code); }

  template <class T, class Describe>
  void list(const std::vector<T>& values, std::size_t /*min_bytes_each*/, const Describe& describe) {
    graph_.u32(static_cast<std::uint32_t>(values.size()));
    for (const T& value : values) describe(value);
  }
  template <class T, class Describe>
  void optional(const std::optional<T>& value, const Describe& describe) {
    number(value.has_value());
    if (value) describe(*value);
  }

  // The count is written with the node, the numbers to the section for their kind.
  void integers(const graph::QuantizedFilter& filter) {
    graph_.u64(filter.weight_count());
    if (filter.packed) return weights_.bytes(filter.packed->bytes());
    const std::size_t size = *graph::packed_size(filter.weights.size(), bits_for(filter.range));
    graph::pack_bits(filter.weights, filter.range, weights_.space(size));
  }
  void channels(const std::vector<float>& values) { store(values, channels_); }
  void channels(const std::vector<std::int32_t>& values) { store(values, channels_); }
  void floats(std::span<const float> values) { store(values, floats_); }
  void bytes(const std::vector<std::uint8_t>& values) {
    graph_.u32(static_cast<std::uint32_t>(values.size()));
    for (const std::uint8_t value : values) graph_.u8(value);
  }

  void add_to(Sections& sections) const {
    sections[SectionKind::kGraph].bytes = graph_.view();
    sections[SectionKind::kWeights].bytes = weights_.view();
    sections[SectionKind::kChannels].bytes = channels_.view();
    sections[SectionKind::kFloats].bytes = floats_.view();
  }

 private:
  static void put(ByteWriter& writer, float value) { writer.f32(value); }
  static void put(ByteWriter& writer, std::int32_t value) { writer.i32(value); }
  template <class Range>
  void store(const Range& values, ByteWriter& section) {
    graph_.u64(values.size());
    for (const auto value : values) put(section, value);
  }

  ByteWriter graph_, weights_, channels_, floats_;
};

void write_preprocessing(ByteWriter& writer, const Preprocessing& preprocessing) {
  writer.u8(preprocessing.resize.has_value() ? 1 : 0);
  writer.i32(preprocessing.resize.value_or(0));
  writer.i32(preprocessing.crop_height);
  writer.i32(preprocessing.crop_width);
  for (const float mean : preprocessing.mean) writer.f32(mean);
  for (const float std : preprocessing.std) writer.f32(std);
  writer.u8(static_cast<std::uint8_t>((preprocessing.interpolation == Interpolation::kNearest ? kNearestBit : 0) |
                                      (preprocessing.channels == 1 ? kGrayBit : 0)));
}

// What the preprocessing section has no room for. Nothing is written where all of it has its default.
void write_preparation(ByteWriter& writer, const Preprocessing& preprocessing) {
  const bool in_preprocessing =
      preprocessing.interpolation == Interpolation::kBilinear || preprocessing.interpolation == Interpolation::kNearest;
  const auto interpolation =
      static_cast<std::uint8_t>(in_preprocessing ? Interpolation::kBilinear : preprocessing.interpolation);
  const auto choices = static_cast<std::uint8_t>((preprocessing.order == ChannelOrder::kBgr ? kBgrBit : 0) |
                                                 (preprocessing.antialias ? 0 : kPlainBit) |
                                                 (preprocessing.exif_orientation ? kExifBit : 0));
  if (in_preprocessing && choices == 0 && !preprocessing.resize_width) return;
  writer.i32(preprocessing.resize_width.value_or(0));
  writer.u8(interpolation);
  writer.u8(choices);
}

}  // namespace

std::vector<std::byte> write_model(const ModelData& model) {
  GraphWriter graph;
  describe_graph(graph, model.graph);
  ByteWriter preprocessing;
  write_preprocessing(preprocessing, model.preprocessing);
  ByteWriter preparation;
  write_preparation(preparation, model.preprocessing);
  ByteWriter labels;
  labels.u32(static_cast<std::uint32_t>(model.labels.size()));
  for (const std::string& label : model.labels) labels.text(label);
  ByteWriter provenance;
  provenance.text(model.provenance.source);
  provenance.text(model.provenance.architecture);
  provenance.text(model.provenance.calibration);
  provenance.text(model.provenance.tool);

  Sections sections;
  graph.add_to(sections);
  sections[SectionKind::kPreprocessing].bytes = preprocessing.view();
  sections[SectionKind::kLabels].bytes = labels.view();
  sections[SectionKind::kProvenance].bytes = provenance.view();
  sections[SectionKind::kPreparation].bytes = preparation.view();
  return build_frame(sections);
}

}  // namespace narrow::engine
