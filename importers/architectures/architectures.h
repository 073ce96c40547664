// Networks by name. They supply the graph, which a state dict does not hold.
#pragma once

#include <string>
#include <vector>

#include "graph/ir.h"
#include "importers/weights/choose_weights.h"
#include "importers/weights/state_dict.h"
#include "narrow/architecture_options.h"
#include "narrow/architectures.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow::importers {

struct Network {
  graph::Graph graph;               // float, not simplified: BatchNorm, Activation and Identity are nodes of their own
  std::string architecture;         // the name, given or recognised
  Preprocessing preprocessing;      // the architecture's usual one; crop equals the graph's input
  std::vector<std::string> notes;   // what was ignored, one sentence each
  std::vector<std::string> labels;  // CIFAR-10's for 10 classes at 32x32, else empty
};

// Builds the network `options.name`, or the network that the keys determine if it is empty. Nodes are named after their
// keys ("layer1.0.conv1", "layer1.0.bn1"). Nodes without weights are named after their module ("layer1.0.relu1").
// Errors: kNotFound (unknown name, or not recognised: lists all names), kInvalidArgument (an option that does not
// apply, or missing, unexpected and wrongly shaped keys: all of them in one error).
[[nodiscard]] Result<Network> build_network(const StateDict& weights, const ArchitectureOptions& options);

// Error: kNotFound, the name is not empty and of no architecture; lists all names.
[[nodiscard]] Status check_architecture_name(const std::string& name);

// How to choose the weights of a network in a file of weights.
[[nodiscard]] ChoiceOptions weights_choice(const ArchitectureOptions& options);

// All networks, with what is usual for each.
[[nodiscard]] std::vector<ArchitectureInfo> architecture_table();
// All names, in the order in which users see them.
[[nodiscard]] std::vector<std::string> architecture_names();

}  // namespace narrow::importers
