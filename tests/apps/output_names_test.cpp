// Each command refuses to write under the name of another kind of file, and says which name to give.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"

using namespace narrow::testing;

namespace {

// A command that writes, but for its output, which is the argument after the last.
struct Writer {
  std::vector<std::string> arguments;
  std::string own;                   // the extension of what it writes; empty: that of a folder or program
  std::vector<std::string> allowed;  // known extensions that it may have besides
};

struct Files {
  TemporaryFolder folder;
  std::string network = (folder.path() / "net.nrw").string();  // float
  std::string model = default_model().string();
  std::string images = (folder.path() / "images.bin").string();
  std::string image = (folder.path() / "a.ppm").string();

  Files() {
    write_float_nrw(network, tiny_network());
    write_cifar(images, 10);
    write_image(image, 32, 32);
  }

  [[nodiscard]] std::vector<Writer> writers() const {
    return {
        {{"quantize", network, "--calibrate", images, "-o"}, ".nrw", {".NRW"}},
        {{"pack", model, "-o"}, ".packed", {".bin"}},
        {{"bundle", model, "-o"}, "", {}},
        {{"embed-source", model, "-o"}, ".cpp", {".h", ".inc"}},
        {{"embed", model, image, "-o"}, ".npy", {}},
        {{"evaluate", model, images, "--scores"}, ".f32", {".bin"}},
        {{"report", model, "-o"}, ".html", {".htm"}},
        {{"sweep", network, "--calibrate", images, "--evaluate", images, "--bits", "8", "-o"}, "", {}},
        {{"trace", model, image, "-o"}, "", {}},
        {{"classify", image, "--jsonl", "-o"}, ".jsonl", {".json"}},
        {{"classify", image, "--csv", "-o"}, ".csv", {}},
        {{"classify", image, "--annotate"}, ".png", {}},
    };
  }
};

}  // namespace

TEST_CASE("no command writes under the name of another kind of file") {
  const Files files;
  const std::size_t before = files_in(files.folder.path());
  for (const Writer& writer : files.writers()) {
    if (writer.own == ".html" && !writes_pages()) continue;
    for (const char* extension :
         {".nrw",   ".pth",    ".pt",      ".ckpt", ".bin",  ".safetensors", ".onnx", ".tflite", ".h5",  ".pb",
          ".jpg",   ".png",    ".json",    ".npy",  ".html", ".csv",         ".cpp",  ".packed", ".zip", ".gguf",
          ".param", ".engine", ".mlmodel", ".PTH",  ".Onnx", ".txt",         ".xml",  ".keras",  ".pte", ".webp"}) {
      bool is_own = writer.own == extension || (std::string(extension) == ".txt" && writer.own == ".csv") ||
                    (std::string(extension) == ".txt" && writer.own == ".jsonl");
      for (const std::string& allowed : writer.allowed) is_own = is_own || allowed == extension;
      if (is_own) continue;
      std::vector<std::string> arguments = writer.arguments;
      arguments.push_back(files.folder.path() / ("out" + std::string(extension)));
      CAPTURE(arguments[0]);
      check_fails(arguments, 1,
                  {"out" + std::string(extension), "is the name of", "is written; choose a name ",
                   writer.own.empty() ? "without " : "that ends in " + writer.own});
    }
  }
  CHECK(files_in(files.folder.path()) == before);
}

TEST_CASE("an output may have its own extension or an unknown one or none") {
  const Files files;
  for (const Writer& writer : files.writers()) {
    if (writer.own == ".html" && !writes_pages()) continue;
    // An image is one file; without the extension of one it would be a folder, which other tests write to.
    std::vector<std::string> extensions = writer.allowed;
    extensions.push_back(writer.own);
    if (writer.own != ".png") extensions.insert(extensions.end(), {"", ".v2", ".2024-05"});
    for (const std::string& extension : extensions) {
      std::vector<std::string> arguments = writer.arguments;
      const std::filesystem::path output = files.folder.path() / (writer.arguments[0] + "-out" + extension);
      arguments.push_back(output);
      CAPTURE(arguments[0]);
      CAPTURE(extension);
      run_narrow(arguments);
      CHECK(std::filesystem::exists(output));
      std::filesystem::remove_all(output);
    }
  }
}

TEST_CASE("a name of a network for a model is answered with the command that writes such a file") {
  const Files files;
  const std::string other = files.folder.path() / "out";
  check_fails({"quantize", files.network, "--calibrate", files.images, "-o", other + ".onnx"}, 1,
              {"an ONNX file", "ends in .nrw, and then run 'narrow convert MODEL.nrw -o FILE.onnx'"});
  check_fails({"quantize", files.network, "--calibrate", files.images, "-o", other + ".safetensors"}, 1,
              {"safetensors", "ends in .nrw", "'narrow convert WEIGHTS -o FILE.safetensors'"});
}
