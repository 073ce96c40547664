// ONNX networks as such: bytes choose operators, inputs, attributes and constants, so that every file is well-formed
// and most of what it says reaches an operator's code. Networks that lower are simplified, converted and, if small,
// run.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "engine/model/model_data.h"
#include "graph/ir.h"
#include "importers/onnx/lower/lower_model.h"
#include "importers/onnx/lower/operator_table.h"
#include "importers/onnx/read/reader.h"
#include "narrow/quantize.h"
#include "narrow/session.h"
#include "pipeline/float_model_data.h"
#include "rewrites/simplify.h"
#include "tests/fuzz/fuzz.h"
#include "tests/importers/onnx/builder.h"

namespace narrow::testing {
namespace {

constexpr std::array<std::int64_t, 16> kNumbers = {0,  1,  2,  3,   4,         5,         8,         -1,
                                                   -2, 28, 64, 255, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
constexpr std::array<const char*, 47> kAttributes = {"axis",
                                                     "axes",
                                                     "perm",
                                                     "to",
                                                     "kernel_shape",
                                                     "strides",
                                                     "pads",
                                                     "dilations",
                                                     "group",
                                                     "alpha",
                                                     "beta",
                                                     "epsilon",
                                                     "keepdims",
                                                     "mode",
                                                     "auto_pad",
                                                     "transA",
                                                     "transB",
                                                     "split",
                                                     "starts",
                                                     "ends",
                                                     "value",
                                                     "min",
                                                     "max",
                                                     "ceil_mode",
                                                     "size",
                                                     "bias",
                                                     "blocksize",
                                                     "approximate",
                                                     "num_outputs",
                                                     "stash_type",
                                                     "exclude_outside",
                                                     "scales",
                                                     "coordinate_transformation_mode",
                                                     "nearest_mode",
                                                     "allowzero",
                                                     "num_groups",
                                                     "channels_last",
                                                     "k",
                                                     "shape",
                                                     "steps",
                                                     "largest",
                                                     "block_size",
                                                     "count_include_pad",
                                                     "noop_with_empty_axes",
                                                     "output_padding",
                                                     "output_shape",
                                                     "fmod"};
constexpr std::array<const char*, 12> kTexts = {"constant", "reflect", "edge", "nearest", "linear", "SAME_UPPER",
                                                "VALID",    "DCR",     "CRD",  "none",    "tanh",   "asymmetric"};

// What the bytes choose; zeros when they have run out.
class Choices {
 public:
  Choices(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  [[nodiscard]] bool done() const { return at_ >= size_; }
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : byte() % limit; }
  // Mostly small.
  std::int64_t number() {
    const std::uint8_t choice = byte();
    return choice < 192 ? choice % 6 : kNumbers[choice % kNumbers.size()];
  }
  float real() { return static_cast<float>(byte()) / 16.0F - 4.0F; }

 private:
  std::uint8_t byte() { return done() ? 0 : data_[at_++]; }
  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

OnnxDims dims_of(Choices& choices) {
  OnnxDims dims;
  const std::size_t rank = choices.below(5);
  for (std::size_t i = 0; i < rank; ++i) dims.push_back(static_cast<std::int64_t>(choices.below(5)));
  return dims;
}

onnx::Tensor tensor_of(Choices& choices) {
  const OnnxDims dims = dims_of(choices);
  std::int64_t count = 1;
  for (const std::int64_t dim : dims) count *= dim;
  std::vector<float> reals;
  std::vector<std::int64_t> integers;
  std::vector<std::int8_t> bytes;
  for (std::int64_t i = 0; i < count; ++i) {
    reals.push_back(choices.real());
    integers.push_back(choices.number());
    bytes.push_back(static_cast<std::int8_t>(choices.below(256)));
  }
  switch (choices.below(5)) {
    case 0:
      return int64_tensor(dims, integers);
    case 1:
      return int8_tensor(dims, bytes);
    case 2:
      return uint8_tensor(dims, std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
    default:
      return float_tensor(dims, reals);
  }
}

onnx::Attribute attribute_of(Choices& choices) {
  onnx::Attribute attribute;
  attribute.name = kAttributes[choices.below(kAttributes.size())];
  const auto list = [&](auto element) {
    std::vector<decltype(element())> values;
    const std::size_t count = choices.below(9);
    for (std::size_t i = 0; i < count; ++i) values.push_back(element());
    return values;
  };
  switch (choices.below(6)) {
    case 0:
      attribute.value = choices.real();
      break;
    case 1:
      attribute.value = std::string(kTexts[choices.below(kTexts.size())]);
      break;
    case 2:
    case 3:
      attribute.value = list([&] { return choices.number(); });
      break;
    case 4:
      attribute.value = list([&] { return choices.real(); });
      break;
    default:
      attribute.value = choices.number();
  }
  return attribute;
}

std::string network_of(Choices& choices) {
  constexpr std::size_t kMostNodes = 12;
  const auto operators = onnx::operator_table();
  OnnxBuilder network(static_cast<std::int64_t>(7 + choices.below(15)));
  network.domain("com.microsoft", 1);
  OnnxDims input = choices.below(2) == 0 ? OnnxDims{1, 4, 4, 4} : dims_of(choices);
  const auto type = choices.below(8) == 0 ? onnx::ElementType::kUint8 : onnx::ElementType::kFloat32;
  network.input("x", input, type);
  std::vector<std::string> names{"x"};
  for (std::size_t i = 0; i < kMostNodes && !choices.done(); ++i) {
    const onnx::OperatorRow& row = operators[choices.below(256) % operators.size()];
    const std::string index = std::to_string(i);
    std::vector<std::string> inputs;
    std::size_t count = row.inputs.size();
    if (choices.below(8) == 0) count = choices.below(6);
    for (std::size_t k = 0; k < count; ++k) {
      const std::size_t choice = choices.below(8);
      if (choice < 4 && (k == 0 || choice == 0)) {
        inputs.push_back(names[names.size() - 1 - choices.below(std::min<std::size_t>(names.size(), 3))]);
      } else if (choice == 7) {
        inputs.emplace_back();
      } else {
        inputs.push_back("c" + index + "_" + std::to_string(k));
        network.constant(inputs.back(), tensor_of(choices));
      }
    }
    std::vector<onnx::Attribute> attributes;
    const std::size_t attribute_count = choices.below(4);
    for (std::size_t k = 0; k < attribute_count; ++k) attributes.push_back(attribute_of(choices));
    std::string name(row.name);
    std::string domain;
    if (const std::size_t dot = name.rfind('.'); dot != std::string::npos) {
      domain = name.substr(0, dot);
      name = name.substr(dot + 1);
    }
    std::vector<std::string> outputs{"t" + index};
    if (choices.below(6) == 0) outputs.push_back("u" + index);
    network.node(name, inputs, outputs, attributes, domain);
    names.insert(names.end(), outputs.begin(), outputs.end());
  }
  network.output(names.back());
  return network.bytes();
}

// what: what is guaranteed, for whoever reads the end of a fuzz run.
void check(const Status& status, const char* what) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s: %s\n", what, status.error().text().c_str());
  std::abort();
}

void run(graph::Graph graph) {
  constexpr double kMostOperations = 1e6;
  check(graph::validate(graph), "a lowered network is valid");
  const auto simplified = graph::simplify(graph);
  if (!simplified.ok()) {
    // What the network asks for can be too much, but that is said.
    if (simplified.error().code == ErrorCode::kInternal) check(simplified.error(), "simplifying knows its own rules");
    return;
  }
  if (graph::operations(graph) > kMostOperations) return;
  auto data = std::make_shared<FloatModel::Data>();
  const TensorShape shape = graph.value(graph.input).shape;
  data->graph = std::move(graph);
  data->preprocessing.crop_height = static_cast<int>(std::min<std::int64_t>(shape.height, 8192));
  data->preprocessing.crop_width = static_cast<int>(std::min<std::int64_t>(shape.width, 8192));
  data->preprocessing.channels = shape.channels == 1 ? 1 : 3;
  const auto converted = convert(FloatModel(std::move(data)));
  if (!converted.ok()) return;
  auto session = Session::create(converted->model);
  if (!session.ok()) return;
  const std::vector<float> input(static_cast<std::size_t>(shape.elems()), 0.5F);
  std::vector<float> scores(static_cast<std::size_t>(converted->model.classes()));
  check(session->run(input, scores), "a session runs");
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  // One for each operator, chosen by the byte after those of the input.
  std::vector<std::string> seeds;
  for (std::size_t i = 0; i < std::min<std::size_t>(onnx::operator_table().size(), 256); ++i) {
    std::string seed(64, '\1');
    seed[1] = 6;     // the operator set: 13
    seed[2] = '\0';  // an image
    seed[4] = static_cast<char>(i);
    for (std::size_t k = 5; k < seed.size(); ++k) seed[k] = static_cast<char>(i * 7 + k * 13);
    seeds.push_back(std::move(seed));
  }
  return seeds;
}

}  // namespace narrow::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  narrow::testing::Choices choices(data, size);
  const bool classifier = choices.below(2) == 0;
  const std::string bytes = narrow::testing::network_of(choices);
  const auto model = narrow::onnx::parse_model(std::as_bytes(std::span(bytes)), "fuzz");
  if (!model.ok()) return 0;
  narrow::onnx::LowerOptions options;
  options.input_height = options.input_width = 8;
  options.classifier = classifier;
  auto lowered = narrow::onnx::lower_model(*model, options);
  if (lowered.ok()) narrow::testing::run(std::move(lowered->graph));
  return 0;
}
