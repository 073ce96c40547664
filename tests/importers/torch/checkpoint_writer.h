// Writes pickles, zip archives and both checkpoint formats byte by byte, well-formed or not. Nothing is checked: what
// is hostile is up to the test. Shares no code with the reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narrow::testing {

// Appends opcodes to a pickle. Methods are named after CPython's opcodes where one call writes one opcode.
class PickleWriter {
 public:
  PickleWriter() : bytes_("\x80\x02") {}  // PROTO 2

  PickleWriter& raw(std::string_view bytes);
  PickleWriter& byte(unsigned value) { return raw(std::string(1, static_cast<char>(value))); }
  PickleWriter& mark() { return raw("("); }
  PickleWriter& global(const std::string& module, const std::string& name);
  PickleWriter& text(std::string_view text);                        // BINUNICODE
  PickleWriter& integer(std::int64_t value);                        // BININT or LONG1
  PickleWriter& integers(const std::vector<std::int64_t>& values);  // MARK ... TUPLE
  PickleWriter& put(unsigned index);                                // BINPUT
  PickleWriter& get(unsigned index);                                // BINGET
  // The persistent id tuple of a storage and BINPERSID.
  PickleWriter& storage(const std::string& type, const std::string& key, std::int64_t elems);
  // torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, False, OrderedDict()).
  PickleWriter& tensor(const std::string& type, const std::string& key, std::int64_t elems, std::int64_t offset,
                       const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides);
  std::string stop() { return bytes_ + "."; }

 private:
  std::string bytes_;
};

// A contiguous float32 tensor.
struct FloatTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

// "data" of a storage.
[[nodiscard]] std::string bytes_of(const std::vector<float>& values);
// `value` as `count` little-endian bytes.
[[nodiscard]] std::string little_endian(std::uint64_t value, int count);

// An OrderedDict of `tensors`, storage i with the key "i".
[[nodiscard]] std::string state_dict_pickle(const std::vector<FloatTensor>& tensors);
// {"epoch": 3, key: the same OrderedDict}.
[[nodiscard]] std::string nested_pickle(const std::string& key, const std::vector<FloatTensor>& tensors);

// A zip archive of stored entries (name, bytes).
[[nodiscard]] std::string zip_archive(const std::vector<std::pair<std::string, std::string>>& entries);
// The zip format: folder "archive", `storages` by number.
[[nodiscard]] std::string zip_checkpoint(const std::string& pickle, const std::vector<std::string>& storages);
[[nodiscard]] std::string zip_checkpoint(const std::vector<FloatTensor>& tensors);

// Magic number, protocol version and facts about the machine.
[[nodiscard]] std::string stream_header();
// A list of the keys "0", "1", ... .
[[nodiscard]] std::string key_list_pickle(std::size_t count);
// The stream format; storages are (number of elements, bytes).
[[nodiscard]] std::string stream_checkpoint(const std::string& pickle,
                                            const std::vector<std::pair<std::int64_t, std::string>>& storages);
[[nodiscard]] std::string stream_checkpoint(const std::vector<FloatTensor>& tensors);

}  // namespace narrow::testing
