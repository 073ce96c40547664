#include "tests/apps/two_weights.h"

#include <cstdint>
#include <cstring>

#include "tests/apps/command.h"
#include "tests/support/data.h"

namespace narrow::testing {

void write_two_weights(const std::string& path) {
  run_narrow({"convert", default_checkpoint(), "-o", path});
  const std::string file = read_file(path);
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, file.data(), sizeof(header_bytes));
  const std::size_t begin = sizeof(header_bytes) + header_bytes;
  const nlohmann::json header = nlohmann::json::parse(file.substr(sizeof(header_bytes), header_bytes));
  std::string data = file.substr(begin);
  const std::size_t bytes = data.size();
  data += data;
  nlohmann::json both;
  for (const auto& [name, tensor] : header.items()) {
    if (name == "__metadata__") continue;
    const std::size_t from = tensor["data_offsets"][0];
    const std::size_t to = tensor["data_offsets"][1];
    both["one." + name] = both["two." + name] = tensor;
    both["two." + name]["data_offsets"] = {bytes + from, bytes + to};
    if (name != "fc.weight") continue;
    for (std::size_t i = bytes + from + 3; i < bytes + to; i += 4) data[i] = static_cast<char>(data[i] ^ 0x80);
  }
  const std::string text = both.dump();
  header_bytes = text.size();
  std::string size(sizeof(header_bytes), '\0');
  std::memcpy(size.data(), &header_bytes, sizeof(header_bytes));
  write_file(path, size + text + data);
}

}  // namespace narrow::testing
