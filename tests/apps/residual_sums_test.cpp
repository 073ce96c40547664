// narrow quantize --residual-sums, and where narrow inspect shows it.
#include <doctest/doctest.h>

#include "tests/apps/command.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using narrow::testing::check_fails;
using narrow::testing::default_checkpoint;
using narrow::testing::has;
using narrow::testing::run_narrow;

TEST_CASE("residual-sums chooses whether a convolution is rounded before a residual sum, and inspect shows it") {
  const narrow::testing::TemporaryFolder folder;
  const std::string images = folder.path() / "images.bin";
  const std::string output = folder.path() / "out.nrw";
  narrow::testing::write_cifar(images, 4);
  for (const std::string name : {"auto", "once", "twice"}) {
    CAPTURE(name);
    const bool is_once = name != "twice";
    const auto ran = run_narrow(
        {"quantize", default_checkpoint(), "--calibrate", images, "--residual-sums", name, "--verbose", "-o", output});
    CHECK(has(ran.out, "9 convolutions are added to a residual before the sum is rounded") == is_once);
    CHECK(has(run_narrow({"inspect", output}).out, "not rounded: ") == is_once);
  }
  check_fails({"quantize", default_checkpoint(), "--calibrate", images, "--residual-sums", "never", "-o", output}, 2,
              {"--residual-sums", "once"});
}
