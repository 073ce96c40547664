#include "apps/files/output_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <system_error>
#include <utility>

namespace narrow::cli {

namespace {

struct KnownExtension {
  std::string_view text;
  std::string_view kind;
};

constexpr std::string_view kCheckpoint = "a PyTorch checkpoint";
constexpr std::string_view kTensorFlow = "a TensorFlow graph";
constexpr std::string_view kKeras = "a Keras model";
constexpr std::string_view kImage = "an image";
constexpr std::string_view kArrays = "numpy arrays";
constexpr std::string_view kText = "a text";
constexpr std::string_view kTable = "a table";
constexpr std::string_view kDocument = "JSON";
constexpr std::string_view kPage = "a page";
constexpr std::string_view kSource = "source text";
constexpr std::string_view kArchive = "an archive";

constexpr auto kKnown = std::to_array<KnownExtension>({
    {".nrw", "a .nrw model"},
    {".packed", "packed weights"},
    {".onnx", "an ONNX file"},
    {".ort", "an ONNX Runtime model"},
    {".safetensors", "safetensors"},
    {".pth", kCheckpoint},
    {".pt", kCheckpoint},
    {".pt2", kCheckpoint},
    {".th", kCheckpoint},
    {".ckpt", kCheckpoint},
    {".pkl", kCheckpoint},
    {".pte", "an ExecuTorch program"},
    {".ptl", kCheckpoint},
    {".bin", "weights, or images of CIFAR-10"},
    {".tflite", "a TensorFlow Lite model"},
    {".lite", "a TensorFlow Lite model"},
    {".pb", kTensorFlow},
    {".pbtxt", kTensorFlow},
    {".h5", kKeras},
    {".hdf5", kKeras},
    {".keras", kKeras},
    {".mlmodel", "a Core ML model"},
    {".mlpackage", "a Core ML model"},
    {".gguf", "a GGUF file"},
    {".param", "an ncnn network"},
    {".xml", "an OpenVINO network"},
    {".engine", "a TensorRT engine"},
    {".trt", "a TensorRT engine"},
    {".plan", "a TensorRT engine"},
    {".mnn", "an MNN model"},
    {".cfg", "a Darknet network"},
    {".weights", "Darknet weights"},
    {".caffemodel", "a Caffe model"},
    {".prototxt", "a Caffe network"},
    {".params", "MXNet weights"},
    {".pdmodel", "a PaddlePaddle program"},
    {".pdiparams", "PaddlePaddle weights"},
    {".npy", kArrays},
    {".npz", kArrays},
    {".jpg", kImage},
    {".jpeg", kImage},
    {".jfif", kImage},
    {".png", kImage},
    {".bmp", kImage},
    {".dib", kImage},
    {".ppm", kImage},
    {".pgm", kImage},
    {".pbm", kImage},
    {".pnm", kImage},
    {".webp", kImage},
    {".tif", kImage},
    {".tiff", kImage},
    {".gif", kImage},
    {".avif", kImage},
    {".heic", kImage},
    {".svg", kImage},
    {".txt", kText},
    {".md", kText},
    {".log", kText},
    {".pdf", "a document"},
    {".lst", "a list of images"},
    {".csv", kTable},
    {".tsv", kTable},
    {".json", kDocument},
    {".jsonl", kDocument},
    {".ndjson", kDocument},
    {".yaml", "settings"},
    {".yml", "settings"},
    {".html", kPage},
    {".htm", kPage},
    {".py", "a Python program"},
    {".c", kSource},
    {".cc", kSource},
    {".cpp", kSource},
    {".cxx", kSource},
    {".c++", kSource},
    {".h", kSource},
    {".hpp", kSource},
    {".hh", kSource},
    {".inc", kSource},
    {".inl", kSource},
    {".ipp", kSource},
    {".o", "an object file"},
    {".a", "a library"},
    {".so", "a library"},
    {".zip", kArchive},
    {".gz", kArchive},
    {".tgz", kArchive},
    {".tar", kArchive},
    {".xz", kArchive},
    {".zst", kArchive},
    {".bz2", kArchive},
    {".7z", kArchive},
});

struct Written {
  OutputKind kind;
  std::string_view what;
  // The first is recommended; empty: a name without extension is.
  std::array<std::string_view, 10> extensions;
};

constexpr auto kWritten = std::to_array<Written>({
    {OutputKind::kModel, "a .nrw model", {".nrw"}},
    {OutputKind::kPacked, "a file of packed weights", {".packed", ".bin"}},
    {OutputKind::kProgram, "a program", {}},
    {OutputKind::kSource, "C++ source", {".cpp", ".cc", ".cxx", ".c++", ".h", ".hpp", ".hh", ".inc", ".inl", ".ipp"}},
    {OutputKind::kVectors, "an array for numpy", {".npy"}},
    {OutputKind::kScores, "a file of plain float32 numbers", {".f32", ".bin"}},
    {OutputKind::kPage, "a page", {".html", ".htm"}},
    {OutputKind::kTable, "a table in CSV", {".csv", ".txt"}},
    {OutputKind::kLines, "a file of JSON lines", {".jsonl", ".ndjson", ".json", ".txt", ".log"}},
    {OutputKind::kImage, "an image in PNG", {".png"}},
    {OutputKind::kFolder, "a folder", {}},
});

// "net.PTH": ".pth".
std::string small_extension(const std::string& path) {
  std::string extension = std::filesystem::path(path).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

}  // namespace

std::string_view kind_of_name(const std::string& path) {
  const std::string extension = small_extension(path);
  const auto* const known =
      std::find_if(kKnown.begin(), kKnown.end(), [&](const KnownExtension& e) { return e.text == extension; });
  return known == kKnown.end() ? std::string_view() : known->kind;
}

Status check_output_name(const std::string& output, OutputKind kind) {
  const auto* const written =
      std::find_if(kWritten.begin(), kWritten.end(), [&](const Written& row) { return row.kind == kind; });
  const std::string extension = small_extension(output);
  const std::string_view named = kind_of_name(output);
  const auto& own = written->extensions;
  std::error_code ignored;
  if (named.empty() || std::find(own.begin(), own.end(), extension) != own.end()) return {};
  if (std::filesystem::is_directory(output, ignored)) return {};
  std::string text = "is the name of " + std::string(named) + ", and " + std::string(written->what) +
                     " is written; choose a name " +
                     (own[0].empty() ? "without " + extension : "that ends in " + std::string(own[0]));
  if (kind == OutputKind::kModel && extension == ".onnx") {
    text += ", and then run 'narrow convert MODEL.nrw -o FILE.onnx'";
  } else if (kind == OutputKind::kModel && extension == ".safetensors") {
    text += "; 'narrow convert WEIGHTS -o FILE.safetensors' writes the float weights";
  } else if (kind == OutputKind::kImage) {
    text += ", or a folder";
  }
  return Error{ErrorCode::kInvalidArgument, std::move(text), output};
}

}  // namespace narrow::cli
