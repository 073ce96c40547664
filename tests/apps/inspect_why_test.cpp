// narrow inspect: why a kernel runs a layer, and how threads share it.
#include <doctest/doctest.h>

#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using narrow::testing::default_model;
using narrow::testing::has;
using narrow::testing::narrow_command;
using narrow::testing::Ran;
using Json = nlohmann::json;

namespace {}  // namespace

TEST_CASE("json always lists the candidates and they are the same every time") {
  const Ran first = narrow_command({"inspect", default_model(), "--json"});
  REQUIRE(first.exit_code == 0);
  CHECK(narrow_command({"inspect", default_model(), "--json"}).out == first.out);
  std::size_t explained = 0;
  const Json document = first.json();
  for (const Json& step : document["session"]["steps"]) {
    if (!step.contains("candidates")) continue;
    ++explained;
    CHECK(step["candidates"][0]["kernel"] == step["kernel"]);
    CHECK(step["candidates"][0]["accepted"] == true);
    for (const Json& candidate : step["candidates"]) {
      CHECK(candidate["accepted"].get<bool>() == candidate.contains("cost_cycles"));
      CHECK(candidate["accepted"].get<bool>() != candidate.contains("reason"));
    }
  }
  CHECK(explained > 10);
}

TEST_CASE("why prints the chosen kernel with its cost beside the others") {
  const Ran plain = narrow_command({"inspect", default_model()});
  const Ran why = narrow_command({"inspect", default_model(), "--why"});
  CHECK(why.exit_code == 0);
  CHECK(why.out.find(plain.out) == 0);
  for (const char* part : {"cycles", "chosen", "convolution_scalar", "nothing is timed", "refuses: it is not 3x3"}) {
    CHECK_MESSAGE(has(why.out, part), part);
  }
  const Ran scalar = narrow_command({"inspect", default_model(), "--why", "--isa", "scalar"});
  CHECK_FALSE(has(scalar.out, "refuses: "));  // there is only one
}

TEST_CASE("inspecting with threads reports how evenly they share each step") {
  const Ran ran = narrow_command({"inspect", default_model(), "--threads", "2", "--json"});
  REQUIRE(ran.exit_code == 0);
  const Json document = ran.json();
  CHECK(document["session"]["threads"] == 2);
  for (const Json& step : document["session"]["steps"]) {
    CHECK(step["fused_with"].is_null() == step.contains("parts"));
    if (!step.contains("parts")) continue;
    CHECK((step["parts"] == 1) == (step["busiest_share"] == 1.0));
  }
  CHECK_MESSAGE(has(narrow_command({"inspect", default_model(), "--threads", "2"}).out, "busiest"), "no table");
}

TEST_CASE("kernels of a float network are not explained but refused as wrong usage") {
  const narrow::testing::TemporaryFolder folder;
  const std::string path = folder.path() / "tiny.onnx";
  narrow::testing::write_onnx(path, narrow::testing::tiny_network());
  for (const std::vector<std::string>& option : {std::vector<std::string>{"--why"}, {"--threads", "2"}}) {
    std::vector<std::string> arguments{"inspect", path};
    arguments.insert(arguments.end(), option.begin(), option.end());
    const Ran ran = narrow_command(arguments);
    CHECK(ran.exit_code == 2);
    CHECK_MESSAGE(has(ran.err, option.front()), ran.err);
  }
}
