// A file of weights that holds several networks.
#pragma once

#include <string>

namespace narrow::testing {

// The weights of a checkpoint under the prefix "one", and beside them "two", whose last layer has the opposite signs.
void write_two_weights(const std::string& path);

}  // namespace narrow::testing
