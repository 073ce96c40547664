#include "apps/files/npy_file.h"

namespace narrow::cli {

std::string npy_header(std::size_t rows, std::size_t columns, std::size_t most_rows) {
  // The dictionary ends with a newline, at a multiple of 64 bytes.
  constexpr std::size_t kAlignment = 64;
  constexpr std::size_t kBeforeDictionary = 10;  // magic, version, length
  std::string dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", " +
                           std::to_string(columns) + "), }";
  dictionary.append(std::to_string(most_rows).size() - std::to_string(rows).size(), ' ');
  while ((kBeforeDictionary + dictionary.size() + 1) % kAlignment != 0) dictionary += ' ';
  dictionary += '\n';
  const auto length = [&](int shift) { return static_cast<char>((dictionary.size() >> shift) & 0xFFU); };
  return std::string("\x93NUMPY\x01", 7) + '\0' + length(0) + length(8) + dictionary;
}

}  // namespace narrow::cli
