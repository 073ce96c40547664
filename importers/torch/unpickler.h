// A small stack machine that reads the pickles which torch.save writes (protocols 2 to 5), and can do nothing else.
//
// Unlike Python's, it has no imports, and no calls but those in pickle_globals.h. Objects of other classes are kept as
// they are written, a name and data; nothing is made of them. Work and
// memory are bounded by the length of the pickle and by fixed limits.
// Source: the opcode descriptions in CPython's Lib/pickletools.py.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "importers/torch/pickle_value.h"
#include "narrow/result.h"

namespace narrow::torch::pickle {

struct Document {
  Heap heap;            // its texts point into the bytes of the pickle
  Value root;           // the value of the pickle
  std::size_t end = 0;  // offset of the byte after the pickle
};

// Reads the pickle that starts at bytes[start]. Errors are at `where` + " offset N", counted from bytes[0].
[[nodiscard]] Result<Document> unpickle(std::span<const std::byte> bytes, std::size_t start, const std::string& where);

}  // namespace narrow::torch::pickle
