// Files for --preprocess that are refused.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

namespace narrow::testing {

struct RefusedPreprocessing {
  std::string json;
  std::string part;  // of the message
};

// Each is an error that names the file, with that part, and nothing is evaluated.
inline void check_refused(const std::vector<RefusedPreprocessing>& files) {
  const TemporaryFolder folder;
  const std::string file = folder.path() / "mine.json";
  write_cifar(folder.path() / "pictures.bin", 1);
  for (const RefusedPreprocessing& tried : files) {
    write_file(file, tried.json);
    const Ran ran = narrow_command({"evaluate", default_model(), folder.path() / "pictures.bin", "--preprocess", file});
    CAPTURE(tried.json);
    CHECK(ran.exit_code == 1);
    CHECK_MESSAGE(has(ran.err, tried.part), ran.err);
    CHECK(has(ran.err, "mine.json"));
  }
}

}  // namespace narrow::testing
