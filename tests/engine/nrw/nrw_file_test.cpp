// What a .nrw file brings back, and what it refuses.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "engine/nrw/nrw_file.h"
#include "narrow/session.h"
#include "tests/engine/integer_graph_builder.h"
#include "tests/engine/nrw/nrw_surgery.h"
#include "tests/support/data.h"

using narrow::Clamp;
using narrow::ErrorCode;
using narrow::Model;
using narrow::QRange;
using narrow::engine::ModelData;
using narrow::testing::IntegerGraphBuilder;
using narrow::testing::model_of_everything;
using narrow::testing::model_of_functions;
using narrow::testing::put_number;
using narrow::testing::repair_checksums;
using narrow::testing::table_row;
using narrow::testing::to_model;

namespace {

using Bytes = std::vector<std::byte>;

Bytes small_model() {
  IntegerGraphBuilder b(3, {2, 2, 1});
  const auto x = b.convolution(b.quantize(b.input()), narrow::testing::window(1), 1, 3, 3, 4);
  return to_model(b.finish(b.linear_scores(x, 2, 4))).serialize();
}

std::int64_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{1024} * usage.ru_maxrss;
}

narrow::Error parse_error(const Bytes& bytes) {
  const auto model = Model::parse(bytes, "m.nrw");
  REQUIRE_FALSE(model.ok());
  return model.error();
}

bool mentions(const narrow::Error& error, const std::string& text) {
  if (error.text().find(text) != std::string::npos) return true;
  MESSAGE(error.text());
  return false;
}

void check_equal(const narrow::graph::Filter& a, const narrow::graph::Filter& b) {
  CHECK(a.weights == b.weights);
  CHECK(a.bias == b.bias);
  REQUIRE(a.quantized.has_value() == b.quantized.has_value());
  if (!a.quantized) return;
  CHECK(a.quantized->range == b.quantized->range);
  std::vector<std::int8_t> left, right;
  const auto weights = a.quantized->integers(left);
  const auto others = b.quantized->integers(right);
  CHECK(std::equal(weights.begin(), weights.end(), others.begin(), others.end()));
  CHECK(a.quantized->scales == b.quantized->scales);
  CHECK(a.quantized->bias == b.quantized->bias);
}

void check_equal(const ModelData& a, const ModelData& b) {
  CHECK(a.preprocessing == b.preprocessing);
  CHECK(a.labels == b.labels);
  CHECK(a.provenance.source == b.provenance.source);
  CHECK(a.provenance.architecture == b.provenance.architecture);
  CHECK(a.provenance.calibration == b.provenance.calibration);
  CHECK(a.provenance.tool == b.provenance.tool);
  CHECK(a.graph.input == b.graph.input);
  CHECK(a.graph.output == b.graph.output);
  REQUIRE(a.graph.values.size() == b.graph.values.size());
  for (std::size_t i = 0; i < a.graph.values.size(); ++i) {
    CHECK(a.graph.values[i].name == b.graph.values[i].name);
    CHECK(a.graph.values[i].shape == b.graph.values[i].shape);
    CHECK(a.graph.values[i].quantization == b.graph.values[i].quantization);
  }
  REQUIRE(a.graph.nodes.size() == b.graph.nodes.size());
  for (std::size_t i = 0; i < a.graph.nodes.size(); ++i) {
    const auto& left = a.graph.nodes[i];
    const auto& right = b.graph.nodes[i];
    CHECK(left.name == right.name);
    CHECK(left.inputs == right.inputs);
    CHECK(left.output == right.output);
    CHECK(left.clamp == right.clamp);
    REQUIRE(left.op.index() == right.op.index());
    if (const auto* filter = narrow::graph::filter_of(left)) check_equal(*filter, *narrow::graph::filter_of(right));
    if (const auto* convolution = std::get_if<narrow::graph::Convolution>(&left.op)) {
      const auto& other = std::get<narrow::graph::Convolution>(right.op);
      CHECK(convolution->window == other.window);
      CHECK(convolution->groups == other.groups);
      CHECK(convolution->out_channels == other.out_channels);
    }
    if (const auto* pool = std::get_if<narrow::graph::AveragePool>(&left.op)) {
      CHECK(pool->window == std::get<narrow::graph::AveragePool>(right.op).window);
      CHECK(pool->count_include_pad == std::get<narrow::graph::AveragePool>(right.op).count_include_pad);
    }
    if (const auto* pool = std::get_if<narrow::graph::MaxPool>(&left.op)) {
      CHECK(pool->window == std::get<narrow::graph::MaxPool>(right.op).window);
    }
    if (const auto* pad = std::get_if<narrow::graph::PadChannels>(&left.op)) {
      CHECK(pad->before == std::get<narrow::graph::PadChannels>(right.op).before);
      CHECK(pad->after == std::get<narrow::graph::PadChannels>(right.op).after);
    }
  }
}

}  // namespace

TEST_CASE("a model with every operator and number of bits comes back equal") {
  for (unsigned i = 0; i < 12; ++i) {
    ModelData data = (i % 2 == 0 ? model_of_everything : model_of_functions)(narrow::testing::seed() + i);
    data.preprocessing.resize = i % 2 == 0 ? std::optional<int>(9) : std::nullopt;
    data.preprocessing.mean = {0.1F, 0.2F, 0.3F};
    data.preprocessing.std = {0.5F, 0.25F, 3.0F};
    data.preprocessing.interpolation = i % 3 == 0 ? narrow::Interpolation::kNearest : narrow::Interpolation::kBilinear;
    const Model model = to_model(data);
    const Bytes bytes = model.serialize();
    CHECK(bytes == model.serialize());
    const Model back = Model::parse(bytes).value();
    check_equal(back.data(), data);
    CHECK(back.serialize() == bytes);
  }
}

TEST_CASE("a BatchNorm that was not folded is stored too") {
  ModelData data;
  auto& graph = data.graph;
  graph.input = graph.add_value("input", {1, 1, 2});
  const narrow::graph::BatchNorm norm{{1, 2}, {3, 4}, {5, 6}, {7, 8}, 1e-3};
  graph.output = graph.add_node("norm", norm, {graph.input}).value();
  data.preprocessing.crop_height = data.preprocessing.crop_width = 1;
  const Model back = Model::parse(to_model(data).serialize()).value();
  const auto& read = std::get<narrow::graph::BatchNorm>(back.data().graph.nodes[0].op);
  CHECK(read.gamma == norm.gamma);
  CHECK(read.beta == norm.beta);
  CHECK(read.mean == norm.mean);
  CHECK(read.variance == norm.variance);
  CHECK(read.epsilon == norm.epsilon);
}

TEST_CASE("a 4-bit model takes half of the 8-bit one") {
  const auto size = [](int bits) {
    IntegerGraphBuilder b(1, {8, 8, 3});
    const auto x = b.convolution(b.quantize(b.input()), narrow::testing::window(3, 1, 1), 1, 64, bits);
    const auto y = b.convolution(x, narrow::testing::window(3, 1, 1), 1, 64, bits);
    return to_model(b.finish(b.linear_scores(b.global_average_pool(y), 10))).serialize().size();
  };
  CHECK(static_cast<double>(size(4)) < 0.55 * static_cast<double>(size(8)));
}

TEST_CASE("a file that was cut off anywhere is refused") {
  const Bytes whole = small_model();
  REQUIRE(Model::parse(whole).ok());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto model = Model::parse(std::span(whole).first(size));
    CAPTURE(size);
    CHECK_FALSE(model.ok());
  }
}

TEST_CASE("a file with any byte changed is refused") {
  Bytes bytes = small_model();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::byte right = bytes[i];
    for (const unsigned flip : {0x01U, 0x80U, 0xFFU, 0x20U}) {
      bytes[i] = right ^ static_cast<std::byte>(flip);
      CAPTURE(i);
      CHECK_FALSE(Model::parse(bytes).ok());
    }
    bytes[i] = right;
  }
  CHECK(Model::parse(bytes).ok());
}

// Behind the checksums: damage on purpose must not crash, and what is accepted must be usable.
TEST_CASE("a hostile file with right checksums is refused or runs") {
  int accepted = 0;
  const Bytes functions = to_model(model_of_functions(5)).serialize();
  for (const Bytes& original : {small_model(), to_model(model_of_everything(5)).serialize(), functions}) {
    const std::size_t step = original == functions ? 8 : 1;  // a sample, for time
    for (std::size_t i = narrow::engine::kHeaderBytes; i < original.size(); i += step) {
      for (const unsigned value : {0x00U, 0x01U, 0x7FU, 0x80U, 0xFFU}) {
        Bytes bytes = original;
        bytes[i] = static_cast<std::byte>(value);
        repair_checksums(bytes);
        const auto model = Model::parse(bytes, "hostile");
        if (!model.ok()) {
          CHECK(model.error().code != ErrorCode::kInternal);
          continue;
        }
        ++accepted;
        if (i % 7 != 0) continue;  // a sample, for time
        auto session = narrow::Session::create(*model);
        if (!session.ok()) continue;
        std::vector<float> input(static_cast<std::size_t>(model->input_shape().elems()), 0.5F);
        std::vector<float> scores(static_cast<std::size_t>(model->classes()));
        CHECK(session->run(input, scores).ok());
      }
    }
  }
  CHECK(accepted > 100);
}

TEST_CASE("lists that claim what their section could hold take no memory for it") {
  // The graph section of a small model, replaced by one that claims as many entries as its bytes could hold.
  const auto with_section = [](narrow::engine::SectionKind kind, const Bytes& content) {
    const Bytes small = small_model();
    auto sections = narrow::engine::open_frame(small, "m.nrw").value();
    sections[kind].bytes = content;
    return narrow::engine::build_frame(sections);
  };
  const auto claim = [](std::vector<std::uint32_t> counts, std::size_t rest) {
    Bytes bytes(counts.size() * 4 + rest, std::byte{0xFF});
    for (std::size_t i = 0; i < counts.size(); ++i) put_number(bytes, 4 * i, 4, counts[i]);
    return bytes;
  };
  constexpr std::size_t kBytes = 16 << 20;
  const std::int64_t before = peak_memory();
  using enum narrow::engine::SectionKind;
  CHECK(mentions(parse_error(with_section(kGraph, claim({kBytes / 29}, kBytes))), "of which it may have 32768"));
  CHECK(mentions(parse_error(with_section(kGraph, claim({0, kBytes / 25}, kBytes))), "of which it may have 16384"));
  CHECK(mentions(parse_error(with_section(kGraph, claim({30000}, kBytes))), "bytes are needed here"));
  CHECK(mentions(parse_error(with_section(kGraph, claim({0, 16000}, kBytes))), "bytes are needed here"));
  Bytes labels(kBytes, std::byte{0});
  put_number(labels, 0, 4, kBytes / 4 - 1);
  CHECK(mentions(parse_error(with_section(kLabels, labels)), "labels, more than classes can be"));
  put_number(labels, 0, 4, 200000);
  CHECK(mentions(parse_error(with_section(kLabels, labels)), "bytes after its end"));
#ifndef __SANITIZE_ADDRESS__                                              // which keeps memory that was freed
  CHECK(peak_memory() - before < 6 * static_cast<std::int64_t>(kBytes));  // two or three copies of the file
#else
  CHECK(peak_memory() >= before);
#endif
}

TEST_CASE("a newer version is refused by naming both versions") {
  Bytes bytes = small_model();
  put_number(bytes, 8, 4, narrow::engine::kFormatVersion + 4);
  narrow::Error error = parse_error(bytes);
  CHECK(error.code == ErrorCode::kUnsupported);
  CHECK(mentions(error, "format version 5"));
  CHECK(mentions(error, "reads version 1"));
  CHECK(mentions(error, "newer Narrow"));

  bytes = small_model();
  put_number(bytes, 12, 4, 9);
  error = parse_error(bytes);
  CHECK(error.code == ErrorCode::kUnsupported);
  CHECK(mentions(error, "numerics version 9"));
  CHECK(mentions(error, "reads version 1"));
}

TEST_CASE("what is not a model is told apart") {
  CHECK(mentions(parse_error({}), "empty"));
  const auto bytes_of = [](const std::string& text) {
    Bytes bytes(text.size());
    std::memcpy(bytes.data(), text.data(), text.size());
    return bytes;
  };
  CHECK(mentions(parse_error(bytes_of("hello, world\n")), "signature"));
  CHECK(mentions(parse_error(bytes_of("PK\x03\x04 and so on")), "PyTorch"));
  CHECK(mentions(parse_error(bytes_of("?NRW\n\n")), "text-mode"));
  Bytes longer = small_model();
  longer.push_back(std::byte{0});
  CHECK(mentions(parse_error(longer), "something follows"));
  Bytes shorter = small_model();
  shorter.pop_back();
  CHECK(mentions(parse_error(shorter), "cut off"));
  CHECK(mentions(parse_error(shorter), "m.nrw, byte 16"));
}

TEST_CASE("an unknown section is skipped only where it says that it may be") {
  // The last section's row made a copy of another kind, with its content at the end.
  const Bytes original = small_model();
  const std::size_t count = narrow::engine::kRequiredSectionKinds;
  const auto with_extra = [&](std::uint32_t kind, std::uint32_t flags) {
    const std::size_t old_table = table_row(count);
    Bytes bytes(original.begin(), original.begin() + static_cast<std::ptrdiff_t>(old_table));
    bytes.resize(table_row(count + 1));
    // One row more may move every section by one alignment.
    const std::size_t alignment = narrow::engine::kSectionAlignment;
    std::size_t end = bytes.size();
    put_number(bytes, 24, 4, count + 1);
    for (std::size_t i = 0; i <= count; ++i) {
      Bytes content{std::byte{42}};
      if (i < count) {
        const std::size_t offset = narrow::testing::get_number(original, table_row(i) + 8, 8);
        const std::size_t size = narrow::testing::get_number(original, table_row(i) + 16, 8);
        content.assign(original.begin() + static_cast<std::ptrdiff_t>(offset),
                       original.begin() + static_cast<std::ptrdiff_t>(offset + size));
      } else {
        put_number(bytes, table_row(i), 4, kind);
        put_number(bytes, table_row(i) + 4, 4, flags);
      }
      const std::size_t begin = (end + alignment - 1) / alignment * alignment;
      bytes.resize(begin);
      bytes.insert(bytes.end(), content.begin(), content.end());
      end = bytes.size();
      put_number(bytes, table_row(i) + 8, 8, begin);
      put_number(bytes, table_row(i) + 16, 8, content.size());
    }
    put_number(bytes, 16, 8, bytes.size());
    repair_checksums(bytes);
    return bytes;
  };
  const auto skipped = Model::parse(with_extra(77, narrow::engine::kSkippable));
  REQUIRE(skipped.ok());
  CHECK(skipped->serialize() == original);
  const narrow::Error needed = parse_error(with_extra(77, 0));
  CHECK(needed.code == ErrorCode::kUnsupported);
  CHECK(mentions(needed, "kind 77"));
  CHECK(mentions(parse_error(with_extra(6, 0)), "twice"));
  CHECK(mentions(parse_error(with_extra(77, 2)), "flags"));
}

TEST_CASE("sections that are missing or overlap or leave gaps are refused") {
  Bytes bytes = small_model();
  put_number(bytes, 24, 4, 6);
  repair_checksums(bytes);
  CHECK_FALSE(Model::parse(bytes).ok());

  bytes = small_model();
  put_number(bytes, table_row(3) + 8, 8, narrow::testing::get_number(bytes, table_row(2) + 8, 8));
  repair_checksums(bytes);
  CHECK(mentions(parse_error(bytes), "not where it must be"));

  bytes = small_model();
  put_number(bytes, table_row(3) + 8, 8, narrow::testing::get_number(bytes, table_row(3) + 8, 8) + 64);
  repair_checksums(bytes);
  CHECK(mentions(parse_error(bytes), "not where it must be"));

  bytes = small_model();
  bytes.resize(bytes.size() + 64);
  put_number(bytes, 16, 8, bytes.size());
  repair_checksums(bytes);
  CHECK(mentions(parse_error(bytes), "bytes follow the last section"));

  bytes = small_model();
  const std::uint64_t end_of_table = table_row(narrow::engine::kRequiredSectionKinds);
  REQUIRE(narrow::testing::get_number(bytes, table_row(0) + 8, 8) == end_of_table);
  const std::uint64_t second = narrow::testing::get_number(bytes, table_row(1) + 8, 8);
  bytes[second - 1] = std::byte{1};
  repair_checksums(bytes);
  CHECK_FALSE(Model::parse(bytes).ok());
}

TEST_CASE("texts that a terminal would obey do not pass") {
  for (const std::string bad : {"\x1b[2J", "a\nb", "\xFF", "\xC0\x80", "\xED\xA0\x80", "\xC2\x9B"}) {
    ModelData data = model_of_everything(1);
    data.labels[0] = bad;
    const Model model = to_model(data);
    CHECK_FALSE(Model::parse(model.serialize()).ok());
    const narrow::testing::TemporaryFolder folder;
    const narrow::Status saved = model.save(folder.path() / "m.nrw");
    REQUIRE_FALSE(saved.ok());
    CHECK(mentions(saved.error(), "label 0"));
    CHECK(std::filesystem::is_empty(folder.path()));
  }
}

TEST_CASE("labels and preprocessing must fit the network") {
  ModelData data = model_of_everything(1);
  data.labels.pop_back();
  CHECK(mentions(parse_error(to_model(data).serialize()), "labels"));
  data.labels.clear();
  CHECK(Model::parse(to_model(data).serialize()).ok());
  data.preprocessing.crop_width += 1;
  CHECK(mentions(parse_error(to_model(data).serialize()), "pixels"));
  data.preprocessing.crop_width -= 1;
  data.preprocessing.channels = 1;
  CHECK(mentions(parse_error(to_model(data).serialize()), "1 channel, the network takes 3"));
}

TEST_CASE("the preparation is stored where it differs from its defaults and only there") {
  const ModelData plain = model_of_everything(1);
  const Bytes without = to_model(plain).serialize();
  const auto stored = [&](auto&& change) {
    ModelData data = plain;
    data.preprocessing.resize = 9;
    change(data.preprocessing);
    const Bytes bytes = to_model(data).serialize();
    const auto back = Model::parse(bytes);
    REQUIRE_MESSAGE(back.ok(), back.error().text());
    CHECK(back->preprocessing() == data.preprocessing);
    CHECK(back->serialize() == bytes);
    return narrow::testing::get_number(bytes, 24, 4) == narrow::engine::kRequiredSectionKinds + 1;
  };
  using narrow::Interpolation;
  using narrow::Preprocessing;
  CHECK(!stored([](Preprocessing&) {}));
  CHECK(!stored([](Preprocessing& p) { p.interpolation = Interpolation::kNearest; }));
  CHECK(!stored([](Preprocessing& p) { p.resize.reset(); }));
  CHECK(stored([](Preprocessing& p) { p.resize_width = 11; }));
  CHECK(stored([](Preprocessing& p) { p.order = narrow::ChannelOrder::kBgr; }));
  CHECK(stored([](Preprocessing& p) { p.antialias = false; }));
  CHECK(stored([](Preprocessing& p) { p.exif_orientation = true; }));
  CHECK(stored([](Preprocessing& p) { p.antialias = false, p.interpolation = Interpolation::kNearest; }));
  for (const auto interpolation :
       {Interpolation::kBicubic, Interpolation::kArea, Interpolation::kLanczos, Interpolation::kHamming}) {
    CHECK(stored([&](Preprocessing& p) { p.interpolation = interpolation; }));
  }
}

TEST_CASE("a preparation section without meaning is refused") {
  ModelData data = model_of_everything(1);
  data.preprocessing.resize = 9;
  data.preprocessing.resize_width = 11;
  const Bytes good = to_model(data).serialize();
  const std::size_t section =
      narrow::testing::get_number(good, table_row(narrow::engine::kRequiredSectionKinds) + 8, 8);
  REQUIRE(section + 6 == good.size());
  const auto with = [&](std::size_t at, std::size_t bytes, std::uint64_t value) {
    Bytes changed = good;
    put_number(changed, section + at, bytes, value);
    repair_checksums(changed);
    return Model::parse(changed).ok() ? std::string("accepted") : parse_error(changed).message;
  };
  CHECK(with(0, 4, 12) == "accepted");
  CHECK(with(0, 4, 0xFFFFFFFF).find("width") != std::string::npos);
  CHECK(with(0, 4, 8193).find("resize_width") != std::string::npos);
  CHECK(with(0, 4, 0).find("defaults") != std::string::npos);
  CHECK(with(4, 1, 1).find("interpolation") != std::string::npos);
  CHECK(with(4, 1, 6).find("interpolation") != std::string::npos);
  CHECK(with(5, 1, 8).find("choice") != std::string::npos);
  CHECK(with(5, 1, 7) == "accepted");
}

TEST_CASE("preprocessing of a gray image comes back equal") {
  ModelData data;
  data.graph.input = data.graph.add_value("input", {1, 1, 1});
  data.graph.output = data.graph.add_node("flat", narrow::graph::Flatten{}, {data.graph.input}).value();
  data.preprocessing.crop_height = data.preprocessing.crop_width = 1;
  data.preprocessing.channels = 1;
  CHECK(Model::parse(to_model(data).serialize()).value().preprocessing() == data.preprocessing);
  data.preprocessing.channels = 3;
  CHECK(mentions(parse_error(to_model(data).serialize()), "3 channels, the network takes 1"));
}

TEST_CASE("a loaded model keeps its weights packed, for any number of sessions, and after its file is gone") {
  const Model original = to_model(model_of_everything(7));
  const narrow::testing::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "m.nrw";
  REQUIRE(original.save(path).ok());
  const Model loaded = Model::load(path).value();
  for (const auto& node : loaded.data().graph.nodes) {
    const narrow::graph::Filter* filter = narrow::graph::filter_of(node);
    if (filter == nullptr || !filter->quantized) continue;
    CHECK(filter->quantized->weights.empty());
    CHECK(filter->quantized->packed.has_value());
  }
  const std::vector<float> input(static_cast<std::size_t>(original.input_shape().elems()), 0.25F);
  const auto scores = [&](const Model& model) {
    std::vector<float> result(static_cast<std::size_t>(model.classes()));
    narrow::Session::create(model).value().run(input, result).value();
    return result;
  };
  const std::vector<float> expected = scores(original);
  CHECK(scores(loaded) == expected);
  CHECK(scores(loaded) == expected);
  std::filesystem::remove(path);
  CHECK(scores(loaded) == expected);
  CHECK(loaded.serialize() == original.serialize());
}

TEST_CASE("a loaded model does not change with its file, whatever is written there and however short it becomes") {
  const Model original = to_model(model_of_everything(7));
  const narrow::testing::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "m.nrw";
  REQUIRE(original.save(path).ok());
  const Model loaded = Model::load(path).value();
  // In place, as `cp other.nrw m.nrw` does.
  {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file << std::string(std::filesystem::file_size(path), 'x');
  }
  CHECK(loaded.serialize() == original.serialize());
  std::filesystem::resize_file(path, 0);
  CHECK(loaded.serialize() == original.serialize());
  CHECK(narrow::Session::create(loaded).ok());
}

TEST_CASE("a mapped model is the same as one that was read") {
  const Model original = to_model(model_of_everything(7));
  const narrow::testing::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "m.nrw";
  REQUIRE(original.save(path).ok());
  narrow::LoadOptions options;
  options.map = true;
  const Model mapped = Model::load(path, options).value();
  CHECK(mapped.serialize() == original.serialize());
  std::filesystem::remove(path);
  CHECK(mapped.serialize() == original.serialize());
}

TEST_CASE("a file larger than allowed is refused before it is read") {
  const narrow::testing::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "m.nrw";
  std::ofstream(path).close();
  std::filesystem::resize_file(path, std::uintmax_t{3} << 30);  // takes no space
  narrow::LoadOptions options;
  options.max_memory_bytes = 1 << 20;
  for (const bool map : {false, true}) {
    options.map = map;
    const auto model = Model::load(path, options);
    REQUIRE_FALSE(model.ok());
    CHECK(model.error().code == ErrorCode::kLimit);
  }
}

TEST_CASE("load reads what save wrote and names the file in errors") {
  const narrow::testing::TemporaryFolder folder;
  const Model model = to_model(model_of_everything(2));
  const auto path = folder.path() / "a model.nrw";
  model.save(path).value();
  CHECK(Model::load(path).value().serialize() == model.serialize());

  const auto missing = Model::load(folder.path() / "none.nrw");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().code == ErrorCode::kNotFound);
  CHECK(mentions(missing.error(), "none.nrw"));
  const auto not_a_file = Model::load(folder.path());
  REQUIRE_FALSE(not_a_file.ok());
  CHECK(not_a_file.error().code == ErrorCode::kIo);
  std::ofstream(folder.path() / "empty.nrw").close();
  CHECK_FALSE(Model::load(folder.path() / "empty.nrw").ok());
}
