#include "importers/files/foreign_formats.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace narrow::importers {
namespace {

// What is known of a file: its first bytes and the extension of its name.
struct Beginning {
  std::string_view head;
  std::string extension;  // in small letters
  bool is_read = false;   // the bytes may be those of a format that Narrow reads
};

constexpr const char* kExport = "export the network to ONNX from the framework that it was trained with";

bool has(std::string_view bytes, std::size_t at, std::string_view text) {
  return bytes.size() >= at && bytes.substr(at, text.size()) == text;
}

// Whether the extension is the only sign.
bool is_named(const Beginning& file, std::string_view extension) {
  return !file.is_read && file.extension == extension;
}

// The first words of a text without leading space, in small letters.
std::string first_words(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
  if (has(text, 0, "\xEF\xBB\xBF")) text.remove_prefix(3);
  std::string words(text.substr(0, 256));
  std::transform(words.begin(), words.end(), words.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return words;
}

bool starts_with_word(const Beginning& file, std::string_view word) {
  return std::string_view(first_words(file.head)).substr(0, word.size()) == word;
}

// The length of a protobuf field that begins at `at`, which is moved to its bytes. Nothing: it is longer than its file
// may be.
std::optional<std::size_t> field_length(std::string_view bytes, std::size_t& at) {
  std::uint64_t length = 0;
  for (unsigned shift = 0; shift < 35 && at < bytes.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes[at++]);
    length |= std::uint64_t{byte & 0x7FU} << shift;
    if ((byte & 0x80U) == 0) return static_cast<std::size_t>(length);
  }
  return std::nullopt;
}

// SavedModel and Core ML begin with a version and a message, where ONNX has a version and a text.
bool is_version_and_message(const Beginning& file) {
  if (!has(file.head, 0, "\x08") || file.head.size() < 5 || static_cast<unsigned char>(file.head[1]) >= 0x20) {
    return false;
  }
  if (file.head[2] != '\x12') return false;
  std::size_t at = 3;
  return field_length(file.head, at) && at < file.head.size() && file.head[at] == '\x0A';
}

// A node of a GraphDef: its name and, in capital camel case, its operator.
bool is_graph_def(const Beginning& file) {
  std::size_t at = 1;
  if (!has(file.head, 0, "\x0A") || !field_length(file.head, at) || !has(file.head, at, "\x0A")) return false;
  const auto length = field_length(file.head, ++at);
  if (!length || *length == 0 || *length > file.head.size() || !has(file.head, at + *length, "\x12")) return false;
  at += *length + 1;
  const auto name = field_length(file.head, at);
  return name && *name > 0 && at < file.head.size() && std::isupper(static_cast<unsigned char>(file.head[at])) != 0;
}

// A block of a ProgramDesc: its index and that of its parent.
bool is_paddle(const Beginning& file) {
  std::size_t at = 1;
  return has(file.head, 0, "\x0A") && field_length(file.head, at) &&
         has(file.head, at, std::string_view("\x08\x00\x10", 3));
}

// The name of the first file in a zip archive.
std::string_view zip_name(const Beginning& file) {
  constexpr std::size_t kName = 30;
  if (!has(file.head, 0, "PK\x03\x04") || file.head.size() < kName) return {};
  const auto length = static_cast<unsigned char>(file.head[26]) + 256U * static_cast<unsigned char>(file.head[27]);
  return file.head.substr(kName, length);
}

bool is_zip_of(const Beginning& file, std::string_view part) {
  return zip_name(file).find(part) != std::string_view::npos;
}

// Text that is read by people, without control characters.
bool is_text(const Beginning& file) {
  return !file.head.empty() && std::all_of(file.head.begin(), file.head.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 ? byte != 0x7F : std::isspace(byte) != 0;
  });
}

struct Foreign {
  const char* name;
  const char* advice;
  bool (*is)(const Beginning& file);
};

// In order: the first row that fits is the answer.
constexpr Foreign kForeign[] = {
    {"TensorFlow Lite", "convert it to ONNX: python3 -m tf2onnx.convert --tflite FILE --output net.onnx",
     [](const Beginning& f) { return has(f.head, 4, "TFL3"); }},
    {"Keras (HDF5)", "convert it to ONNX: python3 -m tf2onnx.convert --keras FILE --output net.onnx",
     [](const Beginning& f) { return has(f.head, 0, "\x89HDF\r\n\x1A\n"); }},
    {"Keras (.keras)", "load it with keras.saving.load_model and write ONNX with tf2onnx.convert.from_keras",
     [](const Beginning& f) { return f.extension == ".keras" && has(f.head, 0, "PK"); }},
    {"a Core ML model", kExport,
     [](const Beginning& f) { return is_named(f, ".mlmodel") || (is_version_and_message(f) && f.head[1] != '\x01'); }},
    {"a TensorFlow SavedModel",
     "convert its folder to ONNX: python3 -m tf2onnx.convert --saved-model FOLDER --output net.onnx",
     is_version_and_message},
    {"a TensorFlow graph (GraphDef)",
     "convert it to ONNX: python3 -m tf2onnx.convert --graphdef FILE --inputs NAME:0 --outputs NAME:0 --output "
     "net.onnx",
     is_graph_def},
    {"a PaddlePaddle program", "convert it to ONNX: paddle2onnx --model_dir FOLDER --save_file net.onnx", is_paddle},
    {"an ONNX Runtime model (.ort)", "name the .onnx file that it was made of",
     [](const Beginning& f) { return has(f.head, 4, "ORTM"); }},
    {"an ExecuTorch program", kExport, [](const Beginning& f) { return has(f.head, 4, "ET1"); }},
    {"GGUF, a language model", "Narrow runs networks that classify images",
     [](const Beginning& f) { return has(f.head, 0, "GGUF"); }},
    {"ncnn (.param)", kExport,
     [](const Beginning& f) {
       return has(f.head, 0, "7767517") || has(f.head, 0, std::string_view("\xDD\x85\x76\x00", 4));
     }},
    {"ncnn (.bin)", kExport, [](const Beginning& f) { return has(f.head, 0, "\x47\x6B\x30\x01"); }},
    {"OpenVINO", kExport,
     [](const Beginning& f) { return starts_with_word(f, "<?xml") && f.head.find("<net ") != std::string_view::npos; }},
    {"a TensorRT engine", "name the ONNX file that it was built of",
     [](const Beginning& f) {
       return has(f.head, 0, "ftrt") || has(f.head, 0, "ptrt") || is_named(f, ".engine") || is_named(f, ".trt");
     }},
    {"MNN", kExport, [](const Beginning& f) { return is_named(f, ".mnn"); }},
    {"Darknet (.cfg)", "load it into PyTorch and export it to ONNX (torch.onnx.export)",
     [](const Beginning& f) { return starts_with_word(f, "[net]") || starts_with_word(f, "[network]"); }},
    {"Darknet (.weights)", "load it into PyTorch and export it to ONNX (torch.onnx.export)",
     [](const Beginning& f) { return is_named(f, ".weights"); }},
    {"Caffe", "convert it to ONNX, e.g. with caffe2onnx",
     [](const Beginning& f) { return is_named(f, ".caffemodel") || is_named(f, ".prototxt"); }},
    {"MXNet", "convert it to ONNX: mxnet.onnx.export_model",
     [](const Beginning& f) { return has(f.head, 0, std::string_view("\x12\x01\x00\x00\x00\x00\x00\x00", 8)); }},
    {"numpy arrays", "Narrow reads networks and state dicts: save the weights with safetensors or torch.save",
     [](const Beginning& f) { return has(f.head, 0, "\x93NUMPY") || is_named(f, ".npz") || is_zip_of(f, ".npy"); }},
    {"a Git LFS pointer, not the file itself", "fetch the file with git lfs pull",
     [](const Beginning& f) { return has(f.head, 0, "version https://git-lfs.github.com"); }},
    {"a web page (HTML)", "the download did not give the file itself; fetch it again, with the link to the raw file",
     [](const Beginning& f) { return starts_with_word(f, "<!doctype html") || starts_with_word(f, "<html"); }},
    {"XML", "name the network itself", [](const Beginning& f) { return starts_with_word(f, "<?xml"); }},
    {"the index of weights in several files",
     "join them: safetensors.torch.save_file(all their tensors in one dict, \"model.safetensors\")",
     [](const Beginning& f) {
       return starts_with_word(f, "{") && f.head.find("\"weight_map\"") != std::string_view::npos;
     }},
    {"JSON", "name the network or the weights themselves",
     [](const Beginning& f) { return is_text(f) && (starts_with_word(f, "{") || starts_with_word(f, "[")); }},
    {"an image", "the network comes first, then the images",
     [](const Beginning& f) {
       return has(f.head, 0, "\xFF\xD8\xFF") || has(f.head, 0, "\x89PNG\r\n\x1A\n") || has(f.head, 0, "GIF8") ||
              (has(f.head, 0, "RIFF") && has(f.head, 8, "WEBP")) || (has(f.head, 0, "BM") && f.extension == ".bmp") ||
              (has(f.head, 0, "P6") && f.extension == ".ppm");
     }},
    {"a gzip archive", "unpack it: gzip -d FILE, or tar -xzf FILE",
     [](const Beginning& f) { return has(f.head, 0, "\x1F\x8B"); }},
    {"a 7z archive", "unpack it: 7z x FILE", [](const Beginning& f) { return has(f.head, 0, "7z\xBC\xAF\x27\x1C"); }},
    {"an xz archive", "unpack it: xz -d FILE, or tar -xJf FILE",
     [](const Beginning& f) {
       return has(f.head, 0,
                  std::string_view("\xFD"
                                   "7zXZ\x00",
                                   6));
     }},
    {"a bzip2 archive", "unpack it: bzip2 -d FILE", [](const Beginning& f) { return has(f.head, 0, "BZh"); }},
    {"a Zstandard archive", "unpack it: zstd -d FILE",
     [](const Beginning& f) { return has(f.head, 0, "\x28\xB5\x2F\xFD"); }},
    {"a RAR archive", "unpack it: unrar x FILE", [](const Beginning& f) { return has(f.head, 0, "Rar!"); }},
    {"a tar archive", "unpack it: tar -xf FILE", [](const Beginning& f) { return has(f.head, 257, "ustar"); }},
    {"a zip archive of files", "unpack it: unzip FILE",
     [](const Beginning& f) {
       return has(f.head, 0, "PK") && (f.extension == ".zip" || is_zip_of(f, ".onnx") || is_zip_of(f, ".pth")) &&
              !is_zip_of(f, "data.pkl");
     }},
    {"a PDF document", "name the network itself", [](const Beginning& f) { return has(f.head, 0, "%PDF"); }},
    {"nothing but zeros", "copy or download the file again",
     [](const Beginning& f) {
       return f.head.size() >= 16 && std::all_of(f.head.begin(), f.head.end(), [](char c) { return c == '\0'; });
     }},
};

}  // namespace

std::optional<std::string> foreign_format(std::span<const std::byte> head, const std::filesystem::path& path,
                                          bool is_read) {
  Beginning file{{reinterpret_cast<const char*>(head.data()), head.size()}, path.extension().string(), is_read};
  std::transform(file.extension.begin(), file.extension.end(), file.extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const Foreign& foreign : kForeign) {
    if (foreign.is(file)) return "looks like " + std::string(foreign.name) + "; " + foreign.advice;
  }
  return std::nullopt;
}

std::string folder_advice(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::exists(path / "saved_model.pb", error)) {
    return "it looks like a TensorFlow SavedModel; convert it to ONNX: python3 -m tf2onnx.convert --saved-model FOLDER "
           "--output net.onnx";
  }
  if (std::filesystem::exists(path / "data.pkl", error)) {
    return "it looks like an unpacked PyTorch checkpoint; pack it again: (cd FOLDER/.. && zip -0 -r net.pth FOLDER), "
           "or "
           "write it with torch.save";
  }
  constexpr std::size_t kMostFiles = 1000;
  std::vector<std::string> networks;
  bool has_images = false;
  // Images may be in a folder for each class.
  std::filesystem::recursive_directory_iterator entry(path, error);
  for (std::size_t i = 0; !error && i < kMostFiles && entry != std::filesystem::recursive_directory_iterator(); ++i) {
    if (entry.depth() > 0) entry.disable_recursion_pending();
    const std::string extension = entry->path().extension().string();
    for (const char* known : {".nrw", ".onnx", ".pth", ".pt", ".ckpt", ".safetensors", ".bin"}) {
      if (extension == known && entry.depth() == 0) networks.push_back(entry->path().filename().string());
    }
    for (const char* known : {".jpg", ".jpeg", ".JPEG", ".JPG", ".png", ".PNG", ".bmp", ".ppm", ".webp"}) {
      has_images = has_images || extension == known;
    }
    entry.increment(error);
  }
  std::sort(networks.begin(), networks.end());
  if (!networks.empty()) return "name the file in it, such as " + base::in_quotes(networks.front());
  return has_images ? "it is a folder of images: the network comes first, then the images" : "";
}

}  // namespace narrow::importers
