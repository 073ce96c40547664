#include "narrow/model.h"
#include "narrow/inspect.h"

#include <new>

#include "engine/model/layer_info.h"
#include "engine/model/model_data.h"
#include "engine/nrw/atomic_file.h"
#include "engine/nrw/mapped_file.h"
#include "engine/nrw/nrw_file.h"
#include "engine/nrw/nrw_layout.h"

namespace narrow {

namespace {

struct FileStore final : graph::ByteStore {
  explicit FileStore(engine::MappedFile mapped) : file(std::move(mapped)) {}
  void forget(std::span<const std::byte> bytes) const noexcept override { file.forget(bytes); }
  void forget_all() const noexcept override { file.forget_all(); }
  engine::MappedFile file;
};

Result<Model> read(std::span<const std::byte> bytes, std::string where, std::shared_ptr<const graph::ByteStore> store) {
  try {
    NARROW_ASSIGN(engine::ModelData data, engine::read_model(bytes, where, std::move(store)));
    return Model(std::make_shared<const engine::ModelData>(std::move(data)));
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kLimit, "there is not enough memory to load it", std::move(where)};
  }
}

}  // namespace

Result<Model> Model::load(const std::filesystem::path& path) {
  NARROW_ASSIGN(engine::MappedFile file, engine::MappedFile::open(path, engine::kMaxFileBytes));
  const auto store = std::make_shared<const FileStore>(std::move(file));
  return read(store->file.bytes(), path.string(), store);
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

TensorShape Model::input_shape() const { return data_->graph.value(data_->graph.input).shape; }

std::int64_t Model::classes() const { return data_->graph.value(data_->graph.output).shape.elems(); }

bool Model::scores_are_probabilities() const { return graph::gives_probabilities(data_->graph); }

const Preprocessing& Model::preprocessing() const { return data_->preprocessing; }

const std::vector<std::string>& Model::labels() const { return data_->labels; }

const Provenance& Model::provenance() const { return data_->provenance; }

std::vector<LayerInfo> Model::layers() const {
  std::vector<LayerInfo> layers;
  layers.reserve(data_->graph.nodes.size());
  for (const graph::Node& node : data_->graph.nodes) layers.push_back(engine::describe_layer(data_->graph, node));
  return layers;
}

}  // namespace narrow
