// Functions that an ONNX file defines itself.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "importers/onnx/read/allowance.h"
#include "importers/onnx/read/model.h"
#include "narrow/result.h"

namespace narrow::onnx {

// A FunctionProto. Its nodes see no names but its own inputs and each other's outputs.
struct LocalFunction {
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<Node> nodes;
  std::vector<Attribute> defaults;             // of attributes that the calling node does not give
  std::map<std::string, std::int64_t> opsets;  // by domain
};

// Domain, name and overload.
using FunctionKey = std::tuple<std::string, std::string, std::string>;
using LocalFunctions = std::map<FunctionKey, LocalFunction>;

// Replaces each node that calls a function by the function's nodes, with names of their own. `allowance` counts them
// before they are made. Errors: kMalformed (functions that call themselves, more inputs than the function has),
// kUnsupported (a function for another operator set than the file's), kLimit.
[[nodiscard]] Status inline_functions(Model& model, const LocalFunctions& functions, Allowance& allowance,
                                      const std::string& where);

}  // namespace narrow::onnx
