// Fuzzes the whole way of a hostile .nrw file: parse, serialize, compile, run.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "narrow/inspect.h"
#include "narrow/model.h"
#include "narrow/session.h"
#include "tests/engine/integer_graph_builder.h"
#include "tests/engine/nrw/nrw_surgery.h"
#include "tests/fuzz/fuzz.h"

namespace {

// What runs in a moment; the rest is only compiled.
constexpr std::int64_t kMaxMacs = 2'000'000;
constexpr std::int64_t kMaxElems = 200'000;

void check(bool promise) {
  if (!promise) std::abort();
}

bool is_small(const narrow::Model& model) {
  std::int64_t macs = 0;
  std::int64_t elems = model.input_shape().elems();
  for (const narrow::LayerInfo& layer : model.layers()) {
    if (layer.macs > kMaxMacs || layer.output.elems() > kMaxElems) return false;
    macs += layer.macs;
    elems += layer.output.elems();
  }
  return macs <= kMaxMacs && elems <= kMaxElems;
}

void exercise(std::span<const std::byte> bytes) {
  const auto model = narrow::Model::parse(bytes, "fuzz");
  if (!model.ok()) return;
  // What is read can be written, and that is its canonical form.
  const std::vector<std::byte> again = model->serialize();
  const auto back = narrow::Model::parse(again, "again");
  check(back.ok());
  check(back->serialize() == again);
  if (!is_small(*model)) return;
  std::vector<float> first;
  for (const std::string& isa : narrow::available_isas()) {
    narrow::SessionOptions options;
    options.isa = isa;
    auto session = narrow::Session::create(*model, options);
    if (!session.ok()) return;
    std::vector<float> input(static_cast<std::size_t>(model->input_shape().elems()));
    std::iota(input.begin(), input.end(), -5.0F);
    std::vector<float> scores(static_cast<std::size_t>(model->classes()));
    check(session->run(input, scores).ok());
    if (first.empty()) first = scores;
    check(std::memcmp(first.data(), scores.data(), scores.size() * sizeof(float)) == 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  exercise(bytes);
  // Random changes do not get past the checksums; with those repaired they do.
  std::vector<std::byte> repaired(bytes.begin(), bytes.end());
  narrow::testing::repair_checksums(repaired);
  exercise(repaired);
  return 0;
}

namespace narrow::testing {

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> seeds;
  const auto add = [&seeds](engine::ModelData data) {
    const std::vector<std::byte> bytes = to_model(std::move(data)).serialize();
    seeds.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  add(model_of_everything(1));
  add(model_of_functions(1));
  for (const int length : {0, 1, 3, 6}) add(random_model(static_cast<unsigned>(length), length));
  return seeds;
}

}  // namespace narrow::testing
