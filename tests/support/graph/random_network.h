// Random networks of everything that passes look at: branches, shared values, batch norms in all places.
#pragma once

#include <string>
#include <vector>

#include "graph/ir.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::testing {

class RandomNetwork {
 public:
  explicit RandomNetwork(unsigned seed) : b_(seed, {7, 6, 3}) {}

  // A float graph whose output is a linear layer or a batch norm. Once per object.
  graph::Graph build();

 private:
  int pick(int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(b_.generator()); }
  bool toss() { return pick(0, 1) == 1; }
  // Mostly one of the newest values, so that the network is deep.
  graph::ValueId any();
  // A value as high and wide as x, or x itself.
  graph::ValueId partner(graph::ValueId x, bool same_channels);

  graph::ValueId step(const std::string& name);
  graph::ValueId layer(const std::string& name, graph::ValueId x);
  graph::ValueId pool(const std::string& name, graph::ValueId x);
  graph::ValueId arithmetic(const std::string& name, graph::ValueId x);
  graph::ValueId function(const std::string& name, graph::ValueId x);
  graph::ValueId movement(const std::string& name, graph::ValueId x);

  GraphBuilder b_;
  std::vector<graph::ValueId> alive_;
};

}  // namespace narrow::testing
