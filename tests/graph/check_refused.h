// Graphs that validate() must refuse.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "graph/ir.h"

namespace narrow::testing {

// Checks that a graph is refused; that the error is in `where` ("graph", a node or a value) and names it; and that its
// message holds `reason`.
inline void check_refused(const graph::Graph& graph, const std::string& where, const std::string& reason,
                          ErrorCode code = ErrorCode::kMalformed) {
  const Status status = graph::validate(graph);
  CAPTURE(where);
  CAPTURE(reason);
  REQUIRE_FALSE(status.ok());
  INFO(status.error().text());
  CHECK(status.error().where == where);
  CHECK(status.error().message.find(reason) != std::string::npos);
  if (where != "graph") CHECK(status.error().message.find(where) != std::string::npos);
  CHECK(status.error().code == code);
}

}  // namespace narrow::testing
