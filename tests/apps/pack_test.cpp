// `narrow pack`: the file that a program maps.
#include <doctest/doctest.h>

#include "narrow/session.h"
#include "tests/apps/command.h"
#include "tests/support/data.h"

using namespace narrow::testing;

TEST_CASE("a packed file of either command serves sessions on its instruction set") {
  const TemporaryFolder folder;
  const std::string model_path = folder.path() / "m.nrw";
  write_file(model_path, read_file(default_model()));
  const narrow::Model model = narrow::Model::load(model_path).value();
  const std::vector<float> input(static_cast<std::size_t>(model.input_shape().elems()), 0.25F);
  std::vector<float> expected(static_cast<std::size_t>(model.classes()));
  narrow::Session::create(model).value().run(input, expected).value();
  std::string first;
  for (const char* program : {"narrow", "narrow-small"}) {
    for (const char* isa : {"scalar", "auto"}) {
      const Ran ran =
          narrow_command({"pack", model_path, "--isa", isa, "--json"},
                         {.environment = {}, .stdout_path = "", .stdin_path = "/dev/null", .program = program});
      REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
      const std::string chosen = ran.json()["isa"];
      const std::string output = ran.json()["output"];
      CHECK(output == model_path + "." + chosen + ".packed");
      CHECK(ran.json()["output_bytes"] == std::filesystem::file_size(output));
      narrow::SessionOptions options;
      options.isa = isa;
      options.packed = output;
      std::vector<float> scores(expected.size());
      narrow::Session::create(model, options).value().run(input, scores).value();
      CHECK(scores == expected);
      // Both commands have one library.
      if (std::string(isa) == "scalar") {
        if (first.empty()) first = read_file(output);
        CHECK(read_file(output) == first);
      }
    }
  }
}

TEST_CASE("packing replaces packed files and nothing else") {
  const TemporaryFolder folder;
  const std::string output = folder.path() / "packed";
  run_narrow({"pack", default_model(), "-o", output});
  run_narrow({"pack", default_model(), "-o", output});
  write_file(folder.path() / "notes", "mine");
  check_fails({"pack", default_model(), "-o", folder.path() / "notes"}, 1, {"will not be replaced"});
  CHECK(read_file(folder.path() / "notes") == "mine");
  check_fails({"pack", folder.path() / "missing.nrw"}, 1, {"missing.nrw"});
  check_fails({"pack", default_model(), "--isa", "mmx"}, 2, {"mmx"});
  write_file(folder.path() / "own.nrw", read_file(default_model()));
  check_fails({"pack", folder.path() / "own.nrw", "-o", folder.path() / "own.nrw"}, 1, {"own.nrw"});
}
