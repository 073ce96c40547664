#include <cctype>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "base/try.h"
#include "importers/torch/checkpoint_formats.h"
#include "importers/torch/state_dict_reader.h"
#include "importers/torch/unpickler.h"
#include "importers/torch/zip_archive.h"

namespace narrow::torch {
namespace {

using base::in_quotes;
using importers::dtype_name;
using importers::element_bytes;

constexpr std::string_view kPickleName = "data.pkl";

// The folder of data.pkl, with its slash, or empty if it is at the top.
Result<std::string> find_folder(const ZipArchive& archive, const std::string& where) {
  std::vector<std::string> folders;
  for (const std::string& name : archive.names()) {
    if (name.size() < kPickleName.size()) continue;
    const std::string folder = name.substr(0, name.size() - kPickleName.size());
    if (name == folder + std::string(kPickleName) && (folder.empty() || folder.back() == '/')) {
      folders.push_back(folder);
    }
  }
  if (folders.size() == 1) return folders.front();
  return Error{ErrorCode::kMalformed,
               folders.empty()
                   ? "a zip archive without data.pkl is not a checkpoint of torch.save; unpack it and name the file "
                     "of the network"
                   : "a zip archive with more than one data.pkl is not a checkpoint of torch.save",
               where};
}

Status check_byte_order(ZipArchive& archive, const std::string& folder, const std::string& where) {
  if (!archive.contains(folder + "byteorder")) return {};  // PyTorch writes it since 2.1
  NARROW_ASSIGN(const std::vector<std::byte> bytes, archive.read(folder + "byteorder"));
  const std::string_view order(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (order == "little") return {};
  return Error{ErrorCode::kUnsupported, "byte order " + in_quotes(order) + " is not read, only 'little'", where};
}

Status check_version(ZipArchive& archive, const std::string& folder, const std::string& where) {
  NARROW_ASSIGN(const std::vector<std::byte> bytes, archive.read(folder + "version"));
  std::string_view version(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (!version.empty() && std::isspace(static_cast<unsigned char>(version.back())) != 0) version.remove_suffix(1);
  // torch.save has written formats 2 and 3. PyTorch itself reads all formats up to 10 in the same way.
  if (version == "10" || (version.size() == 1 && version[0] >= '1' && version[0] <= '9')) return {};
  return Error{ErrorCode::kUnsupported, "format version " + in_quotes(version) + " is not read, only 1 to 10", where};
}

}  // namespace

Result<StateDict> parse_zip_checkpoint(std::span<const std::byte> bytes, const std::string& where,
                                       const ChoiceOptions& choice) {
  NARROW_ASSIGN(ZipArchive archive, ZipArchive::open(bytes, where));
  NARROW_ASSIGN(const std::string folder, find_folder(archive, where));
  if (archive.contains(folder + "constants.pkl")) {
    return Error{ErrorCode::kUnsupported,
                 "this is a TorchScript program (torch.jit.save), not a checkpoint; export it to ONNX: "
                 "torch.onnx.export(torch.jit.load(path), image, \"net.onnx\"), or write its weights: "
                 "torch.save(model.state_dict(), path)",
                 where};
  }
  NARROW_TRY(check_byte_order(archive, folder, where));
  NARROW_TRY(check_version(archive, folder, where));
  NARROW_ASSIGN(const std::vector<std::byte> data, archive.read(folder + std::string(kPickleName)));
  NARROW_ASSIGN(const pickle::Document document, pickle::unpickle(data, 0, where + ": data.pkl"));

  std::vector<std::byte> current;
  const LoadStorage load = [&](const pickle::StorageRoot& root) -> Result<std::span<const std::byte>> {
    const std::string name = folder + "data/" + std::string(root.key);
    NARROW_ASSIGN(current, archive.read(name));
    const auto expected = static_cast<std::size_t>(root.elems * element_bytes(root.dtype));
    if (current.size() != expected) {
      return Error{ErrorCode::kMalformed,
                   "storage has " + std::to_string(current.size()) + " bytes, but data.pkl says " +
                       std::to_string(root.elems) + " x " + std::string(dtype_name(root.dtype)),
                   where + ": " + in_quotes(name)};
    }
    return std::span<const std::byte>(current);
  };
  return read_state_dict(document, bytes.size(), load, where, choice);
}

}  // namespace narrow::torch
