// Files of one array that numpy.load reads.
#pragma once

#include <cstddef>
#include <string>

namespace narrow::cli {

// What stands before the numbers of a [rows, columns] array of little-endian float32 in a .npy file. (NumPy's "A simple
// file format for NumPy arrays", version 1.0.)
[[nodiscard]] std::string npy_header(std::size_t rows, std::size_t columns);

}  // namespace narrow::cli
