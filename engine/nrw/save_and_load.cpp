// Model: loading and saving.
#include <new>

#include "base/try.h"
#include "engine/model/model_data.h"
#include "engine/nrw/atomic_file.h"
#include "engine/nrw/mapped_file.h"
#include "engine/nrw/nrw_file.h"
#include "engine/nrw/nrw_layout.h"
#include "narrow/model.h"

namespace narrow {

namespace {

struct FilePages final : engine::WeightPages {
  explicit FilePages(engine::MappedFile mapped) : file(std::move(mapped)) {}
  void release(std::span<const std::byte> bytes) const noexcept override { file.release(bytes); }
  void release_all() const noexcept override { file.release_all(); }
  engine::MappedFile file;
};

Result<Model> read(std::span<const std::byte> bytes, std::string where,
                   std::shared_ptr<const engine::WeightPages> pages) {
  try {
    NARROW_ASSIGN(engine::ModelData data, engine::read_model(bytes, where, std::move(pages)));
    return Model(std::make_shared<const engine::ModelData>(std::move(data)));
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kLimit, "there is not enough memory to load it", std::move(where)};
  }
}

}  // namespace

Result<Model> Model::load(const std::filesystem::path& path) {
  NARROW_ASSIGN(engine::MappedFile file, engine::MappedFile::open(path, engine::kMaxFileBytes));
  const auto pages = std::make_shared<const FilePages>(std::move(file));
  return read(pages->file.bytes(), path.string(), pages);
}

Result<Model> Model::parse(std::span<const std::byte> bytes, std::string where) {
  return read(bytes, std::move(where), nullptr);
}

std::vector<std::byte> Model::serialize() const { return engine::write_model(*data_); }

Status Model::save(const std::filesystem::path& path) const {
  try {
    // The check comes before writing: a model that can't be loaded is not saved.
    if (Status status = engine::check_model(*data_); !status.ok()) {
      Error error = std::move(status).error();
      error.where = path.string() + ": " + error.where;
      return error;
    }
    return engine::write_file_atomically(path, serialize());
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kLimit, "there is not enough memory to save the model", path.string()};
  }
}

}  // namespace narrow
