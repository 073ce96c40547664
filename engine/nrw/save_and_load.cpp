// Model: loading and saving.
#include <algorithm>
#include <memory>

#include "base/aligned_buffer.h"
#include "base/atomic_file.h"
#include "base/guarded.h"
#include "base/next_step.h"
#include "base/text.h"
#include "base/try.h"
#include "engine/model/model_data.h"
#include "engine/nrw/mapped_file.h"
#include "engine/nrw/nrw_file.h"
#include "engine/nrw/nrw_layout.h"
#include "narrow/model.h"

namespace narrow {
inline namespace v0 {

namespace {

struct FilePages final : engine::WeightPages {
  explicit FilePages(engine::MappedFile mapped) : file(std::move(mapped)) {}
  void release(std::span<const std::byte> bytes) const noexcept override { file.release(bytes); }
  void release_all() const noexcept override { file.release_all(); }
  engine::MappedFile file;
};

// Bytes that stay in memory: releasing them would lose them.
struct MemoryPages final : engine::WeightPages {
  explicit MemoryPages(base::AlignedBuffer bytes) : buffer(std::move(bytes)) {}
  void release(std::span<const std::byte> /*bytes*/) const noexcept override {}
  void release_all() const noexcept override {}
  base::AlignedBuffer buffer;
};

// Bytes that the caller keeps.
struct BorrowedPages final : engine::WeightPages {
  void release(std::span<const std::byte> /*bytes*/) const noexcept override {}
  void release_all() const noexcept override {}
};

Result<Model> read(std::span<const std::byte> bytes, std::string where,
                   std::shared_ptr<const engine::WeightPages> pages, const Allocator& allocator = {}) {
  constexpr base::NextSteps kNextSteps{
      "copy or download the file again, or make it again (narrow quantize, narrow convert)",
      "docs/security.md lists the limits on files, which are fixed: make a smaller network"};
  std::string identity;
  NARROW_ASSIGN(
      engine::ModelData data,
      base::with_next_step(engine::read_model(bytes, where, std::move(pages), allocator, &identity), kNextSteps));
  auto shared = std::make_shared<engine::ModelData>(std::move(data));
  shared->shared_layers.set_identity(std::move(identity));
  return Model(std::move(shared));
}

}  // namespace

Result<Model> Model::load(const std::filesystem::path& path, const LoadOptions& options) {
  return base::guarded([&]() -> Result<Model> {
    const std::size_t max_bytes = std::min(engine::kMaxFileBytes, options.max_memory_bytes);
    if (options.map) {
      NARROW_ASSIGN(engine::MappedFile file, engine::MappedFile::open(path, max_bytes));
      const auto pages = std::make_shared<const FilePages>(std::move(file));
      return read(pages->file.bytes(), path.string(), pages);
    }
    NARROW_ASSIGN(base::AlignedBuffer buffer, engine::read_file(path, max_bytes, options.allocator));
    const auto memory = std::make_shared<const MemoryPages>(std::move(buffer));
    return read({memory->buffer.data(), memory->buffer.size()}, path.string(), memory);
  });
}

Result<Model> Model::parse(std::span<const std::byte> bytes, std::string where, const LoadOptions& options) {
  return base::guarded([&]() -> Result<Model> {
    if (bytes.size() > options.max_memory_bytes) {
      return Error{ErrorCode::kLimit,
                   base::joined({"has ", bytes.size(), " bytes, more than the limit of ", options.max_memory_bytes}),
                   std::move(where)};
    }
    return read(bytes, std::move(where), nullptr, options.allocator);
  });
}

Result<Model> Model::view(std::span<const std::byte> bytes, std::string where) {
  return base::guarded([&] { return read(bytes, std::move(where), std::make_shared<const BorrowedPages>()); });
}

std::vector<std::byte> Model::serialize() const { return engine::write_model(*data_); }

Status Model::save(const std::filesystem::path& path) const {
  return base::guarded([&]() -> Status {
    // The check comes before writing: a model that can't be loaded is not saved.
    if (Status status = engine::check_model(*data_); !status.ok()) {
      Error error = std::move(status).error();
      error.where = path.string() + ": " + error.where;
      return error;
    }
    return base::write_file_atomically(path, engine::write_model(*data_));
  });
}

}  // namespace v0
}  // namespace narrow
