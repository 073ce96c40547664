// Compares a network by name with what a pickled module says about its layers. The module's code is not run, so what
// it says otherwise would be lost without a word.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "graph/ir.h"
#include "importers/weights/declared_module.h"
#include "narrow/result.h"

namespace narrow::importers {

struct DeclaredLayersOptions {
  std::string architecture;     // for messages
  bool keep_epsilon = false;    // the network's epsilon was asked for; otherwise the module's is taken
  bool ignore_padding = false;  // padding was asked for that no module declares
};

// Sets the epsilon of BatchNorm to what the modules say, and compares everything else that is fixed by the
// architecture: classes, kernels, strides, padding, dilation, groups, pooling. A layer without a module is a call of a
// function, which the file does not declare. Does nothing if there are no modules.
// Error: kUnsupported, all differences; graph is then not to be used.
[[nodiscard]] Status apply_declared_layers(std::span<const DeclaredModule> modules,
                                           const DeclaredLayersOptions& options, graph::Graph& graph,
                                           std::vector<std::string>& notes);

}  // namespace narrow::importers
