// The command line itself: help, version, and wrong usage, with exit code 2 and a message that names the valid values.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "narrow/quantize_options.h"
#include "narrow/session.h"
#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using narrow::testing::has;
using narrow::testing::narrow_command;
using narrow::testing::Ran;

namespace {

// Wrong usage that must mention all of `parts`, on stderr and as JSON.
void check_usage(std::vector<std::string> arguments, const std::vector<std::string>& parts) {
  const Ran ran = narrow_command(arguments);
  CHECK(ran.exit_code == 2);
  CHECK(ran.out.empty());
  CHECK_MESSAGE(ran.err.rfind("narrow: ", 0) == 0, ran.err);
  for (const std::string& part : parts) CHECK_MESSAGE(has(ran.err, part), "'", part, "' is not in: ", ran.err);

  arguments.push_back("--json");
  const nlohmann::json document = narrow_command(arguments).json();
  REQUIRE(document.contains("error"));
  CHECK(document["error"]["exit_code"] == 2);
  CHECK(has(ran.err, document["error"]["message"].get<std::string>()));
}

}  // namespace

TEST_CASE("help lists the commands and the exit codes and every command has examples") {
  const Ran ran = narrow_command({"--help"});
  CHECK(ran.exit_code == 0);
  CHECK(ran.err.empty());
  for (const char* word : {"classify", "quantize", "evaluate", "compare", "report", "sweep", "bench", "inspect",
                           "trace", "embed", "convert", "architectures", "operators", "Exit codes", "PICTURES"}) {
    CHECK_MESSAGE(has(ran.out, word), word);
    if (word[0] < 'a') continue;
    const Ran help = narrow_command({word, "--help"});
    CHECK(help.exit_code == 0);
    CHECK(help.err.empty());
    CHECK_MESSAGE(has(help.out, std::string("  narrow ") + word), help.out);
    CHECK_MESSAGE(has(help.out, "--json"), help.out);
  }
}

TEST_CASE("the help of each command fits one screen and the help of all options has every one") {
  for (const char* command : {"classify", "quantize", "evaluate", "compare", "report", "sweep", "bench", "inspect",
                              "trace", "embed", "convert", "architectures", "operators"}) {
    CAPTURE(command);
    const std::string help = narrow_command({command, "--help"}).out;
    CHECK(std::count(help.begin(), help.end(), '\n') <= 60);
    const Ran all = narrow_command({command, "--help-all"});
    CHECK(all.exit_code == 0);
    // What is only named there is explained here.
    CHECK(!has(all.out, "--help-all explains"));
    if (!has(help, "--arch,")) continue;
    CHECK(has(help, "--help-all explains"));
    CHECK(has(all.out, "--arch NAME"));
    CHECK(has(all.out, "--state-dict KEY"));
    CHECK(!has(all.out, "resnet18"));
  }
}

TEST_CASE("the architectures are a table and a document") {
  const Ran table = narrow_command({"architectures"});
  CHECK(table.exit_code == 0);
  CHECK(std::count(table.out.begin(), table.out.end(), '\n') == 42);
  CHECK_MESSAGE(has(table.out, "resnet18             224x224x3     11.69 M     1000  imagenet\n"), table.out);
  const nlohmann::json rows = narrow_command({"architectures", "--json"}).json()["architectures"];
  REQUIRE(rows.size() == 41);
  for (const nlohmann::json& row : rows) {
    CHECK(row["parameters"] > 70000);
    CHECK(row["preprocessing"]["crop_height"] == row["input_size"]);
    CHECK(has(table.out, row["name"].get<std::string>()));
  }
}

TEST_CASE("the version is one line") {
  const Ran ran = narrow_command({"--version"});
  CHECK(ran.exit_code == 0);
  CHECK(ran.out.rfind("narrow ", 0) == 0);
  CHECK(ran.out.find('\n') == ran.out.size() - 1);
}

TEST_CASE("a missing or unknown command is answered with the commands") {
  const char* const all =
      "classify, quantize, evaluate, compare, report, sweep, bench, inspect, trace, embed, convert, bundle, "
      "embed-source, pack, architectures, operators";
  check_usage({}, {all});
  check_usage({"clasify"}, {"'clasify'", all});
}

TEST_CASE("an output that does not say what to write is answered with what can be written") {
  for (const char* output : {"m", "m.pth", "nrw"}) {
    check_usage({"convert", "w.pth", "-o", output}, {".nrw", ".safetensors", ".onnx"});
  }
}

TEST_CASE("an unknown option is named") {
  check_usage({"inspect", "m.nrw", "--wrong"}, {"inspect", "--wrong", "narrow inspect --help"});
}

TEST_CASE("mistyped commands, options and values are answered with what was probably meant") {
  struct Case {
    std::vector<std::string> arguments;
    std::vector<std::string> parts;
  };
  const std::vector<Case> cases = {
      {{"--hepl"}, {"unknown option '--hepl'; did you mean '--help'?"}},
      {{"--verison"}, {"unknown option '--verison'; did you mean '--version'?"}},
      {{"--threads=2"}, {"unknown option '--threads'; options come after the command; the commands are"}},
      {{"inspect", "m.onnx", "--arch", "resnet20"}, {"did you mean 'cifar_resnet20'?"}},
      {{"evaluate", "m.onnx", "a", "--interpolation", "cubic"}, {"did you mean 'bicubic'?"}},
      {{"evaluate", "m.onnx", "a", "--antialias", "true"}, {"did you mean 'on'?"}},
      {{"evaluate", "m.onnx", "a", "--antialias", "no"}, {"did you mean 'off'?"}},
      {{"quantize", "w.pth", "--calibrate", "p", "-o", "x.nrw", "--weights", "int8"}, {"did you mean 8?"}},
      {{"quantize", "w.pth", "--calibrate", "p", "-o", "x.nrw", "--activations", "4-bit"}, {"did you mean 4?"}},
      {{"quantize", "w.pth", "--calibrate", "p", "-o", "x.nrw", "--effort", "fastest"}, {"did you mean 'fast'?"}},
      {{"bench", "m.nrw", "--scenario", "singelstream"}, {"did you mean 'SingleStream'?"}},
      {{"inspect", "--hepl"}, {"unknown option '--hepl'; did you mean '--help'?"}},
      {{"evaluate", "m.onnx", "a", "--resize", "non"}, {"did you mean 'none'?"}},
      {{"sweep", "w.pth", "--calibrate", "p", "--evaluate", "p", "-o", "s", "--bits", "8,4"},
       {"'8,4'", "such as 8 or 4/8", "separated by spaces"}},
      {{"embed-source", "m.nrw", "-o", "a.cpp", "--function", "class"}, {"'class' is a word of C++", "class_model"}},
      {{"inpect", "m.nrw"}, {"unknown command 'inpect'; did you mean 'inspect'?"}},
      {{"clasify"}, {"did you mean 'classify'?"}},
      {{"quantise", "m.pth"}, {"did you mean 'quantize'?"}},
      {{"eval", "m.nrw", "a"}, {"did you mean 'evaluate'?"}},
      {{"classify", "--modle", "m.nrw", "cat.jpg"}, {"unknown option '--modle'; did you mean '--model'?"}},
      // The unknown option comes before what is missing because of it.
      {{"classify", "--modle", "m.nrw"}, {"unknown option '--modle'"}},
      {{"quantize", "w.pth", "--calibrat", "p", "-o", "x.nrw"},
       {"unknown option '--calibrat'; did you mean '--calibrate'?"}},
      {{"quantize", "w.pth", "--calibrate", "p", "--ouput=x.nrw"},
       {"unknown option '--ouput'; did you mean '--output'?"}},
      {{"quantize", "w.pth", "--calibrate", "p", "-o", "x.nrw", "--bits", "4"},
       {"unknown option '--bits'; did you mean --weights and --activations?"}},
      {{"quantize", "w.pth", "--calibrate", "p", "-o", "x.nrw", "--weights", "4/8"}, {"--weights 4 --activations 8"}},
      {{"evaluate", "m.nrw", "a", "--batch-size", "4"}, {"did you mean --batch?"}},
      {{"inspect", "m.onnx", "--img-size", "64"}, {"did you mean --input-size?"}},
      {{"inspect", "m.onnx", "--arch", "resnet_18"}, {"did you mean 'resnet18'?"}},
      {{"inspect", "m.onnx", "--arch", "mobilenetv2"}, {"did you mean 'mobilenet_v2'?"}},
      {{"evaluate", "m.onnx", "a", "--preprocess", "imagnet"}, {"did you mean 'imagenet'?"}},
      {{"inspect", "m.onnx", "extra"}, {"unexpected argument 'extra'"}},
      // What is left over is meant for what is missing.
      {{"quantize", "w.pth", "photos", "-o", "x.nrw"}, {"--calibrate is required; did you mean --calibrate photos?"}},
      {{"convert", "w.pth", "x.onnx"}, {"--output is required; did you mean --output x.onnx?"}},
      // Commands and units of other tools.
      {{"predict", "cat.jpg"}, {"unknown command 'predict'; did you mean 'classify'?"}},
      {{"export", "w.pth"}, {"did you mean 'convert'?"}},
      {{"info", "w.pth"}, {"did you mean 'inspect'?"}},
      {{"classify", "--weights", "m.nrw", "a.png"}, {"did you mean --model?"}},
      {{"quantize", "w.pth", "--calibrate", "p", "-o", "x.nrw", "--per-channel"}, {"unless --per-tensor is given"}},
      {{"quantize", "w.pth", "--calibrate", "p", "-o", "x.nrw", "--size", "200kB"}, {"did you mean 200000?"}},
      {{"quantize", "w.pth", "--calibrate", "p", "-o", "x.nrw", "--size", "3M"}, {"did you mean 3000000?"}},
  };
  for (const Case& tried : cases) {
    CAPTURE(tried.arguments.front());
    check_usage(tried.arguments, tried.parts);
  }
}

TEST_CASE("a network among the images of classify is answered with the command that was meant") {
  const narrow::testing::TemporaryFolder folder;
  const std::string image = folder.path() / "a.ppm";
  narrow::testing::write_image(image, 32, 32);
  const std::string model = narrow::testing::default_model();
  check_usage({"classify", model, image}, {model, "is a network", "narrow classify --model " + model + " " + image});
  check_usage({"classify", model}, {"narrow classify --model " + model + " PICTURE"});
}

TEST_CASE("a file without a command is answered with the commands for it") {
  const narrow::testing::TemporaryFolder folder;
  const std::string image = folder.path() / "a.ppm";
  narrow::testing::write_image(image, 32, 32);
  const std::string model = narrow::testing::default_model();
  check_usage({image}, {"did you mean: narrow classify " + image + "?"});
  check_usage({folder.path()}, {"did you mean: narrow classify " + folder.path().string() + "?"});
  check_usage({model, image}, {"narrow classify --model " + model + " PICTURE, or narrow inspect " + model + "?"});
  check_usage({"evaluate", folder.path(), model}, {"narrow evaluate " + model + " " + folder.path().string()});
}

TEST_CASE("an option given twice, without its value, or with one that excludes it is answered in plain words") {
  check_usage({"classify", "--top", "3", "--top", "4", "a.png"}, {"--top is given more than once; give it once"});
  check_usage({"quantize", "w.pth", "--calibrate", "p", "-o", "a.nrw", "--output", "b.nrw"},
              {"--output is given more than once"});
  for (const auto& [last, said] : {std::pair("--top", "--top needs a value: K"), {"--labels", "needs a value: FILE"}}) {
    const Ran ran = narrow_command({"classify", "a.png", last});
    CHECK(ran.exit_code == 2);
    CHECK_MESSAGE(has(ran.err, said), ran.err);
  }
  check_usage({"quantize", "w.pth", "--calibrate", "p", "-o", "x.nrw", "--max-drop", "1", "--size", "9"},
              {"--max-drop and --size can't be given together; leave out one of them"});
}

TEST_CASE("a flag given twice is an error too") {
  check_usage({"classify", "a.png", "--recursive", "--recursive"},
              {"--recursive is given more than once", "narrow classify --help"});
  check_usage({"quantize", "a.onnx", "--verbose", "--calibrate", "b", "--verbose", "-o", "c.nrw"},
              {"--verbose", "once"});
}

TEST_CASE("a list that is read is not overwritten by what is written about it") {
  const narrow::testing::TemporaryFolder folder;
  const std::string image = folder.path() / "a.ppm";
  narrow::testing::write_image(image, 32, 32);
  const std::string list = folder.path() / "list.tsv";
  const std::string text = "a.ppm\t0\n";
  narrow::testing::write_file(list, text);
  const std::string model = narrow::testing::default_model();
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"evaluate", model, list, "--scores", list},
        {"classify", list, "--jsonl", "--output", list},
        {"classify", list, "--jsonl", "--resume", "--output", list},
        {"classify", image, "--labels", list, "--jsonl", "--output", list},
        {"sweep", narrow::testing::default_checkpoint(), "--calibrate", list, "--evaluate", list, "-o",
         (folder.path() / "s").string(), "--csv", list}}) {
    narrow::testing::check_fails(arguments, 1, {"list.tsv", "is an input of this command"});
    CHECK(narrow::testing::read_file(list) == text);
  }
}

TEST_CASE("the option that raises a limit is named beside the file") {
  const std::string model = narrow::testing::default_model();
  const narrow::testing::TemporaryFolder folder;
  const std::string image = folder.path() / "a.ppm";
  narrow::testing::write_image(image, 32, 32);
  const auto fails = [&](const std::vector<std::string>& arguments, const std::vector<std::string>& parts) {
    narrow::testing::check_fails(arguments, 1, parts);
  };
  for (const std::vector<std::string>& command : {std::vector<std::string>{"classify", image, "--model", model},
                                                  {"inspect", model},
                                                  {"bench", model},
                                                  {"embed", model, image, "-o", folder.path() / "v.npy"},
                                                  {"compare", model, model, image},
                                                  {"report", model, "--duration", "0.01"}}) {
    CAPTURE(command[0]);
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--max-operations", "1000"});
    fails(arguments, {model, "one image takes", "--max-operations N allows more"});
    arguments = command;
    arguments.insert(arguments.end(), {"--max-memory", "0.0001"});
    fails(arguments, {model, "max_memory_bytes", "--max-memory GIB allows more"});
  }
  CHECK(narrow_command({"inspect", model, "--max-memory", "0.1", "--max-operations", "1e9"}).exit_code == 0);
  const std::string onnx = folder.path() / "a.onnx";
  narrow::testing::write_onnx(onnx, narrow::testing::tiny_network());
  const std::string out = folder.path() / "out";
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"classify", image, "--model", onnx},
        {"bench", onnx},
        {"compare", onnx, onnx, image},
        {"quantize", onnx, "--calibrate", image, "-o", out},
        {"trace", onnx, image, "-o", out},
        {"trace", model, image, "-o", out},
        {"pack", model, "-o", out},
        {"sweep", onnx, "--calibrate", image, "--evaluate", image, "-o", out}}) {
    CAPTURE(command[0]);
    const std::string& network = command[0] == "classify" ? command[3] : command[1];
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--max-operations", "100"});
    fails(arguments, {network, "one image takes", "--max-operations N allows more"});
    arguments = command;
    arguments.insert(arguments.end(), {"--max-memory", "1e-7"});
    fails(arguments, {network, "max_memory_bytes", "--max-memory GIB allows more"});
    CHECK_FALSE(std::filesystem::exists(out + "/000_input.real.npy"));
  }
  // Those of float weights are not ignored, nor refused.
  const std::string weights = narrow::testing::default_checkpoint();
  for (const std::vector<std::string>& command : {std::vector<std::string>{"classify", image, "--model", weights},
                                                  {"bench", weights},
                                                  {"trace", weights, image, "-o", out}}) {
    CAPTURE(command[0]);
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--max-operations", "100"});
    fails(arguments, {weights, "one image takes", "--max-operations N allows more"});
    arguments = command;
    arguments.insert(arguments.end(), {"--max-memory", "1e-7"});
    fails(arguments, {weights, "max_memory_bytes", "--max-memory GIB allows more"});
  }
  CHECK(narrow_command({"classify", image, "--model", weights, "--max-memory", "1", "--max-operations", "1e9"})
            .exit_code == 0);
  check_usage({"inspect", weights, "--max-memory", "1"}, {"--max-memory", "is for .nrw models"});
  CHECK(narrow_command({"classify", image, "--model", onnx, "--max-memory", "1"}).exit_code == 0);
  check_usage({"inspect", model, "--max-memory", "0"}, {"'0' is not a number above 0"});
}

TEST_CASE("an option before the command is answered with where it belongs") {
  check_usage({"--threads", "3", "classify", "a.png"},
              {"options come after the command: narrow classify ... --threads"});
}

TEST_CASE("an empty value is an error, and not the same as no option") {
  for (const char* option : {"--model=", "--labels="}) check_usage({"classify", option, "a.png"}, {"is empty"});
  check_usage({"quantize", "w.pth", "--calibrate", "p", "-o", ""}, {"--output", "is empty"});
  check_usage({"inspect", "m.onnx", "--output-name", ""}, {"--output-name", "is empty"});
  check_usage({"evaluate", "m.nrw", ""}, {"PICTURES", "is empty"});
  check_usage({"evaluate", "m.nrw", "p", "--labels", ""}, {"--labels", "is empty"});
  check_usage({"inspect", ""}, {"MODEL", "is empty"});
}

TEST_CASE("a core or instruction set of the environment that is not there is refused before the work") {
  const narrow::testing::TemporaryFolder folder;
  const std::string output = folder.path() / "t.nrw";
  narrow::testing::write_image(folder.path() / "a.ppm", 32, 32);
  for (const char* variable : {"NARROW_CORE=zen1", "NARROW_ISA=mmx"}) {
    const Ran ran = narrow_command({"quantize", narrow::testing::default_checkpoint(), "--calibrate",
                                    folder.path() / "a.ppm", "--evaluate", folder.path() / "a.ppm", "--output", output},
                                   {{variable}, ""});
    CHECK(ran.exit_code == 1);
    CHECK_MESSAGE(has(ran.err, std::string(variable).substr(0, std::string_view(variable).find('='))), ran.err);
    CHECK_FALSE(std::filesystem::exists(output));
    // An image that is not there would be the error if the variable was looked at later.
    const Ran timed = narrow_command({"quantize", narrow::testing::default_checkpoint(), "--calibrate",
                                      folder.path() / "missing.ppm", "--time", "5", "--output", output},
                                     {{variable}, ""});
    CHECK(timed.exit_code == 1);
    CHECK_MESSAGE(has(timed.err, std::string(variable).substr(0, std::string_view(variable).find('='))), timed.err);
    const std::string sweep = folder.path() / "sweep";
    CHECK(narrow_command({"sweep", narrow::testing::default_checkpoint(), "--calibrate", folder.path() / "a.ppm",
                          "--evaluate", folder.path() / "a.ppm", "--output", sweep},
                         {{variable}, ""})
              .exit_code == 1);
    CHECK_FALSE(std::filesystem::exists(sweep));
  }
}

TEST_CASE("missing arguments are named") {
  check_usage({"classify"}, {"PICTURE"});
  check_usage({"evaluate", "m.nrw"}, {"PICTURES"});
  check_usage({"inspect"}, {"MODEL"});
  check_usage({"bench"}, {"MODEL"});
  check_usage({"quantize", "w.pth", "-o", "x.nrw"}, {"--calibrate"});
  check_usage({"quantize", "w.pth", "--calibrate", "p"}, {"--output"});
  check_usage({"convert", "w.pth"}, {"--output"});
  check_usage({"convert", "-o", "m.nrw"}, {"IN"});
}

TEST_CASE("an unknown instruction set lists those that this CPU can run") {
  std::vector<std::string> parts{"--isa", "'mmx'", "auto"};
  for (const std::string& isa : narrow::available_isas()) parts.push_back(isa);
  check_usage({"classify", "--isa", "mmx", "a.png"}, parts);
  check_usage({"evaluate", "--isa", "mmx", "m.nrw", "a"}, parts);
  check_usage({"inspect", "--isa", "mmx", "m.nrw"}, parts);
  check_usage({"bench", "--isa", "mmx", "m.nrw"}, parts);
}

TEST_CASE("unknown option values list the valid ones and nothing is written") {
  const narrow::testing::TemporaryFolder folder;
  const std::string output = folder.path() / "out.nrw";
  struct Case {
    std::vector<std::string> option;
    std::vector<std::string> parts;
  };
  const std::vector<Case> cases = {
      {{"--arch", "vgg"}, {"'vgg'", "narrow architectures lists them"}},
      {{"--observer", "best"}, {"--observer", "minmax", "moving-average"}},
      {{"--keep-edges", "1"}, {"--first-last", "float", "off", "2 to 8"}},
      {{"--first-last", "none"}, {"--first-last", "float", "off", "2 to 8"}},
      {{"--weights", "9"}, {"--weights", "'9'", "2 to 8"}},
      {{"--weights", "1"}, {"--weights", "2 to 8"}},
      {{"--activations", "4x"}, {"--activations", "'4x'", "2 to 8"}},
      {{"--activations", ""}, {"--activations", "2 to 8"}},
      {{"--layer-weights", "conv1"}, {"--layer-weights", "LAYER=BITS", "2 to 8"}},
      {{"--layer-activations", "=4"}, {"--layer-activations", "LAYER=BITS"}},
      {{"--layer-weights", "a=99999999999999999999"}, {"--layer-weights", "2 to 8"}},
      {{"--preprocess", "inception"}, {"--preprocess", "'inception'", "imagenet", "cifar10", ".json"}},
      {{"--resize", "0"}, {"--resize", "none"}},
      {{"--crop", "-3"}, {"--crop", "1 to 8192"}},
      {{"--bn-eps", "0"}, {"--bn-eps", "above 0"}},
      {{"--bn-eps", "nan"}, {"--bn-eps", "above 0"}},
      {{"--stride-2-blocks", "4,,14"}, {"--stride-2-blocks", "4,14"}},
      {{"--threads", "0"}, {"--threads", "1 to 256"}},
      {{"--calibration-limit", "-1"}, {"--calibration-limit", "0 to"}},
  };
  for (const Case& tried : cases) {
    CAPTURE(tried.option.back());
    std::vector<std::string> arguments{"quantize", "w.pth", "--calibrate", "p", "-o", output};
    arguments.insert(arguments.end(), tried.option.begin(), tried.option.end());
    check_usage(arguments, tried.parts);
  }
  CHECK(narrow::testing::files_in(folder.path()) == 0);
}

TEST_CASE("options of quantize that need another one are wrong usage without it, and are not ignored") {
  const narrow::testing::TemporaryFolder folder;
  const std::string image = folder.path() / "a.ppm";
  const std::string output = folder.path() / "t.nrw";
  narrow::testing::write_image(image, 32, 32);
  const auto refused = [&](const std::string& calibrate, const std::vector<std::string>& more,
                           const std::vector<std::string>& parts) {
    std::vector<std::string> arguments{
        "quantize", narrow::testing::default_checkpoint(), "--effort", "fast", "--calibrate", calibrate, "-o", output};
    arguments.insert(arguments.end(), more.begin(), more.end());
    narrow::testing::check_fails(arguments, 2, parts);
    CHECK_FALSE(std::filesystem::exists(output));
  };
  refused(image, {"--percentile", "99"}, {"--percentile: needs --observer percentile"});
  refused(image, {"--norm", "3", "--observer", "minmax"},
          {"--norm: needs --observer norm", "--observer minmax is given"});
  refused(image, {"--evaluate-limit", "0"}, {"--evaluate-limit: needs --evaluate"});
  refused("none", {"--calibration-limit", "512"}, {"--calibration-limit: needs images"});
  refused(image, {"--checkpoint", folder.path() / "states"}, {"--checkpoint: needs --effort max"});
  CHECK_FALSE(std::filesystem::exists(std::filesystem::path(folder.path()) / "states"));
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"--percentile", "99", "--observer", "percentile"},
        {"--norm", "3"},
        {"--norm", "3", "--observer", "auto"},
        {"--calibration-limit", "1"}}) {
    std::vector<std::string> arguments{
        "quantize", narrow::testing::default_checkpoint(), "--effort", "fast", "--calibrate", image, "-o", output};
    arguments.insert(arguments.end(), more.begin(), more.end());
    CHECK_MESSAGE(narrow_command(arguments).exit_code == 0, more[0]);
  }
}

TEST_CASE("what the library says of a goal or of the bits of a layer is said of the option") {
  const narrow::testing::TemporaryFolder folder;
  const std::string image = folder.path() / "a.ppm";
  narrow::testing::write_image(image, 32, 32);
  const auto refused = [&](const std::vector<std::string>& more, const std::vector<std::string>& parts) {
    std::vector<std::string> arguments{
        "quantize", narrow::testing::default_checkpoint(), "--calibrate", image, "-o", folder.path() / "t.nrw"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    narrow::testing::check_fails(arguments, 1, parts);
  };
  refused({"--size", "10"}, {"--size: weights of 10 bytes can't be had", "give that many or more"});
  refused({"--layer-weights", "nowhere=4"}, {"--layer-weights: there is no layer 'nowhere'"});
  refused({"--layer-activations", "fc=4"}, {"--layer-activations: ", "scores"});
}

TEST_CASE("--observer takes the name of every range method, and the model says which it was") {
  const narrow::testing::TemporaryFolder folder;
  const std::string network = folder.path() / "float.nrw";
  const std::string images = folder.path() / "images.bin";
  const std::string output = folder.path() / "out.nrw";
  narrow::testing::write_float_nrw(network, narrow::testing::tiny_network());
  narrow::testing::write_cifar(images, 4);
  const auto calibration_of = [&](const std::vector<std::string>& options) {
    std::vector<std::string> arguments{"quantize", network, "--calibrate", images, "-o", output};
    arguments.insert(arguments.end(), options.begin(), options.end());
    narrow::testing::run_narrow(arguments);
    return narrow_command({"inspect", "--json", output}).json()["provenance"]["calibration"].get<std::string>();
  };
  std::vector<std::string> names;
  std::set<std::string> calibrations;
  for (const narrow::ObserverName& observer : narrow::observer_names()) {
    names.push_back(observer.name);
    CHECK(calibrations.insert(calibration_of({"--observer", observer.name})).second);
  }
  CHECK(calibration_of({}) == calibration_of({"--observer", names.front()}));
  check_usage({"quantize", network, "--calibrate", images, "-o", output, "--observer", "best"}, names);
}

TEST_CASE("an unknown instruction set in the environment is an error that lists what can run") {
  const narrow::testing::TemporaryFolder folder;
  narrow::testing::write_image(folder.path() / "a.ppm", 32, 32);
  const Ran ran = narrow_command({"classify", folder.path() / "a.ppm"}, {{"NARROW_ISA=mmx"}, ""});
  CHECK(ran.exit_code == 1);
  CHECK_MESSAGE(has(ran.err, "NARROW_ISA"), ran.err);
  CHECK_MESSAGE(has(ran.err, "scalar"), ran.err);
}
