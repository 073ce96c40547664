#include "engine/packed/packed_file.h"

#include <array>
#include <cmath>
#include <cstring>
#include <new>
#include <variant>

#include "base/arithmetic.h"
#include "base/text.h"
#include "base/try.h"
#include "engine/nrw/byte_reader.h"
#include "engine/nrw/byte_writer.h"
#include "engine/nrw/crc32.h"
#include "engine/nrw/mapped_file.h"
#include "kernels/cpu_features.h"
#include "narrow/version.h"

namespace narrow::engine {
namespace {

constexpr std::array<std::uint8_t, 8> kPackedMagic = {0x89, 'N', 'P', 'K', '\r', '\n', 0x1A, '\n'};
// Of this file. The layout of packed weights has a version of its own, kernels::kPackingVersion.
constexpr std::uint32_t kPackedVersion = 1;
constexpr std::size_t kPackedHeaderBytes = 40;
constexpr std::size_t kHeadChecksumOffset = 36;
// Where the weights begin: at a page, so that nothing else is on their pages.
constexpr std::size_t kDataAlignment = 4096;
constexpr std::size_t kLayerAlignment = 64;
constexpr std::size_t kLeastEntryBytes = 4 + 1 + 4 + 8 + 8 + 8;

// Memory of zeros.
constexpr Allocator kZeroed = {[](void* /*context*/, std::size_t bytes, std::size_t alignment) -> void* {
                                 void* const memory = ::operator new (bytes, std::align_val_t{alignment}, std::nothrow);
                                 if (memory != nullptr) std::memset(memory, 0, bytes);
                                 return memory;
                               },
                               [](void* /*context*/, void* memory, std::size_t /*bytes*/, std::size_t alignment) {
                                 ::operator delete (memory, std::align_val_t{alignment});
                               },
                               nullptr};

std::span<const std::byte> bytes_of(const PackedLayer& layer) {
  return std::visit([](const auto& own) { return own.packed; }, layer);
}

}  // namespace

Result<std::string> packed_key(const std::string& identity, kernels::Target target) {
  if (identity.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "packed weights belong to a model that was read; save this one and load it, so that it has checksums",
                 "session"};
  }
  return base::joined({"narrow ", version(), ", packing ", kernels::kPackingVersion, ", isa ",
                       kernels::isa_name(target.isa), ", core ", kernels::core_name(target.core), ", model ",
                       identity});
}

Result<std::vector<std::byte>> write_packed(const graph::Graph& graph, kernels::Target target, const std::string& key,
                                            std::size_t max_bytes) {
  NARROW_ASSIGN(const std::shared_ptr<const PackedLayers> packed,
                PackedLayers::pack(graph, target, nullptr, max_bytes, kZeroed));
  const PackedLayers& layers = *packed;
  ByteWriter table;
  ByteWriter data;
  table.text(key);
  std::uint32_t count = 0;
  for (std::size_t n = 0; n < layers.nodes(); ++n) count += layers.of(static_cast<int>(n)) != nullptr ? 1 : 0;
  table.u32(count);
  for (std::size_t n = 0; n < layers.nodes(); ++n) {
    const PackedLayer* const layer = layers.of(static_cast<int>(n));
    if (layer == nullptr) continue;
    const auto* const integer = std::get_if<IntegerLayer>(layer);
    const std::span<const std::byte> bytes = bytes_of(*layer);
    data.align(kLayerAlignment);
    table.u32(static_cast<std::uint32_t>(n));
    table.u8(integer == nullptr ? 1 : 0);
    table.text(integer == nullptr ? std::get<FloatLayer>(*layer).kernel->name : integer->kernel->name);
    table.f64(integer == nullptr ? 0 : integer->candidates.front().cost_cycles);
    table.u64(data.size());
    table.u64(bytes.size());
    data.bytes(bytes);
  }
  const std::size_t data_at = base::round_up(kPackedHeaderBytes + table.size(), kDataAlignment);
  ByteWriter file;
  file.bytes(std::as_bytes(std::span(kPackedMagic)));
  file.u32(kPackedVersion);
  file.u32(static_cast<std::uint32_t>(table.size()));
  file.u64(data_at);
  file.u64(data.size());
  file.u32(crc32(data.view()));
  file.u32(crc32(table.view(), crc32(file.view())));
  file.bytes(table.view());
  file.align(kDataAlignment);
  file.bytes(data.view());
  return std::move(file).take();
}

Result<std::shared_ptr<const StoredLayers>> open_packed(const std::filesystem::path& path, const std::string& key,
                                                        std::size_t max_bytes) {
  NARROW_ASSIGN(MappedFile mapped, MappedFile::open(path, max_bytes));
  const auto owner = std::make_shared<const MappedFile>(std::move(mapped));
  const std::span<const std::byte> all = owner->bytes();
  const auto file = std::make_shared<StoredLayers>();
  file->path = path.string();
  file->owner = owner;
  if (all.size() < kPackedHeaderBytes || std::memcmp(all.data(), kPackedMagic.data(), kPackedMagic.size()) != 0) {
    return file->damaged({"is no file of packed weights"});
  }
  ReadFailure failure;
  ByteReader header(all.first(kPackedHeaderBytes).subspan(kPackedMagic.size()), kPackedMagic.size(), "the header",
                    failure);
  const std::uint32_t format = header.u32();
  const std::size_t table_bytes = header.u32();
  const std::uint64_t data_at = header.u64();
  const std::uint64_t data_bytes = header.u64();
  const std::uint32_t data_checksum = header.u32();
  const std::uint32_t head_checksum = header.u32();
  if (format != kPackedVersion) {
    return file->damaged({"has format ", format, " of packed weights, and this Narrow reads ", kPackedVersion});
  }
  if (table_bytes > all.size() - kPackedHeaderBytes || data_at % kDataAlignment != 0 ||
      data_at < kPackedHeaderBytes + table_bytes || data_at > all.size() || data_bytes != all.size() - data_at) {
    return file->damaged({"is damaged: its parts do not fit its size"});
  }
  const std::span<const std::byte> table_span = all.subspan(kPackedHeaderBytes, table_bytes);
  const std::span<const std::byte> data = all.subspan(static_cast<std::size_t>(data_at));
  if (crc32(table_span, crc32(all.first(kHeadChecksumOffset))) != head_checksum) {
    return file->damaged({"is damaged: the checksum of its table is wrong"});
  }
  ByteReader table(table_span, kPackedHeaderBytes, "the table", failure);
  const std::string found = table.text();
  if (table.ok() && found != key) {
    return Error{ErrorCode::kInvalidArgument,
                 "is for \"" + found + "\", and this session needs \"" + key + "\"; make it again with narrow pack",
                 path.string()};
  }
  const std::size_t count = table.count(kLeastEntryBytes);
  for (std::size_t i = 0; i < count && table.ok(); ++i) {
    const std::size_t node = table.u32();
    StoredLayer layer;
    layer.is_float = table.flag();
    layer.kernel = table.text();
    layer.cycles = table.f64();
    const std::uint64_t offset = table.u64();
    const std::uint64_t size = table.u64();
    if (!std::isfinite(layer.cycles) || layer.cycles < 0) table.fail({"an estimated cost is no number"});
    if (offset % kLayerAlignment != 0 || offset > data.size() || size > data.size() - offset) {
      table.fail({"a layer lies outside of the file"});
    }
    if (!table.ok()) break;
    layer.bytes = data.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
    if (!file->layers.emplace(node, std::move(layer)).second) table.fail({"a layer is there twice"});
  }
  table.expect_end();
  if (failure.report) return file->damaged({"is damaged: ", failure.report->message});
  if (crc32(data) != data_checksum) return file->damaged({"is damaged: the checksum of its weights is wrong"});
  return std::shared_ptr<const StoredLayers>(file);
}

}  // namespace narrow::engine
