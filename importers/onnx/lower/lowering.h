// The state of one lowering. The handlers of all operators use it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "importers/onnx/fold/budget.h"
#include "importers/onnx/lower/graph_writer.h"
#include "importers/onnx/lower/layout.h"
#include "importers/onnx/lower/lower_model.h"
#include "importers/onnx/lower/names.h"
#include "importers/onnx/lower/node_error.h"
#include "importers/onnx/read/model.h"

namespace narrow::onnx {

// Notes for the user about an import, one line each.
class Log {
 public:
  void add(std::string line);
  // line: the end of a line about a layer. Layers with the same end share a line, which begins with their number.
  void add_layer(const std::string& line);
  // The lines of add(), then those of add_layer(), each in the order of their first call.
  [[nodiscard]] std::vector<std::string> take();

  // Facts that the user should know, because the file could be understood otherwise.
  void note(std::string line) { notes_.push_back(std::move(line)); }
  [[nodiscard]] std::vector<std::string> take_notes() { return std::move(notes_); }

 private:
  std::vector<std::string> lines_;
  std::vector<std::string> notes_;
  std::vector<std::pair<std::string, int>> layers_;  // with the number of layers
};

// The tensor that becomes the network's output.
struct ChosenScores {
  std::string tensor;
  bool asked = false;       // by name
  bool is_negated = false;  // the smallest number of the tensor is that of the best class
  std::vector<std::string> notes;
};

struct Lowering {
  Lowering(const Model& from, const LowerOptions& with, ChosenScores chosen)
      : model(from),
        options(with),
        scores(std::move(chosen)),
        names(from, scores.tensor),
        budget(from, with.more_elements) {}
  Lowering(const Lowering&) = delete;  // the layout refers to the graph
  Lowering& operator=(const Lowering&) = delete;

  const Model& model;
  const LowerOptions options;
  const ChosenScores scores;
  Names names;
  Budget budget;  // of everything that is made of the model
  GraphWriter graph{budget};
  Layout layout{graph, budget};
  Log log;
  // The batch that the file specifies for the network's input. Here it is 1.
  std::int64_t batch_of_file = 1;
  PixelRange pixel_range = PixelRange::kNotSpecified;
};

}  // namespace narrow::onnx
