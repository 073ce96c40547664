// The meaning of `narrow`'s exit codes, documented in `narrow --help` and docs/cli.md.
#pragma once

namespace narrow::cli {

enum ExitCode : int {
  kSuccess = 0,
  kFailure = 1,         // the work could not be done: a bad file, a refused option combination, no space, ...
  kUsage = 2,           // the command line is wrong; nothing was read or written
  kPartialFailure = 3,  // classify only: some images were classified and some could not be read
};

}  // namespace narrow::cli
