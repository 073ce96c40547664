// Tensors that are read by name: equal to the network that ends with them.
#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>

#include "engine/model/model_data.h"
#include "narrow/inspect.h"
#include "narrow/session.h"
#include "tests/engine/integer_graph_builder.h"
#include "tests/engine/reference_interpreter.h"
#include "tests/support/allocations/allocations.h"

using namespace narrow;
using namespace narrow::testing;

namespace {

// The network that computes the real numbers of one tensor, one float for each element.
graph::Graph network_of(const Model& model, const std::string& name) {
  graph::Graph graph = model.data().graph;
  for (graph::ValueId id = 0; graph.has(id); ++id) {
    if (graph.value(id).name == name) graph.output = id;
  }
  if (graph.value(graph.output).quantization) {
    graph.output = graph.add_node("real_numbers", graph::Dequantize{}, {graph.output}).value();
  }
  graph::remove_dead(graph);
  return graph;
}

// Depthwise and pointwise layers on a tensor so large that they work in row tiles, a residual sum that is rounded once,
// and tensors that share bytes.
Model layers_in_one_step() {
  IntegerGraphBuilder b(3, {130, 130, 3});
  auto x = b.convolution(b.quantize(b.input()), window(3, 1, 1), 1, 16);
  x = b.convolution(x, window(3, 1, 1), 16, 16);
  x = b.convolution(x, window(1), 1, 16);
  x = b.max_pool(x, window(9, 8, 0));
  const auto y = b.convolution(x, window(3, 1, 1), 1, 16);
  const auto z = b.residual_sum(y, window(3, 1, 1), 1, x);
  const auto s = b.activation(b.add(b.convolution(z, window(1), 1, 16), z), {-1, 1});
  return to_model(b.finish(b.linear_scores(b.identity(b.flatten(b.global_average_pool(s))), 5)));
}

std::vector<float> read(const Session& session, std::size_t index, std::size_t count) {
  std::vector<float> values(count);
  session.read_output(index, values).value();
  return values;
}

}  // namespace

TEST_CASE("every tensor that exists as a whole can be read by name, and scores stay the same") {
  for (const Model& model : {to_model(model_of_everything(2)), to_model(model_of_functions(2)), layers_in_one_step()}) {
    constexpr std::size_t kBatch = 2;
    const std::vector<float> images = random_images(model.input_shape(), kBatch, 4);
    const std::size_t elems = images.size() / kBatch;
    const std::vector<float> first(images.begin(), images.begin() + static_cast<std::ptrdiff_t>(elems));
    const std::vector<float> second(images.begin() + static_cast<std::ptrdiff_t>(elems), images.end());
    std::vector<float> expected = interpret(model.data().graph, first);
    const std::vector<float> of_second = interpret(model.data().graph, second);
    expected.insert(expected.end(), of_second.begin(), of_second.end());

    SessionOptions options;
    options.max_batch = kBatch;
    std::vector<std::string> readable;
    std::size_t refused = 0;
    for (const TensorInfo& tensor : model.tensors()) {
      options.outputs = {tensor.name};
      const Result<Session> session = Session::create(model, options);
      if (session.ok()) {
        readable.push_back(tensor.name);
        continue;
      }
      CHECK((session.error().code == ErrorCode::kInvalidArgument || session.error().code == ErrorCode::kUnsupported));
      CHECK(session.error().where == tensor.name);
      ++refused;
    }
    CHECK(readable.size() > 8);
    CHECK(refused >= 2);  // the input and the scores at least
    CHECK(refused < readable.size());

    // What the reference computes for each of them, for both images.
    std::map<std::string, std::vector<float>> references;
    for (const std::string& name : readable) {
      const graph::Graph network = network_of(model, name);
      std::vector<float>& real = references[name] = interpret(network, first);
      const std::vector<float> real_of_second = interpret(network, second);
      real.insert(real.end(), real_of_second.begin(), real_of_second.end());
    }

    // All at once, and each alone, because the others change which layers share a step.
    std::vector<std::vector<std::string>> choices{readable};
    for (const std::string& name : readable) choices.push_back({name});
    for (const std::string& isa : available_isas()) {
      CAPTURE(isa);
      for (const std::vector<std::string>& names : choices) {
        options.isa = isa;
        options.threads = names.size() == 1 ? 1 : 3;
        options.outputs = names;
        Session session = Session::create(model, options).value();
        std::vector<float> scores(expected.size());
        session.run(images, scores).value();
        CHECK(scores == expected);
        const std::vector<TensorInfo> outputs = session.outputs();
        REQUIRE(outputs.size() == names.size());
        for (std::size_t i = 0; i < outputs.size(); ++i) {
          CAPTURE(outputs[i].name);
          CHECK(outputs[i].name == names[i]);
          const std::vector<float>& real = references.at(names[i]);
          REQUIRE(static_cast<std::int64_t>(real.size()) == 2 * outputs[i].shape.elems());
          CHECK(read(session, i, real.size()) == real);
          CHECK(session.raw_output(i).size() == real.size() * (outputs[i].quantization ? 1 : sizeof(float)));
        }
      }
    }
  }
}

TEST_CASE("tensors have unique names, from the input to the scores") {
  const Model model = to_model(model_of_everything(2));
  const std::vector<TensorInfo> tensors = model.tensors();
  std::set<std::string> names;
  for (const TensorInfo& tensor : tensors) names.insert(tensor.name);
  CHECK(names.size() == tensors.size());
  CHECK(tensors.front().shape == model.input_shape());
  CHECK(tensors.back().shape.elems() == model.classes());
}

TEST_CASE("the embedding is what the last layer reads") {
  IntegerGraphBuilder b(1, {8, 8, 3});
  const auto x = b.global_average_pool(b.convolution(b.quantize(b.input()), window(3, 1, 1), 1, 24));
  const Model model = to_model(b.finish(b.linear_scores(b.flatten(x), 7)));
  const std::string name = model.embedding();
  CHECK(name.find("flatten") == 0);
  SessionOptions options;
  options.outputs = {name};
  Session session = Session::create(model, options).value();
  CHECK(session.outputs().at(0).shape.elems() == 24);
  IntegerGraphBuilder none(1, {2, 2, 2});
  CHECK(to_model(none.finish(none.flatten(none.input()))).embedding().empty());
}

TEST_CASE("outputs that can't be read are errors that say why, and reading allocates nothing") {
  const Model model = layers_in_one_step();
  SessionOptions options;
  options.outputs = {"nothing"};
  const Result<Session> none = Session::create(model, options);
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().code == ErrorCode::kNotFound);
  CHECK(none.error().where == "nothing");

  options.outputs = {model.embedding()};
  options.max_batch = 2;
  Session session = Session::create(model, options).value();
  std::vector<float> values(16);
  const Status early = session.read_output(0, values);
  REQUIRE_FALSE(early.ok());
  CHECK(early.error().message.find("no run") != std::string::npos);
  CHECK(session.raw_output(0).empty());
  std::vector<float> scores(5);
  session.run(random_images(model.input_shape(), 1, 1), scores).value();
  CHECK_FALSE(session.read_output(1, values).ok());
  CHECK_FALSE(session.read_output(0, std::span(values).first(15)).ok());
  const long before = allocations();
  const bool read = session.read_output(0, values).ok();
  CHECK(allocations() == before);
  CHECK(read);
  CHECK(session.raw_output(1).empty());
  // A run that fails leaves nothing to read.
  std::vector<float> image = random_images(model.input_shape(), 1, 1);
  Session clone = session.clone().value();
  REQUIRE(clone.outputs().size() == 1);
  clone.run(image, scores).value();
  CHECK(clone.read_output(0, values).ok());
}
