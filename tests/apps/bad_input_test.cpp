// Broken and wrong files: the message names the error and its location, the exit code is 1, no output is left.
#include <doctest/doctest.h>

#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using narrow::testing::files_in;
using narrow::testing::has;
using narrow::testing::narrow_command;
using narrow::testing::Ran;
using narrow::testing::read_file;
using narrow::testing::TemporaryFolder;
using narrow::testing::write_cifar;
using narrow::testing::write_file;
using narrow::testing::write_image;

namespace {

// Fails with exit code 1, nothing but JSON on stdout, and an error that mentions all of `parts`.
void check_fails(std::vector<std::string> arguments, const std::vector<std::string>& parts) {
  const Ran ran = narrow_command(arguments);
  CAPTURE(ran.err);
  CHECK(ran.exit_code == 1);
  CHECK(ran.out.empty());
  CHECK(ran.err.rfind("narrow: ", 0) == 0);
  for (const std::string& part : parts) CHECK_MESSAGE(has(ran.err, part), "'", part, "' is not in: ", ran.err);
  arguments.push_back("--json");
  const Ran again = narrow_command(arguments);
  CHECK(again.exit_code == 1);
  const nlohmann::json document = again.json();
  REQUIRE(document.contains("error"));
  CHECK(document["error"]["exit_code"] == 1);
  CHECK(!document["error"]["message"].get<std::string>().empty());
}

std::string resnet20(const std::filesystem::path& data) {
  return data / "models" / "resnet20_cifar10_akamaster" / "resnet20_cifar10_akamaster.pth";
}

}  // namespace

TEST_CASE("a model that is empty or cut off or text is refused by every command") {
  const TemporaryFolder folder;
  write_cifar(folder.path() / "pictures.bin", 3);
  write_image(folder.path() / "a.ppm", 32, 32);
  const std::string whole = read_file(narrow::testing::default_model());
  const std::string bad = folder.path() / "bad.nrw";
  std::string text = "This is not a model.\n";
  while (text.size() < 4096) text += text;
  for (const std::string& bytes :
       {std::string(), whole.substr(0, 1), whole.substr(0, 20), whole.substr(0, whole.size() / 2),
        whole.substr(0, whole.size() - 1), text, std::string(1000, '\0')}) {
    CAPTURE(bytes.size());
    write_file(bad, bytes);
    check_fails({"inspect", bad}, {"bad.nrw"});
    check_fails({"evaluate", bad, folder.path() / "pictures.bin"}, {"bad.nrw"});
    check_fails({"classify", "--model", bad, folder.path() / "a.ppm"}, {"bad.nrw"});
  }
}

TEST_CASE("weights that are empty or cut off or text are refused and no output is written") {
  const TemporaryFolder folder;
  write_cifar(folder.path() / "pictures.bin", 3);
  const std::string bad = folder.path() / "bad.pth";
  for (const std::string& bytes : {std::string(), std::string("PK\x03\x04"), std::string("\x80\x02"),
                                   std::string("just text\n"), std::string(5000, '\0')}) {
    CAPTURE(bytes);
    write_file(bad, bytes);
    check_fails({"quantize", bad, "--calibrate", folder.path() / "pictures.bin", "-o", folder.path() / "out.nrw"},
                {"bad.pth"});
    check_fails({"evaluate", bad, folder.path() / "pictures.bin"}, {"bad.pth"});
    check_fails({"inspect", bad}, {"bad.pth"});
    CHECK(files_in(folder.path()) == 2);
  }
}

TEST_CASE("files that are not there are named") {
  const TemporaryFolder folder;
  const std::string missing = folder.path() / "missing";
  const std::string model = narrow::testing::default_model();
  check_fails({"inspect", missing + ".nrw"}, {"missing.nrw"});
  check_fails({"inspect", missing + ".pth"}, {"missing.pth"});
  check_fails({"inspect", folder.path()}, {folder.path(), "not a file"});
  check_fails({"evaluate", model, missing}, {"missing"});
  check_fails({"evaluate", model, folder.path()}, {folder.path()});
  check_fails({"classify", "--model", missing + ".nrw", "a.png"}, {"missing.nrw"});
  check_fails({"quantize", missing + ".pth", "--calibrate", folder.path(), "-o", folder.path() / "out.nrw"},
              {"missing.pth"});
  CHECK(files_in(folder.path()) == 0);
}

TEST_CASE("evaluation needs labels that the network has") {
  const TemporaryFolder folder;
  const std::string model = narrow::testing::default_model();
  write_image(folder.path() / "a.ppm", 32, 32);
  check_fails({"evaluate", model, folder.path() / "a.ppm"}, {"no labels", "a.ppm"});
  write_file(folder.path() / "list.tsv", "a.ppm\t10\n");
  check_fails({"evaluate", model, folder.path() / "list.tsv"}, {"10"});
  write_file(folder.path() / "labels.txt", "cat\ndog\n");
  write_file(folder.path() / "list.tsv", "a.ppm\t1\n");
  check_fails({"evaluate", model, folder.path() / "list.tsv", "--labels", folder.path() / "labels.txt"},
              {"labels.txt", "2", "10"});
  check_fails({"evaluate", model, folder.path() / "list.tsv", "--labels", folder.path() / "none.txt"}, {"none.txt"});
}

TEST_CASE("a file that is no image ends an evaluation and no scores are written") {
  const TemporaryFolder folder;
  write_image(folder.path() / "a.ppm", 32, 32);
  write_file(folder.path() / "b.ppm", "P6\n32 32\n255\ntoo short");
  write_file(folder.path() / "list.tsv", "a.ppm\t1\nb.ppm\t2\n");
  check_fails({"evaluate", narrow::testing::default_model(), folder.path() / "list.tsv", "--scores",
               folder.path() / "scores.f32", "--batch", "1"},
              {"b.ppm"});
  CHECK(files_in(folder.path()) == 3);
}

TEST_CASE("an output that can not be written is found before the work") {
  const TemporaryFolder folder;
  write_cifar(folder.path() / "pictures.bin", 2);
  const std::string model = narrow::testing::default_model();
  const std::string images = folder.path() / "pictures.bin";
  check_fails({"evaluate", model, images, "--scores", folder.path() / "no" / "such" / "folder"}, {"no/such/folder"});
  check_fails({"evaluate", model, images, "--scores", folder.path()},
              {folder.path(), "is a folder; name a file in it"});
  check_fails({"evaluate", model, images, "--scores", "/dev/full"}, {"/dev/full"});
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("options of float weights are refused for a model and the other way round") {
  const TemporaryFolder folder;
  const std::string model = narrow::testing::default_model();
  const Ran ran = narrow_command({"inspect", model, "--arch", "cifar_resnet20"});
  CHECK(ran.exit_code == 2);
  CHECK_MESSAGE(has(ran.err, "--arch"), ran.err);
  write_cifar(folder.path() / "pictures.bin", 2);
  check_fails({"evaluate", model, folder.path() / "pictures.bin", "--crop", "24"}, {"--crop", "24x24", "32x32"});
}

TEST_CASE("quantize leaves no output after any failure") {
  NARROW_NEED_DATA(data);
  const TemporaryFolder folder;
  const std::string output = folder.path() / "out.nrw";
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 3);
  const std::vector<std::string> start{"quantize", resnet20(data), "-o", output};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = start;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  check_fails(with({"--calibrate", images, "--arch", "mobilenet_v2"}), {"mobilenet_v2"});
  check_fails(with({"--calibrate", images, "--arch", "cifar_resnet56"}), {"missing"});
  check_fails(with({"--calibrate", images, "--layer-weights", "no.such.layer=4"}), {"no.such.layer"});
  check_fails(with({"--calibrate", folder.path() / "none"}), {"none"});
  std::filesystem::create_directory(folder.path() / "empty");
  check_fails(with({"--calibrate", folder.path() / "empty"}), {"empty"});
  write_file(folder.path() / "text.png", "not a picture");
  check_fails(with({"--calibrate", folder.path() / "text.png"}), {"text.png"});
  write_file(folder.path() / "labels.txt", "cat\ndog\n");
  check_fails(with({"--calibrate", images, "--labels", folder.path() / "labels.txt"}), {"2", "10"});
  CHECK(files_in(folder.path()) == 4);

  check_fails({"quantize", resnet20(data), "--calibrate", images, "-o", folder.path() / "no" / "out.nrw"},
              {"no/out.nrw"});
  write_file(folder.path() / "copy.pth", read_file(resnet20(data)));
  const std::string copy = folder.path() / "copy.pth";
  check_fails({"quantize", copy, "--calibrate", images, "-o", copy}, {"copy.pth", "input"});
  check_fails({"quantize", copy, "--calibrate", images, "-o", images}, {"pictures.bin", "input"});
  CHECK(read_file(copy) == read_file(resnet20(data)));
}

TEST_CASE("a failed quantization leaves the old output as it was") {
  NARROW_NEED_DATA(data);
  const TemporaryFolder folder;
  std::filesystem::copy_file(narrow::testing::default_model(), folder.path() / "out.nrw");
  std::filesystem::create_directory(folder.path() / "pictures");
  write_image(folder.path() / "pictures" / "a.ppm", 32, 32);
  write_file(folder.path() / "pictures" / "b.ppm", "P6\n32 32\n255\ntoo short");
  check_fails({"quantize", resnet20(data), "--calibrate", folder.path() / "pictures", "-o", folder.path() / "out.nrw"},
              {"b.ppm"});
  CHECK(read_file(folder.path() / "out.nrw") == read_file(narrow::testing::default_model()));
  CHECK(files_in(folder.path()) == 2);
}

TEST_CASE("an output that holds something else is not replaced") {
  const TemporaryFolder folder;
  const std::string checkpoint = narrow::testing::default_checkpoint();
  write_cifar(folder.path() / "pictures.bin", 40);
  const std::string pictures = folder.path() / "pictures.bin";
  std::filesystem::copy_file(checkpoint, folder.path() / "precious.pth");
  write_file(folder.path() / "notes.nrw", "what I found");
  std::filesystem::copy_file(narrow::testing::default_model(), folder.path() / "old.nrw");
  for (const char* name : {"precious.pth", "notes.nrw"}) {
    const std::string before = read_file(folder.path() / name);
    check_fails({"quantize", checkpoint, "--calibrate", pictures, "-o", folder.path() / name},
                {name, "will not be replaced"});
    CHECK(read_file(folder.path() / name) == before);
  }
  check_fails({"convert", checkpoint, "-o", folder.path() / "notes.nrw"}, {"will not be replaced"});
  check_fails({"quantize", checkpoint, "--calibrate", pictures, "-o", folder.path() / "net.onnx"},
              {"a .nrw model is written", "narrow convert"});
  CHECK_FALSE(std::filesystem::exists(std::filesystem::path(folder.path() / "net.onnx")));
  check_fails({"evaluate", narrow::testing::default_model(), pictures, "--scores", folder.path() / "precious.pth"},
              {"will not be replaced"});
  CHECK(read_file(folder.path() / "precious.pth") == read_file(checkpoint));
  write_file(folder.path() / "empty.nrw", "");
  for (const char* name : {"old.nrw", "empty.nrw", "new.nrw"}) {
    CHECK(narrow::testing::narrow_command({"convert", checkpoint, "-o", folder.path() / name}).exit_code == 0);
  }
  for (int i = 0; i < 2; ++i) {
    CHECK(narrow::testing::narrow_command(
              {"evaluate", narrow::testing::default_model(), pictures, "--scores", folder.path() / "scores"})
              .exit_code == 0);
  }
}

TEST_CASE("a network that takes more than is allowed is named") {
  const TemporaryFolder folder;
  const std::string large = folder.path() / "large.nrw";
  narrow::testing::write_float_nrw(large, narrow::testing::tiny_network({.side = 2880}));
  check_fails({"bench", large, "--scenario", "Offline", "--batch", "64"}, {"large.nrw", "max_memory_bytes"});
}

TEST_CASE("scores that are not a number are an error that names the image, and not a class") {
  const TemporaryFolder folder;
  const std::string model = folder.path() / "root.nrw";
  narrow::testing::write_float_nrw(model, narrow::testing::tiny_network({.root = true}));
  write_cifar(folder.path() / "pictures.bin", 3);
  write_image(folder.path() / "a.ppm", 8, 8);
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"classify", "--model", model, folder.path() / "a.ppm"},
        {"evaluate", model, folder.path() / "pictures.bin"}}) {
    const Ran ran = narrow_command(arguments);
    CHECK(ran.exit_code == 1);
    CHECK_MESSAGE(has(ran.err, "the network gives NaN for this image"), ran.err);
    CHECK(has(ran.err, arguments.back()));
    CHECK_FALSE(has(ran.out, "nan"));
  }
}

TEST_CASE("a damaged file of any format is refused with what to do about it") {
  const TemporaryFolder folder;
  const auto cut = [&](const std::string& name, const std::string& whole) {
    write_file(folder.path() / name, whole.substr(0, whole.size() / 2));
    return (folder.path() / name).string();
  };
  narrow::testing::write_onnx(folder.path() / "whole.onnx", narrow::testing::tiny_network());
  check_fails({"inspect", cut("a.nrw", read_file(narrow::testing::default_model()))}, {"; copy or download"});
  check_fails({"inspect", cut("a.onnx", read_file(folder.path() / "whole.onnx"))}, {"; copy or download"});
  check_fails({"inspect", cut("a.pth", read_file(narrow::testing::default_checkpoint()))}, {"; copy or download"});
  write_image(folder.path() / "whole.ppm", 8, 8);
  const Ran ran = narrow_command({"classify", cut("a.ppm", read_file(folder.path() / "whole.ppm"))});
  CHECK(ran.exit_code == 1);
  CHECK_MESSAGE(has(ran.err, "; copy or download the image"), ran.err);
}
