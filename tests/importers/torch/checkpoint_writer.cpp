#include "tests/importers/torch/checkpoint_writer.h"

#include <cstring>

namespace narrow::testing {
namespace {

std::vector<std::int64_t> contiguous_strides(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

void write_state_dict(PickleWriter& pickle, const std::vector<FloatTensor>& tensors) {
  pickle.global("collections", "OrderedDict").raw(")R").mark();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    pickle.text(tensors[i].name)
        .tensor("FloatStorage", std::to_string(i), static_cast<std::int64_t>(tensors[i].values.size()), 0,
                tensors[i].shape, contiguous_strides(tensors[i].shape));
  }
  pickle.raw("u");
}

std::uint32_t crc32(const std::string& bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char character : bytes) {
    crc ^= static_cast<unsigned char>(character);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

}  // namespace

std::string little_endian(std::uint64_t value, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i, value >>= 8U) bytes += static_cast<char>(value & 0xFFU);
  return bytes;
}

std::string bytes_of(const std::vector<float>& values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

PickleWriter& PickleWriter::raw(std::string_view bytes) {
  bytes_ += bytes;
  return *this;
}

PickleWriter& PickleWriter::global(const std::string& module, const std::string& name) {
  return raw("c" + module + "\n" + name + "\n");
}

PickleWriter& PickleWriter::text(std::string_view text) {
  return raw("X" + little_endian(text.size(), 4) + std::string(text));
}

PickleWriter& PickleWriter::integer(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  if (value == static_cast<std::int32_t>(value)) return raw("J" + little_endian(bits, 4));
  return raw("\x8a\x08" + little_endian(bits, 8));
}

PickleWriter& PickleWriter::integers(const std::vector<std::int64_t>& values) {
  mark();
  for (const std::int64_t value : values) integer(value);
  return raw("t");
}

PickleWriter& PickleWriter::put(unsigned index) { return raw("q").byte(index); }
PickleWriter& PickleWriter::get(unsigned index) { return raw("h").byte(index); }

PickleWriter& PickleWriter::storage(const std::string& type, const std::string& key, std::int64_t elems) {
  return mark().text("storage").global("torch", type).text(key).text("cpu").integer(elems).raw("tQ");
}

PickleWriter& PickleWriter::tensor(const std::string& type, const std::string& key, std::int64_t elems,
                                   std::int64_t offset, const std::vector<std::int64_t>& shape,
                                   const std::vector<std::int64_t>& strides) {
  global("torch._utils", "_rebuild_tensor_v2").mark().storage(type, key, elems).integer(offset);
  integers(shape).integers(strides).byte(0x89);  // NEWFALSE
  return global("collections", "OrderedDict").raw(")RtR");
}

std::string state_dict_pickle(const std::vector<FloatTensor>& tensors) {
  PickleWriter pickle;
  write_state_dict(pickle, tensors);
  return pickle.stop();
}

std::string nested_pickle(const std::string& key, const std::vector<FloatTensor>& tensors) {
  PickleWriter pickle;
  pickle.raw("}").mark().text("epoch").integer(3).text(key);
  write_state_dict(pickle, tensors);
  return pickle.raw("u").stop();
}

std::string zip_archive(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string archive;
  std::string directory;
  for (const auto& [name, bytes] : entries) {
    // Version needed, flags, method 0, time, date; then checksum, both sizes, lengths of name and extra field.
    const std::string common = little_endian(20, 2) + little_endian(0, 8) + little_endian(crc32(bytes), 4) +
                               little_endian(bytes.size(), 4) + little_endian(bytes.size(), 4) +
                               little_endian(name.size(), 2) + little_endian(0, 2);
    directory +=
        "PK\x01\x02" + little_endian(20, 2) + common + little_endian(0, 10) + little_endian(archive.size(), 4) + name;
    archive += "PK\x03\x04" + common + name + bytes;
  }
  const std::string end = "PK\x05\x06" + little_endian(0, 4) + little_endian(entries.size(), 2) +
                          little_endian(entries.size(), 2) + little_endian(directory.size(), 4) +
                          little_endian(archive.size(), 4) + little_endian(0, 2);
  return archive + directory + end;
}

std::string zip_checkpoint(const std::string& pickle, const std::vector<std::string>& storages) {
  std::vector<std::pair<std::string, std::string>> entries = {{"archive/data.pkl", pickle}};
  for (std::size_t i = 0; i < storages.size(); ++i) {
    entries.emplace_back("archive/data/" + std::to_string(i), storages[i]);
  }
  entries.emplace_back("archive/version", "3\n");
  return zip_archive(entries);
}

std::string zip_checkpoint(const std::vector<FloatTensor>& tensors) {
  std::vector<std::string> storages;
  for (const FloatTensor& tensor : tensors) storages.push_back(bytes_of(tensor.values));
  return zip_checkpoint(state_dict_pickle(tensors), storages);
}

std::string stream_header() {
  const std::string magic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
  PickleWriter system;
  system.raw("}").mark().text("protocol_version").integer(1001).text("little_endian").byte(0x88).raw("u");
  return magic + PickleWriter().integer(1001).stop() + system.stop();
}

std::string key_list_pickle(std::size_t count) {
  PickleWriter keys;
  keys.raw("]").mark();
  for (std::size_t i = 0; i < count; ++i) keys.text(std::to_string(i));
  return keys.raw("e").stop();
}

std::string stream_checkpoint(const std::string& pickle,
                              const std::vector<std::pair<std::int64_t, std::string>>& storages) {
  std::string bytes = stream_header() + pickle + key_list_pickle(storages.size());
  for (const auto& [elems, storage] : storages) {
    bytes += little_endian(static_cast<std::uint64_t>(elems), 8) + storage;
  }
  return bytes;
}

std::string stream_checkpoint(const std::vector<FloatTensor>& tensors) {
  std::vector<std::pair<std::int64_t, std::string>> storages;
  for (const FloatTensor& tensor : tensors) {
    storages.emplace_back(static_cast<std::int64_t>(tensor.values.size()), bytes_of(tensor.values));
  }
  return stream_checkpoint(state_dict_pickle(tensors), storages);
}

}  // namespace narrow::testing
