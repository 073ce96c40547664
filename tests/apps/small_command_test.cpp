// The small command runs .nrw models as the full one does, and says what it is where it can't.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/apps/command.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using namespace narrow::testing;

namespace {

Ran small_command(const std::vector<std::string>& arguments) {
  return narrow_command(arguments, {.environment = {}, .stdout_path = "", .program = "narrow-small"});
}

}  // namespace

TEST_CASE("the small command writes the scores that the full one writes") {
  const TemporaryFolder folder;
  const std::string images = (folder.path() / "images.bin").string();
  write_cifar(images, 20);
  const std::string scores = (folder.path() / "small.f32").string();
  const Ran ran = small_command({"evaluate", default_model().string(), images, "--scores", scores});
  REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
  CHECK(read_file(scores) == scores_of(default_model().string(), images));
}

TEST_CASE("the small command inspects and classifies and compares models as the full one does") {
  const TemporaryFolder folder;
  const std::string images = (folder.path() / "images.bin").string();
  write_cifar(images, 20);
  const std::string model = default_model().string();
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"inspect", model, "--json"}, std::vector<std::string>{"inspect", model, "--why"}}) {
    const Ran ran = small_command(arguments);
    CHECK(ran.exit_code == 0);
    CHECK(ran.out == run_narrow(arguments).out);
  }
  const Ran compared = small_command({"evaluate", model, model, images, "--json"});
  REQUIRE_MESSAGE(compared.exit_code == 0, compared.err);
  CHECK(compared.json()["agreement"] == run_narrow({"evaluate", model, model, images, "--json"}).json()["agreement"]);
}

TEST_CASE("the small command refuses a float network with the way to the full one") {
  const Ran ran = small_command({"inspect", default_checkpoint().string()});
  CHECK(ran.exit_code == 1);
  CHECK(ran.out.empty());
  for (const char* part : {"cifar10_resnet20b.pth", "is a float network", "./dev build", "narrow quantize"}) {
    CHECK_MESSAGE(has(ran.err, part), ran.err);
  }
}

TEST_CASE("the small command has the commands and options of models alone") {
  const Ran help = small_command({"--help"});
  CHECK(help.exit_code == 0);
  CHECK(has(help.out, "small command"));
  for (const char* absent : {"sweep", "operators", "resnet20.pth", "MODEL.onnx"}) CHECK_FALSE(has(help.out, absent));
  CHECK_FALSE(has(small_command({"inspect", "--help"}).out, "--arch"));
  const Ran quantize = small_command({"quantize", "net.onnx"});
  CHECK(quantize.exit_code == 2);
  CHECK_MESSAGE(has(quantize.err, "the full command has it"), quantize.err);
  CHECK(has(small_command({"--version"}).out, "(small)"));
}

TEST_CASE("the small command does not replace a network with scores") {
  const TemporaryFolder folder;
  const std::string images = (folder.path() / "images.bin").string();
  write_cifar(images, 2);
  const std::string precious = (folder.path() / "precious.pth").string();
  write_file(precious, read_file(default_checkpoint()));
  const Ran ran = small_command({"evaluate", default_model().string(), images, "--scores", precious});
  CHECK(ran.exit_code == 1);
  CHECK_MESSAGE(has(ran.err, "will not be replaced"), ran.err);
  CHECK(read_file(precious) == read_file(default_checkpoint()));
}
