// Files of other tools are named by their bytes, with the way to a file that Narrow reads.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "narrow/float_model.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace std::string_literals;

namespace {

void write_text(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string message_of(const testing::TemporaryFolder& folder, const std::string& name, const std::string& bytes) {
  write_text(folder.path() / name, bytes);
  const auto format = detect_format(folder.path() / name);
  if (format.ok()) return "read as " + std::string(to_string(*format));
  CHECK(format.error().where == (folder.path() / name).string());
  return format.error().message;
}

std::string zip_of(const std::string& name) {
  std::string bytes = "PK\x03\x04";
  bytes.append(22, '\0');
  bytes.push_back(static_cast<char>(name.size()));
  bytes.append(3, '\0');
  bytes.append(name);
  bytes.append(40, 'x');
  return bytes;
}

}  // namespace

TEST_CASE("files of other tools are named with the next step") {
  struct Case {
    const char* file;
    std::string bytes;
    const char* name;
    const char* step;
  };
  const std::string rest(60, '\0');
  std::string tar(257, '\0');
  tar.append("ustar");
  tar.append(rest);
  std::string engine("ftrt");
  engine.append(rest);
  const Case cases[] = {
      {"m.tflite", "\x1c\0\0\0TFL3"s + rest, "TensorFlow Lite", "tf2onnx.convert --tflite"},
      {"m.onnx", "\x1c\0\0\0TFL3"s + rest, "TensorFlow Lite", "tf2onnx"},
      {"m.h5", "\x89HDF\r\n\x1a\n"s + rest, "Keras", "tf2onnx"},
      {"m.keras", zip_of("metadata.json"), "Keras", "tf2onnx"},
      {"saved_model.pb", "\x08\x01\x12\x02\x0a\x00"s, "SavedModel", "tf2onnx.convert --saved-model"},
      {"frozen.pb", "\x0a\x12\x0a\x01x\x12\x0bPlaceholder"s + rest, "GraphDef", "tf2onnx.convert --graphdef"},
      {"m.mlmodel", "\x08\x04\x12\x05\x0a\x03"s + rest, "Core ML", "ONNX"},
      {"__model__", "\x0a\x20\x08\x00\x10\xff"s + rest, "PaddlePaddle", "paddle2onnx"},
      {"m.ort", "\x30\0\0\0ORTM"s + rest, "ONNX Runtime", ".onnx"},
      {"m.gguf", "GGUF\x03"s + rest, "GGUF", "classify images"},
      {"m.param", "7767517\n75 83\n", "ncnn", "ONNX"},
      {"m.xml", "<?xml version=\"1.0\"?>\n<net name=\"x\" version=\"11\">", "OpenVINO", "ONNX"},
      {"m.engine", engine, "TensorRT", "ONNX"},
      {"m.mnn", "\x18\0\0\0"s + rest, "MNN", "ONNX"},
      {"m.cfg", "[net]\nbatch=1\n", "Darknet", "torch.onnx.export"},
      {"m.weights", "\0\0\0\0\x02\0\0\0"s + "rest", "Darknet", "torch.onnx.export"},
      {"m.npy", "\x93NUMPY\x01\0"s + rest, "numpy", "safetensors"},
      {"m.npz", zip_of("conv1.weight.npy"), "numpy", "safetensors"},
      {"m.onnx", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS", "git lfs pull"},
      {"m.onnx", "\n<!DOCTYPE html>\n<html>", "HTML", "fetch it again"},
      {"m.pth", "<HTML><body>404", "HTML", "fetch it again"},
      {"m.json", "{\"model_type\": \"resnet\"}", "JSON", "weights themselves"},
      {"m.safetensors.index.json", "{\"weight_map\": {}}", "several files", "save_file"},
      {"m.onnx", "\x89PNG\r\n\x1a\n"s + rest, "an image", "network comes first"},
      {"m.jpg", "\xff\xd8\xff\xe0"s + rest, "an image", "network comes first"},
      {"m.onnx.gz", "\x1f\x8b\x08"s + rest, "gzip", "gzip -d"},
      {"m.7z", "7z\xbc\xaf\x27\x1c"s + rest, "7z", "7z x"},
      {"m.tar", tar, "tar archive", "tar -xf"},
      {"m.zip", zip_of("net.onnx"), "zip archive", "unzip"},
      {"m.pth", std::string(100, '\0'), "nothing but zeros", "download the file again"},
      {"m", "", "is empty", "torch.onnx.export"},
      {"m", "\x01\x02\x03 something", "none of the files", "torch.onnx.export"},
  };
  const testing::TemporaryFolder folder;
  for (const Case& item : cases) {
    CAPTURE(item.file);
    CAPTURE(item.name);
    const std::string message = message_of(folder, item.file, item.bytes);
    CAPTURE(message);
    CHECK(message.find(item.name) != std::string::npos);
    CHECK(message.find(item.step) != std::string::npos);
  }
}

TEST_CASE("the extension decides nothing where the bytes are those of a format that is read") {
  const testing::TemporaryFolder folder;
  CHECK(message_of(folder, "best.weights", zip_of("archive/data.pkl")) == "read as torch");
  CHECK(message_of(folder, "best.mnn", "\x80\x02\x8a\x0a") == "read as torch");
  CHECK(message_of(folder, "net.zip", zip_of("net/data.pkl")) == "read as torch");
}

TEST_CASE("numbers that begin like a pickle are none") {
  const testing::TemporaryFolder folder;
  const std::string zeros(60, '\0');
  for (const std::string& begin : {"\x80\x02\x00\x3f"s, "\x80\x07}"s, "\x80\x3f\x80\x3f"s, "\x80\x02\xff\xff"s}) {
    CHECK(message_of(folder, "scores.bin", begin + zeros).find("none of the files") != std::string::npos);
  }
}

TEST_CASE("a folder is answered with the network in it or the way to convert it") {
  const testing::TemporaryFolder folder;
  write_text(folder.path() / "net.onnx", "x");
  CHECK(detect_format(folder.path()).error().message == "is not a file; name the file in it, such as 'net.onnx'");
  for (const char* image : {"a.jpg", "cat/a.PNG"}) {
    const testing::TemporaryFolder images;
    std::filesystem::create_directories((images.path() / image).parent_path());
    write_text(images.path() / image, "x");
    CHECK(detect_format(images.path()).error().message ==
          "is not a file; it is a folder of images: the network comes first, then the images");
    write_text(images.path() / "net.nrw", "x");
    CHECK(detect_format(images.path()).error().message.find("'net.nrw'") != std::string::npos);
  }
  const testing::TemporaryFolder unpacked;
  write_text(unpacked.path() / "data.pkl", "x");
  CHECK(detect_format(unpacked.path()).error().message.find("zip -0 -r") != std::string::npos);
  const testing::TemporaryFolder hub;
  write_text(hub.path() / "pytorch_model.bin", "x");
  CHECK(detect_format(hub.path()).error().message.find("'pytorch_model.bin'") != std::string::npos);
  write_text(folder.path() / "saved_model.pb", "x");
  CHECK(detect_format(folder.path()).error().message.find("--saved-model") != std::string::npos);
}
