#include "engine/nrw/nrw_layout.h"

#include <algorithm>
#include <cstring>

#include "base/arithmetic.h"
#include "base/text.h"
#include "base/try.h"
#include "engine/nrw/byte_reader.h"
#include "engine/nrw/byte_writer.h"
#include "engine/nrw/crc32.h"

namespace narrow::engine {
namespace {

// By kind.
constexpr std::array<const char*, kSectionKinds> kSectionNames = {
    "the graph section",         "the weights section", "the channels section",   "the floats section",
    "the preprocessing section", "the labels section",  "the provenance section", "the preparation section"};

struct Entry {
  std::uint32_t kind = 0;
  std::uint32_t flags = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint32_t checksum = 0;
};

std::size_t aligned(std::size_t offset) { return base::round_up(offset, kSectionAlignment); }

std::uint32_t header_checksum(std::span<const std::byte> file, std::size_t section_count) {
  return crc32(file.subspan(kHeaderBytes, section_count * kSectionEntryBytes),
               crc32(file.first(kHeaderChecksumOffset)));
}

bool starts_with(std::span<const std::byte> file, std::span<const std::uint8_t> prefix) {
  return file.size() >= prefix.size() && std::memcmp(file.data(), prefix.data(), prefix.size()) == 0;
}

// Describes a file without the signature, if its first bytes show what it is.
std::string guess(std::span<const std::byte> file) {
  constexpr std::array<std::uint8_t, 4> kZip = {'P', 'K', 3, 4};
  constexpr std::array<std::uint8_t, 2> kPickle = {0x80, 2};
  if (starts_with(file, kZip) || starts_with(file, kPickle)) {
    return "; it looks like a PyTorch checkpoint, which `narrow quantize` makes a model of";
  }
  constexpr std::array<std::uint8_t, 3> kNrw = {'N', 'R', 'W'};
  if (file.size() > 4 && starts_with(file.subspan(1), kNrw)) return "; it was damaged, perhaps by a text-mode transfer";
  return {};
}

std::string versions(const char* what, std::uint32_t in_file, std::uint32_t known) {
  const std::string both = base::joined({"has ", what, " version ", in_file, "; this Narrow reads version ", known});
  return in_file > known ? both + ": a newer Narrow is needed" : both + " only";
}

// Checks signature, versions and size, which decide how the rest is read. Returns the number of sections.
Result<std::size_t> check_header(std::span<const std::byte> file, const std::string& where) {
  if (file.empty()) return Error{ErrorCode::kMalformed, "the file is empty", where};
  const std::size_t compared = std::min(file.size(), kMagic.size());
  if (std::memcmp(file.data(), kMagic.data(), compared) != 0) {
    return Error{ErrorCode::kMalformed,
                 base::joined({"is not a Narrow model (.nrw): its signature is missing", guess(file)}), where};
  }
  ReadFailure failure;
  ByteReader reader(file, 0, "the file", failure);
  (void)reader.bytes(kMagic.size());
  const std::uint32_t format = reader.u32();
  const std::uint32_t numerics = reader.u32();
  // Versions are checked first, because the rest of a newer header may have another meaning.
  if (reader.ok() && format != kFormatVersion) {
    return Error{ErrorCode::kUnsupported, versions("format", format, kFormatVersion), where};
  }
  if (reader.ok() && numerics != kNumericsVersion) {
    return Error{ErrorCode::kUnsupported, versions("numerics", numerics, kNumericsVersion), where};
  }
  const std::uint64_t file_bytes = reader.u64();
  if (reader.ok() && file_bytes != file.size()) {
    return Error{ErrorCode::kMalformed,
                 base::joined({"the header says ", file_bytes, " bytes but there are ", file.size(),
                               file_bytes > file.size() ? ": the file was cut off" : ": something follows the model"}),
                 at_byte(where, 16)};
  }
  const std::uint32_t section_count = reader.u32();
  const std::uint32_t checksum = reader.u32();
  if (reader.ok() && (section_count > kMaxSections || section_count * kSectionEntryBytes > reader.remaining())) {
    reader.fail({"the section table claims ", section_count, " sections"});
  }
  if (!reader.ok()) {
    return Error{ErrorCode::kMalformed, failure.report->message, at_byte(where, failure.report->offset)};
  }
  if (checksum != header_checksum(file, section_count)) {
    return Error{ErrorCode::kMalformed, "the checksum of header and section table is wrong: the file is damaged",
                 at_byte(where, kHeaderChecksumOffset)};
  }
  return std::size_t{section_count};
}

}  // namespace

std::string at_byte(const std::string& where, std::size_t offset) { return base::joined({where, ", byte ", offset}); }

std::vector<std::byte> build_frame(const Sections& sections) {
  std::vector<Entry> table;
  for (std::uint32_t kind = 1; kind <= kSectionKinds; ++kind) {
    const std::span<const std::byte> bytes = sections[static_cast<SectionKind>(kind)].bytes;
    if (kind > kRequiredSectionKinds && bytes.empty()) continue;
    table.push_back({kind, 0, 0, bytes.size(), crc32(bytes)});
  }
  std::size_t end = kHeaderBytes + table.size() * kSectionEntryBytes;
  for (Entry& entry : table) {
    entry.offset = aligned(end);
    end = static_cast<std::size_t>(entry.offset + entry.size);
  }

  ByteWriter header;
  header.bytes(std::as_bytes(std::span(kMagic)));
  header.u32(kFormatVersion);
  header.u32(kNumericsVersion);
  header.u64(end);
  header.u32(static_cast<std::uint32_t>(table.size()));
  ByteWriter rows;
  for (const Entry& entry : table) {
    rows.u32(entry.kind);
    rows.u32(entry.flags);
    rows.u64(entry.offset);
    rows.u64(entry.size);
    rows.u32(entry.checksum);
    rows.u32(0);
  }
  header.u32(crc32(rows.view(), crc32(header.view())));

  ByteWriter file;
  file.bytes(header.view());
  file.bytes(rows.view());
  for (const Entry& entry : table) {
    file.align(kSectionAlignment);
    file.bytes(sections[static_cast<SectionKind>(entry.kind)].bytes);
  }
  return std::move(file).take();
}

Result<Sections> open_frame(std::span<const std::byte> file, const std::string& where) {
  NARROW_ASSIGN(const std::size_t section_count, check_header(file, where));
  ReadFailure failure;
  ByteReader table(file.subspan(kHeaderBytes, section_count * kSectionEntryBytes), kHeaderBytes, "the section table",
                   failure);
  Sections sections;
  std::array<bool, kSectionKinds> found{};
  std::size_t end = kHeaderBytes + section_count * kSectionEntryBytes;
  for (std::size_t i = 0; i < section_count; ++i) {
    const std::string row = at_byte(where, kHeaderBytes + i * kSectionEntryBytes);
    const auto malformed = [&](base::Pieces message) {
      return Error{ErrorCode::kMalformed, base::joined(message), row};
    };
    Entry entry;
    entry.kind = table.u32();
    entry.flags = table.u32();
    entry.offset = table.u64();
    entry.size = table.u64();
    entry.checksum = table.u32();
    if (table.u32() != 0) return malformed({"the last field of a section table row must be 0"});
    if ((entry.flags & ~kSkippable) != 0) return malformed({"unknown section flags"});

    // Sections follow each other in the order of the table, so that every byte belongs to exactly one.
    const std::size_t begin = aligned(end);
    if (entry.offset != begin || begin > file.size() || entry.size > file.size() - begin) {
      return malformed({"section ", i, " is not where it must be, or reaches beyond the file"});
    }
    const std::span<const std::byte> padding = file.subspan(end, begin - end);
    if (std::any_of(padding.begin(), padding.end(), [](std::byte byte) { return byte != std::byte{0}; })) {
      return Error{ErrorCode::kMalformed, "the padding before a section is not zero", at_byte(where, end)};
    }
    const Section section{file.subspan(begin, static_cast<std::size_t>(entry.size)), begin, entry.checksum};
    end = begin + section.bytes.size();
    const bool known = entry.kind >= 1 && entry.kind <= kSectionKinds;
    if (crc32(section.bytes) != entry.checksum) {
      return Error{ErrorCode::kMalformed,
                   base::joined({"the checksum of ", known ? kSectionNames[entry.kind - 1] : "an unknown section",
                                 " is wrong: the file is damaged"}),
                   at_byte(where, begin)};
    }
    if (!known) {
      if ((entry.flags & kSkippable) != 0) continue;
      return Error{
          ErrorCode::kUnsupported,
          base::joined({"a section of kind ", entry.kind,
                        " is needed to use this model, and this Narrow does not know it: a newer one is needed"}),
          row};
    }
    if (found[entry.kind - 1]) return malformed({kSectionNames[entry.kind - 1], " is there twice"});
    found[entry.kind - 1] = true;
    sections[static_cast<SectionKind>(entry.kind)] = section;
  }
  if (end != file.size()) {
    return Error{ErrorCode::kMalformed, "bytes follow the last section", at_byte(where, end)};
  }
  for (std::size_t kind = 0; kind < kRequiredSectionKinds; ++kind) {
    if (!found[kind]) return Error{ErrorCode::kMalformed, base::joined({kSectionNames[kind], " is missing"}), where};
  }
  return sections;
}

}  // namespace narrow::engine
