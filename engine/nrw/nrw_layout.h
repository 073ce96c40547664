// The frame of a .nrw file: header, section table, checksums. docs/model_format.md is normative.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "narrow/result.h"

namespace narrow::engine {

// A first byte outside ASCII, line ends and Ctrl-Z, so that damage by a text-mode transfer is detected (as in PNG).
inline constexpr std::array<std::uint8_t, 8> kMagic = {0x89, 'N', 'R', 'W', '\r', '\n', 0x1A, '\n'};
inline constexpr std::uint32_t kFormatVersion = 1;
// Changes when the same file would give other scores.
inline constexpr std::uint32_t kNumericsVersion = 1;

inline constexpr std::size_t kHeaderBytes = 32;
inline constexpr std::size_t kHeaderChecksumOffset =
    28;  // of the CRC-32 over the bytes before it and the section table
inline constexpr std::size_t kSectionEntryBytes = 32;
inline constexpr std::size_t kSectionAlignment = 64;
inline constexpr std::size_t kMaxSections = 64;
inline constexpr std::size_t kMaxFileBytes = std::size_t{4} << 30;

enum class SectionKind : std::uint32_t {
  kGraph = 1,
  kWeights = 2,
  kChannels = 3,
  kFloats = 4,
  kPreprocessing = 5,
  kLabels = 6,
  kProvenance = 7,
  kPreparation = 8,
};
inline constexpr std::size_t kSectionKinds = 8;
// Sections of the kinds up to this one are in every file. A section of a later kind is there if it says something: its
// absence stands for the defaults, and so files that need none stay as they were.
inline constexpr std::size_t kRequiredSectionKinds = 7;
// Flag: a reader that does not know the kind may ignore the section.
inline constexpr std::uint32_t kSkippable = 1;

// Bits of the preprocessing section's last byte.
inline constexpr std::uint8_t kNearestBit = 1;
inline constexpr std::uint8_t kGrayBit = 2;
// Bits of the preparation section's last byte.
inline constexpr std::uint8_t kBgrBit = 1;
inline constexpr std::uint8_t kPlainBit = 2;
inline constexpr std::uint8_t kExifBit = 4;

// The contents of the sections, by kind.
struct Section {
  std::span<const std::byte> bytes;
  std::size_t offset = 0;      // in the file
  std::uint32_t checksum = 0;  // of the bytes, as open_frame() found it
};
class Sections {
 public:
  [[nodiscard]] Section& operator[](SectionKind kind) { return sections_[static_cast<std::size_t>(kind) - 1]; }
  [[nodiscard]] const Section& operator[](SectionKind kind) const {
    return sections_[static_cast<std::size_t>(kind) - 1];
  }

 private:
  std::array<Section, kSectionKinds> sections_;
};

// Builds a file: the frame with these sections. Their offsets are not read.
[[nodiscard]] std::vector<std::byte> build_frame(const Sections& sections);

// Checks the whole frame, checksums and padding included, and returns the sections, which point into `file`. Each
// required one must be there once, each other one at most once; an absent one is empty. where: name of the file in
// errors.
[[nodiscard]] Result<Sections> open_frame(std::span<const std::byte> file, const std::string& where);

// "model.nrw, byte 123", for errors.
[[nodiscard]] std::string at_byte(const std::string& where, std::size_t offset);

}  // namespace narrow::engine
