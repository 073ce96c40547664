// The opcodes of the pickle machine, with the names of CPython's Lib/pickletools.py.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace narrow::torch::pickle {

enum class Opcode : std::uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDup = '2',
  kBinFloat = 'G',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kDict = 'd',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kList = 'l',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kEmptyDict = '}',
  kEmptyList = ']',
  kEmptyTuple = ')',
  kInst = 'i',
  kObj = 'o',
  kProto = 0x80,
  kNewObj = 0x81,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8A,
  kLong4 = 0x8B,
  kShortBinUnicode = 0x8C,
  kBinUnicode8 = 0x8D,
  kBinBytes8 = 0x8E,
  kEmptySet = 0x8F,
  kAddItems = 0x90,
  kFrozenSet = 0x91,
  kNewObjEx = 0x92,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
  kByteArray8 = 0x96,
};

struct RefusedOpcode {
  std::uint8_t byte;
  std::string_view name;
};

// Opcodes that Python has and a checkpoint does not need: those that reach outside the file, and the text opcodes of
// protocol 0.
inline constexpr std::array kRefusedOpcodes = {
    RefusedOpcode{0x82, "EXT1"},  RefusedOpcode{0x83, "EXT2"},        RefusedOpcode{0x84, "EXT4"},
    RefusedOpcode{'P', "PERSID"}, RefusedOpcode{0x97, "NEXT_BUFFER"}, RefusedOpcode{0x98, "READONLY_BUFFER"},
    RefusedOpcode{'F', "FLOAT"},  RefusedOpcode{'I', "INT"},          RefusedOpcode{'L', "LONG"},
    RefusedOpcode{'S', "STRING"}, RefusedOpcode{'V', "UNICODE"},      RefusedOpcode{'g', "GET"},
    RefusedOpcode{'p', "PUT"},
};

}  // namespace narrow::torch::pickle
