// The meaning of `narrow`'s exit codes, documented in `narrow --help` and docs/cli.md.
#pragma once

namespace narrow::cli {

enum ExitCode : int {
  kSuccess = 0,
  kFailure = 1,         // the work could not be done: a bad file, a refused option combination, no space, ...
  kUsage = 2,           // the command line is wrong; nothing was read or written
  kPartialFailure = 3,  // classify, embed and report: some images could not be read, and the others were used
};

}  // namespace narrow::cli
