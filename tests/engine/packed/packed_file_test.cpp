// Packed weights in a file: sessions that map them, and files that are damaged, forged or for something else.
#include "engine/packed/packed_file.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <map>

#include "engine/isa/isa_choice.h"
#include "engine/model/model_data.h"
#include "engine/nrw/crc32.h"
#include "engine/plan/plan.h"
#include "kernels/cpu_features.h"
#include "narrow/inspect.h"
#include "narrow/session.h"
#include "tests/engine/integer_graph_builder.h"
#include "tests/engine/reference_interpreter.h"
#include "tests/support/allocations/allocations.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace narrow::testing;

namespace {

constexpr std::size_t kHeader = 40;

std::vector<std::byte> read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<std::byte> bytes(text.size());
  if (!text.empty()) std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

void write(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

template <class T>
void put(std::vector<std::byte>& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}
template <class T>
T get(const std::vector<std::byte>& bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// Makes both checksums right again, as a forger would.
void sign(std::vector<std::byte>& bytes) {
  const auto table = get<std::uint32_t>(bytes, 12);
  const auto data = static_cast<std::size_t>(get<std::uint64_t>(bytes, 16));
  const std::span<const std::byte> all(bytes);
  if (data <= bytes.size()) put(bytes, 32, engine::crc32(all.subspan(data)));
  if (kHeader + table <= bytes.size()) {
    put(bytes, 36, engine::crc32(all.subspan(kHeader, table), engine::crc32(all.first(36))));
  }
}

// Where the entry of each layer begins, and its name.
struct EntryPlace {
  std::size_t at, kernel, cycles;
};
std::vector<EntryPlace> entries(const std::vector<std::byte>& bytes) {
  std::size_t at = kHeader + 4 + get<std::uint32_t>(bytes, kHeader);
  const auto count = get<std::uint32_t>(bytes, at);
  at += 4;
  std::vector<EntryPlace> places;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t kernel = at + 5;
    const std::size_t cycles = kernel + 4 + get<std::uint32_t>(bytes, kernel);
    places.push_back({at, kernel, cycles});
    at = cycles + 24;
  }
  return places;
}

struct Packed {
  TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "model.packed";
  std::optional<Model> model;
  SessionOptions options;

  explicit Packed(const Model& made, const std::string& isa = "auto") {
    model = Model::parse(made.serialize()).value();
    options.isa = isa;
    Session::create(*model, options).value().save_packed(path).value();
    options.packed = path.string();
  }
  [[nodiscard]] Error error() const {
    const Result<Session> session = Session::create(*model, options);
    return session.ok() ? Error{ErrorCode::kInternal, "there is none", {}} : session.error();
  }
};

Model small_model() {
  IntegerGraphBuilder b(7, {8, 8, 8});
  auto x = b.quantize(b.input());
  x = b.convolution(x, window(3, 1, 1), 1, 32);
  return to_model(b.finish(b.linear_scores(b.global_average_pool(x), 10)));
}

Model heavy_packed_model() {
  IntegerGraphBuilder b(7, {2, 2, 64});
  auto x = b.quantize(b.input());
  x = b.convolution(x, window(1), 1, 1024);
  x = b.convolution(x, window(1), 1, 1024, 4);
  return to_model(b.finish(b.linear_scores(b.global_average_pool(x), 10)));
}

}  // namespace

TEST_CASE("a session with packed weights of a file gives the scores of one that packs") {
  for (const Model& made :
       {small_model(), heavy_packed_model(), to_model(model_of_everything(3)), to_model(model_of_functions(3))}) {
    const std::vector<float> images = random_images(made.input_shape(), 2, 2);
    std::vector<float> expected(static_cast<std::size_t>(2 * made.classes()));
    Session::create(made, {.isa = "scalar", .max_batch = 2}).value().run(images, expected).value();
    for (const std::string& isa : available_isas()) {
      CAPTURE(isa);
      Packed packed(made, isa);
      packed.options.max_batch = 2;
      packed.options.threads = 3;
      Session session = Session::create(*packed.model, packed.options).value();
      SessionOptions plain = packed.options;
      plain.packed.clear();
      const Session other = Session::create(*packed.model, plain).value();
      const std::vector<StepInfo> a = session.steps();
      const std::vector<StepInfo> b = other.steps();
      REQUIRE(a.size() == b.size());
      for (std::size_t i = 0; i < a.size(); ++i) {
        CHECK(a[i].kernel == b[i].kernel);
        CHECK(a[i].packed_bytes == b[i].packed_bytes);
        CHECK(a[i].parts == b[i].parts);
      }
      Session clone = session.clone().value();
      for (Session* each : {&session, &clone}) {
        std::vector<float> scores(expected.size());
        each->run(images, scores).value();
        CHECK(scores == expected);
      }
      // The bytes of a file do not depend on where its weights were.
      const std::filesystem::path again = packed.folder.path() / "again";
      session.save_packed(again).value();
      CHECK(read(again) == read(packed.path));
    }
  }
}

TEST_CASE("a session with packed weights of a file allocates none") {
  const Packed packed(heavy_packed_model());
  const LargestAllocation largest;
  const long before = allocated_bytes();
  const Session session = Session::create(*packed.model, packed.options).value();
  CHECK(allocated_bytes() - before < static_cast<long>(session.arena_bytes()) + 128 * 1024);
  CHECK(largest.bytes() <= std::max(static_cast<long>(session.arena_bytes()), 64L * 1024));
  // They count for the limit all the same.
  SessionOptions limited = packed.options;
  limited.max_memory_bytes = session.arena_bytes() + 1000;
  CHECK(Session::create(*packed.model, limited).error().code == ErrorCode::kLimit);
}

TEST_CASE("a file that is there no more keeps serving the sessions that map it") {
  std::optional<Packed> packed(small_model());
  const std::vector<float> image = random_images(packed->model->input_shape(), 1, 2);
  const std::vector<float> expected = interpret(packed->model->data().graph, image);
  Session session = Session::create(*packed->model, packed->options).value();
  std::filesystem::remove(packed->path);
  Session clone = session.clone().value();
  packed.reset();
  std::vector<float> scores(expected.size());
  clone.run(image, scores).value();
  CHECK(scores == expected);
}

TEST_CASE("packed weights for something else are an error that says for what") {
  const Model made = small_model();
  for (const std::string& isa : available_isas()) {
    const Packed packed(made, isa);
    for (const std::string& other : available_isas()) {
      if (other == isa) continue;
      SessionOptions options = packed.options;
      options.isa = other;
      const Error error = Session::create(*packed.model, options).error();
      CHECK(error.code == ErrorCode::kInvalidArgument);
      CHECK(error.where == packed.path.string());
      CHECK(error.message.find("isa " + isa) != std::string::npos);
      CHECK(error.message.find("isa " + other) != std::string::npos);
    }
  }
  Packed packed(made);
  const std::string core = Session::create(*packed.model).value().core();
  packed.options.core = core == "zen3" ? "zen4" : "zen3";
  CHECK(packed.error().message.find("core " + packed.options.core) != std::string::npos);
  packed.options.core = "auto";
  // A weight more, and it is another model.
  engine::ModelData data = packed.model->data();
  for (graph::Node& node : data.graph.nodes) {
    graph::Filter* const filter = graph::filter_of(node);
    if (filter != nullptr && filter->quantized) filter->quantized->bias[0] += 1;
  }
  const Model changed = to_model(std::move(data));
  CHECK(Session::create(changed, packed.options).error().code == ErrorCode::kInvalidArgument);  // from no file
  const Model loaded = Model::parse(changed.serialize()).value();
  const Error other = Session::create(loaded, packed.options).error();
  CHECK(other.code == ErrorCode::kInvalidArgument);
  CHECK(other.message.find("model ") != std::string::npos);
  // Labels and preprocessing are not packed.
  engine::ModelData labelled = packed.model->data();
  labelled.labels.assign(10, "one of ten");
  CHECK(Session::create(Model::parse(to_model(std::move(labelled)).serialize()).value(), packed.options).ok());
}

TEST_CASE("a model that was made in this process has no packed weights to bind") {
  const Model made = small_model();
  const Session session = Session::create(made).value();
  const TemporaryFolder folder;
  CHECK(session.save_packed(folder.path() / "a").error().code == ErrorCode::kInvalidArgument);
  CHECK_FALSE(std::filesystem::exists(folder.path() / "a"));
}

TEST_CASE("a file of packed weights that is damaged anywhere is refused") {
  const Packed packed(small_model());
  const std::vector<std::byte> whole = read(packed.path);
  const std::size_t end_of_table = kHeader + get<std::uint32_t>(whole, 12);
  const auto data_at = static_cast<std::size_t>(get<std::uint64_t>(whole, 16));
  const auto refused = [&](std::span<const std::byte> bytes) {
    // A new file, as a process that maps the old one would write.
    std::filesystem::remove(packed.path);
    write(packed.path, bytes);
    const Error error = packed.error();
    return error.code == ErrorCode::kMalformed || error.code == ErrorCode::kInvalidArgument;
  };
  for (std::size_t at = 0; at < whole.size(); at += at < end_of_table ? 1 : 97) {
    if (at >= end_of_table && at < data_at) continue;  // padding, which nothing reads
    std::vector<std::byte> bytes = whole;
    bytes[at] ^= std::byte{0x10};
    CAPTURE(at);
    CHECK(refused(bytes));
  }
  for (std::size_t size = 0; size < whole.size(); size += 1 + size / 8) {
    CAPTURE(size);
    CHECK(refused(std::span(whole).first(size)));
  }
  std::vector<std::byte> longer = whole;
  longer.push_back(std::byte{0});
  CHECK(refused(longer));
  CHECK_FALSE(refused(whole));
  std::filesystem::remove(packed.path);
  CHECK(packed.error().code == ErrorCode::kNotFound);
  std::filesystem::create_directory(packed.path);
  CHECK(packed.error().code == ErrorCode::kIo);
}

TEST_CASE("a file of packed weights whose checksums are right is refused where it does not fit") {
  const Packed packed(small_model());
  const std::vector<std::byte> whole = read(packed.path);
  const std::vector<EntryPlace> places = entries(whole);
  REQUIRE(places.size() == 2);
  const auto forged = [&](const auto& change) {
    std::vector<std::byte> bytes = whole;
    change(bytes);
    sign(bytes);
    std::filesystem::remove(packed.path);
    write(packed.path, bytes);
    return packed.error();
  };
  CHECK(forged([](auto&) {}).message == "there is none");  // that is a good one
  using Bytes = std::vector<std::byte>;
  const std::vector<std::pair<std::string, std::function<void(Bytes&)>>> changes = {
      {"another node", [&](Bytes& b) { put<std::uint32_t>(b, places[0].at, 0); }},
      {"no such node", [&](Bytes& b) { put<std::uint32_t>(b, places[0].at, 4'000'000'000U); }},
      {"the same node", [&](Bytes& b) { put(b, places[0].at, get<std::uint32_t>(b, places[1].at)); }},
      {"a layer in float", [&](Bytes& b) { put<std::uint8_t>(b, places[0].at + 4, 1); }},
      {"a flag of 2", [&](Bytes& b) { put<std::uint8_t>(b, places[0].at + 4, 2); }},
      {"an unknown kernel", [&](Bytes& b) { put<char>(b, places[0].kernel + 4, 'x'); }},
      {"a name that is too long", [&](Bytes& b) { put<std::uint32_t>(b, places[0].kernel, 0xFFFFFFFFU); }},
      {"a cost that is none", [&](Bytes& b) { put(b, places[0].cycles, std::nan("")); }},
      {"a negative cost", [&](Bytes& b) { put(b, places[0].cycles, -1.0); }},
      {"an infinite cost", [&](Bytes& b) { put(b, places[0].cycles, std::numeric_limits<double>::infinity()); }},
      {"an odd offset", [&](Bytes& b) { put<std::uint64_t>(b, places[1].cycles + 8, 63); }},
      {"an offset beyond", [&](Bytes& b) { put<std::uint64_t>(b, places[1].cycles + 8, std::uint64_t{1} << 63); }},
      {"a size beyond", [&](Bytes& b) { put<std::uint64_t>(b, places[1].cycles + 16, ~std::uint64_t{0}); }},
      {"a smaller size", [&](Bytes& b) { put<std::uint64_t>(b, places[0].cycles + 16, 64); }},
      {"more layers", [&](Bytes& b) { put<std::uint32_t>(b, places[0].at - 4, 3); }},
      {"fewer layers", [&](Bytes& b) { put<std::uint32_t>(b, places[0].at - 4, 1); }},
      {"a huge table", [&](Bytes& b) { put<std::uint32_t>(b, 12, 0xFFFFFFFFU); }},
      {"a table to the end", [&](Bytes& b) { put(b, 12, static_cast<std::uint32_t>(b.size() - kHeader)); }},
      {"weights that begin in the table", [&](Bytes& b) { put<std::uint64_t>(b, 16, 0); }},
      {"weights beyond", [&](Bytes& b) { put<std::uint64_t>(b, 16, std::uint64_t{1} << 62); }},
      {"fewer weights", [&](Bytes& b) { put<std::uint64_t>(b, 24, 64); }},
      {"a newer format", [&](Bytes& b) { put<std::uint32_t>(b, 8, 2); }},
  };
  for (const auto& change : changes) {
    const std::string name = change.first;
    CAPTURE(name);
    const Error error = forged(change.second);
    CHECK_MESSAGE(error.code == ErrorCode::kMalformed, error.text());
    CHECK(error.where == packed.path.string());
  }
}

TEST_CASE("the layout of packed weights is that of its version") {
  // Where this fails, a kernel packs in another way: increase kernels::kPackingVersion, and write the new numbers here.
  REQUIRE(kernels::kPackingVersion == 2);
  const std::map<std::string, std::uint32_t> expected = {{"scalar", 750933249},
                                                         {"avx2", 814130491},
                                                         {"avxvnni", 687137499},
                                                         {"avx512vnni", 2440934443},
                                                         {"amx", 622134580}};
  const Model model = Model::parse(to_model(model_of_everything(1)).serialize()).value();
  for (const Isa isa : kernels::compiled_isas()) {
    // The kernels of AMX pack with instructions of AVX512-VNNI.
    const Isa needed = isa == Isa::kAmx ? Isa::kAvx512Vnni : isa;
    if (!kernels::cpu_features().has(kernels::required_features(needed).bits)) continue;
    const std::vector<std::byte> bytes =
        engine::write_packed(model.data().graph, {isa, kernels::Core::kZen4}, "key", std::size_t{1} << 30).value();
    CAPTURE(kernels::isa_name(isa));
    CHECK(engine::crc32(bytes) == expected.at(std::string(kernels::isa_name(isa))));
  }
}
