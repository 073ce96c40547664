// narrow quantize --calibrate none.
#include <doctest/doctest.h>

#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using narrow::testing::check_fails;
using narrow::testing::default_checkpoint;
using narrow::testing::has;
using narrow::testing::narrow_command;
using narrow::testing::Ran;
using narrow::testing::read_file;
using narrow::testing::run_narrow;
using narrow::testing::TemporaryFolder;
using narrow::testing::write_cifar;

TEST_CASE(
    "a checkpoint is quantized without images to the same bytes every time, and a warning says that it is weaker") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 20);
  const std::string once = folder.path() / "once.nrw";
  const std::string again = folder.path() / "again.nrw";
  const Ran ran = run_narrow({"quantize", default_checkpoint(), "--calibrate", "none", "-o", once, "--threads", "1"});
  for (const char* part : {"BatchNorm statistics, no pictures", "warning: no calibration images", "weaker"}) {
    CHECK_MESSAGE(has(ran.out, part), "'", part, "' is not in: ", ran.out);
  }
  const nlohmann::json report = narrow_command({"quantize", "--json", default_checkpoint(), "--calibrate", "none", "-o",
                                                again, "--threads", "2", "--evaluate", images})
                                    .json();
  CHECK(read_file(once) == read_file(again));
  CHECK(report["evaluation"]["agreement"]["sqnr"]["db"] > 10);
}

TEST_CASE("a network without BatchNorm is refused without images, with what to do instead") {
  const TemporaryFolder folder;
  const std::string network = folder.path() / "tiny.onnx";
  narrow::testing::write_onnx(network, narrow::testing::tiny_network());
  check_fails({"quantize", network, "--calibrate", "none", "-o", folder.path() / "tiny.nrw"}, 1,
              {"no BatchNorm statistics", "give images"});
}

TEST_CASE("what makes no sense without images is refused before anything is computed") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 20);
  const std::string output = folder.path() / "net.nrw";
  check_fails({"quantize", default_checkpoint(), "--calibrate", "none", "--calibrate", images, "-o", output}, 1,
              {"'none' means no images", "leave out one"});
  check_fails({"quantize", default_checkpoint(), "--calibrate", "none", "--equalize", "on", "-o", output}, 1,
              {"--equalize: ", "can't be equalized", "give images"});
  check_fails({"quantize", default_checkpoint(), "--calibrate", "none", "--mix-channels", "on", "-o", output}, 1,
              {"--mix-channels: ", "can't be mixed", "give images"});
  check_fails({"quantize", default_checkpoint(), "--calibrate", "none", "--residual-copies", "on", "-o", output}, 1,
              {"--residual-copies: ", "no narrow copies", "give images"});
  for (const char* share : {"0", "2"}) {
    check_fails({"quantize", default_checkpoint(), "--calibrate", "none", "--max-drop", share, "-o", output}, 1,
                {"--max-drop: ", "can't be measured without images", "a size or time"});
  }
  const std::vector<std::string> per_tensor = {"quantize", default_checkpoint(), "--calibrate", "none", "--weights",
                                               "4",        "--per-tensor",       "-o",          output};
  for (const auto& [option, value] : {std::pair{"--rounding", "output"}, {"--effort", "max"}}) {
    std::vector<std::string> arguments = per_tensor;
    arguments.insert(arguments.end(), {option, value});
    check_fails(arguments, 1, {std::string(option) + ": ", "one scale per layer", "give images"});
  }
}
