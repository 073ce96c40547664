// Pages of the manual, in the macros that man reads (man(7)).
#pragma once

#include <string>
#include <vector>

#include "apps/options/command_line.h"

namespace narrow::cli {

// The page narrow-COMMAND(1) or, without a name, narrow(1). name: empty, or one of `commands`. description: of the
// whole command.
[[nodiscard]] std::string manual_text(const std::string& name, const std::string& description,
                                      const std::vector<CommandText>& commands);

}  // namespace narrow::cli
