// Files of one array that numpy.load reads.
#pragma once

#include <cstddef>
#include <string>

namespace narrow::cli {

// What stands before the numbers of a [rows, columns] array of little-endian float32 in a .npy file. (NumPy's "A simple
// file format for NumPy arrays", version 1.0.) It is as long as that of `most_rows`, so that the number of rows may
// become known after them. Precondition: rows <= most_rows.
[[nodiscard]] std::string npy_header(std::size_t rows, std::size_t columns, std::size_t most_rows);

}  // namespace narrow::cli
