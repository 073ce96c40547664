// FloatModel::load and parse: read a network with its importer and simplify it.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "base/float_environment.h"
#include "base/guarded.h"
#include "base/next_step.h"
#include "base/text.h"
#include "base/try.h"
#include "engine/model/model_data.h"
#include "importers/architectures/architectures.h"
#include "importers/files/file_format.h"
#include "importers/onnx/lower/image_form.h"
#include "importers/onnx/lower/lower_model.h"
#include "importers/onnx/read/reader.h"
#include "importers/safetensors/safetensors.h"
#include "importers/torch/checkpoint.h"
#include "narrow/float_model.h"
#include "narrow/model.h"
#include "narrow/safetensors.h"
#include "pipeline/float_model_data.h"
#include "quantize/trained_statistics.h"
#include "rewrites/simplify.h"

namespace narrow {
inline namespace v0 {
namespace {

// What is read: a file, or bytes in memory.
struct Origin {
  std::string where;                  // in errors
  const std::filesystem::path* file;  // null: `bytes`
  std::span<const std::byte> bytes = {};
};

Status check_labels(const std::vector<std::string>& labels, std::int64_t classes) {
  const auto count = static_cast<std::int64_t>(labels.size());
  const bool names_both = classes == 1 && count == 2;  // a single score tells two classes apart
  if (count == 0 || count == classes || names_both) return {};
  return Error{ErrorCode::kInvalidArgument,
               "the network has " + std::to_string(classes) + " classes, but " + std::to_string(labels.size()) +
                   " labels were given; give one per class, or none",
               "labels"};
}

// Error: a network of neither RGB nor gray images.
Error no_image_channels(const TensorShape& input, const std::string& where) {
  const bool is_image = input.height > 1 && input.width > 1;
  return Error{ErrorCode::kUnsupported,
               "the network takes " + std::to_string(input.channels) + " channels; images have 3 (RGB) or 1 (gray)" +
                   (is_image ? "; export a network of RGB or gray images"
                             : ". If these are the elements of an image in another order, --input-shape H,W,C says so"),
               where};
}

bool has_image_channels(const TensorShape& input) { return input.channels == 1 || input.channels == 3; }

// Error: preprocessing makes images of another size than the network takes.
Status check_input(const Preprocessing& preprocessing, const TensorShape& input) {
  NARROW_TRY(validate(preprocessing));
  const TensorShape made{preprocessing.crop_height, preprocessing.crop_width, preprocessing.channels};
  if (made == input) return {};
  if (!has_image_channels(input)) return no_image_channels(input, "preprocessing");
  std::string message = "preprocessing makes images of " + base::dimensions_text(made) + ", but the network takes " +
                        base::dimensions_text(input) + "; ";
  if (made.channels != input.channels) {
    message += input.channels == 1
                   ? R"(it takes gray images, which have one mean and one std: --mean 0.5 --std 0.5, or "channels": 1)"
                   : R"(give the numbers of its channels: "channels": )" + std::to_string(input.channels);
  } else {
    message += "change the crop (--crop " + std::to_string(input.height) + "," + std::to_string(input.width) +
               ") or the input size";
  }
  return Error{ErrorCode::kInvalidArgument, std::move(message), "preprocessing"};
}

// Error: a setting of named architectures for a file that holds the network itself.
Status check_no_architecture(const ArchitectureOptions& options, const std::string& where) {
  const char* given = nullptr;
  if (!options.name.empty()) given = "the name of an architecture";
  if (!options.state_dict.empty()) given = "the key of a state dict";
  if (options.tf_padding) given = "TensorFlow's padding";
  if (options.batch_norm_epsilon) given = "an epsilon of BatchNorm";
  if (options.stride_2_blocks) given = "blocks with stride 2";
  if (given == nullptr) return {};
  return Error{ErrorCode::kInvalidArgument,
               std::string(given) +
                   " applies to files of weights only (PyTorch checkpoints, safetensors); this file "
                   "holds its network itself, so leave it out",
               where};
}

// Error: an input size for a network that has one. Only an ONNX file may leave it open.
Status check_input_size(const InputSize& asked, const graph::Graph& graph, const std::string& where) {
  const TensorShape& input = graph.value(graph.input).shape;
  if (!asked.given() || (input.height == asked.height && input.width == asked.width)) return {};
  return Error{ErrorCode::kInvalidArgument,
               "the file says that the network takes " + base::dimensions_text(input) + "; an input size of " +
                   std::to_string(asked.height) + "x" + std::to_string(asked.width) +
                   " can't be chosen: leave --input-size out, or crop to the network's size",
               where};
}

// Error: a setting of ONNX files for a file of another format.
Status check_no_onnx(const OnnxOptions& options, const std::string& where) {
  const char* given = nullptr;
  if (!options.input_shape.empty()) given = "the shape of the input";
  if (!options.output.empty()) given = "the name of an output";
  if (given == nullptr) return {};
  return Error{ErrorCode::kInvalidArgument, std::string(given) + " applies to ONNX files only, so leave it out", where};
}

// The most probable preprocessing of a network of unknown origin. The numbers are ImageNet's. Small images are not
// cropped, nor those of networks that are not square: such a network sees the whole image, at its own size.
Result<Preprocessing> assumed_preprocessing(const TensorShape& input, onnx::PixelRange pixels,
                                            const std::string& where) {
  if (!has_image_channels(input)) return no_image_channels(input, where);
  constexpr std::int64_t kSmall = 64;
  constexpr std::int64_t kLargest = 8192;
  const std::int64_t side = std::max(input.height, input.width);
  if (side > kLargest) {
    return Error{ErrorCode::kLimit, "the network takes images of more than 8192 pixels a side", where};
  }
  NARROW_ASSIGN(Preprocessing preprocessing, preprocessing_preset("imagenet"));
  const double share = static_cast<double>(*preprocessing.resize) / preprocessing.crop_height;
  const auto uncropped = static_cast<int>(side);
  preprocessing.resize = side <= kSmall ? uncropped
                                        : std::min(static_cast<int>(std::lround(share * static_cast<double>(side))),
                                                   static_cast<int>(kLargest));
  if (input.height != input.width) {
    preprocessing.resize = static_cast<int>(input.height);
    preprocessing.resize_width = static_cast<int>(input.width);
  }
  preprocessing.crop_height = static_cast<int>(input.height);
  preprocessing.crop_width = static_cast<int>(input.width);
  if (input.channels == 1) {
    preprocessing.channels = 1;
    preprocessing.mean = {0.0F, 0.0F, 0.0F};
    preprocessing.std = {1.0F, 1.0F, 1.0F};
  }
  if (pixels != onnx::PixelRange::kNotSpecified) {
    constexpr float kByte = 1.0F / 255;
    const float zero = pixels == onnx::PixelRange::kSignedBytes ? 128 * kByte : 0.0F;
    const float one = pixels == onnx::PixelRange::kUnit ? 1.0F : kByte;
    preprocessing.mean = {zero, zero, zero};
    preprocessing.std = {one, one, one};
  }
  return preprocessing;
}

// The producer's name comes from outside and is written to model files, so it is cleaned.
std::string onnx_architecture(const std::string& producer) {
  constexpr std::size_t kMostBytes = 100;
  std::string text = producer.substr(0, kMostBytes);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < 0x20 || c > 0x7E; }, '?');
  return text.empty() ? "ONNX" : "ONNX of " + text;
}

Status fill_from_weights(const importers::StateDict& weights, const std::string& where, const ImportOptions& options,
                         FloatModel::Data& data) {
  Result<importers::Network> built = importers::build_network(weights, options.architecture);
  if (!built.ok()) {
    Error error = std::move(built).error();
    error.where = error.where.empty() ? where : where + ": " + error.where;
    return error;
  }
  importers::Network network = *std::move(built);
  data.graph = std::move(network.graph);
  data.architecture = std::move(network.architecture);
  data.preprocessing = network.preprocessing;
  data.labels = std::move(network.labels);
  for (const std::string& note : weights.notes) data.log.push_back({Event::Kind::kNote, {}, note});
  for (std::string& note : network.notes) data.log.push_back({Event::Kind::kNote, {}, std::move(note)});
  return {};
}

// Whether the size of an input is chosen here, because the file does not say it.
bool leaves_size_open(const onnx::Model& model) {
  return std::any_of(model.inputs.begin(), model.inputs.end(), [](const onnx::Port& port) {
    return !port.dims ||
           (port.dims->size() > 2 && std::count(port.dims->begin() + 1, port.dims->end(), onnx::kOpenDim) > 1);
  });
}

Status fill_from_onnx(const Origin& origin, const ImportOptions& options, FloatModel::Data& data) {
  const std::string& where = origin.where;
  NARROW_TRY(check_no_architecture(options.architecture, where));
  NARROW_ASSIGN(const onnx::Model model,
                origin.file != nullptr ? onnx::read_model(*origin.file) : onnx::parse_model(origin.bytes, where));
  onnx::LowerOptions lower_options;
  lower_options.classifier = true;
  lower_options.input_shape = options.onnx.input_shape;
  lower_options.output = options.onnx.output;
  const auto& given = options.preprocessing;
  InputSize size = options.architecture.input_size;
  if (!size.given() && given) size = {given->crop_height, given->crop_width};
  lower_options.input_height = size.height;
  lower_options.input_width = size.width;
  Result<onnx::Lowered> lowered = onnx::lower_model(model, lower_options);
  if (!lowered.ok()) {
    Error error = std::move(lowered).error();
    if (error.code == ErrorCode::kMalformed && size.given() && leaves_size_open(model)) {
      error.message += "; the input was taken as " + std::to_string(size.height) + "x" + std::to_string(size.width) +
                       ", so another --input-size or --crop may fit";
    }
    error.where = error.where.empty() ? where : where + ": " + error.where;
    return base::with_next_step(
        std::move(error),
        {"check the file with onnx.checker.check_model(path, full_check=True) and export the network again",
         "docs/security.md lists the limits on files, which are fixed: export a smaller network"});
  }
  data.graph = std::move(lowered->graph);
  for (std::string& line : lowered->log) data.log.push_back({Event::Kind::kRead, {}, std::move(line)});
  for (std::string& line : lowered->notes) data.log.push_back({Event::Kind::kNote, {}, std::move(line)});
  data.architecture = onnx_architecture(model.producer);
  data.external_files = model.external_files;
  NARROW_TRY(check_input_size(options.architecture.input_size, data.graph, where));
  const TensorShape& input = data.graph.value(data.graph.input).shape;
  if (given) return {};
  NARROW_ASSIGN(data.preprocessing, assumed_preprocessing(input, lowered->pixel_range, where));
  data.preprocessing_is_assumed = true;
  return {};
}

Status fill_from_narrow(const Origin& origin, const ImportOptions& options, FloatModel::Data& data) {
  NARROW_TRY(check_no_architecture(options.architecture, origin.where));
  NARROW_ASSIGN(const Model model,
                origin.file != nullptr ? Model::load(*origin.file) : Model::parse(origin.bytes, origin.where));
  const graph::Graph& graph = model.data().graph;
  if (std::any_of(graph.values.begin(), graph.values.end(), [](const auto& value) { return value.quantization; })) {
    return Error{ErrorCode::kUnsupported,
                 "holds an integer network, which is used as it is; float weights can't be made of it again: name the "
                 "network that it was made of" +
                     (model.provenance().source.empty() ? "" : ", " + base::in_quotes(model.provenance().source)),
                 origin.where};
  }
  NARROW_TRY(check_input_size(options.architecture.input_size, graph, origin.where));
  data.graph = graph;
  data.preprocessing = model.preprocessing();
  data.labels = model.labels();
  data.architecture = model.provenance().architecture;
  data.source = model.provenance().source;
  return {};
}

Status fill(const Origin& origin, const ImportOptions& options, FloatModel::Data& data) {
  NARROW_ASSIGN(const FileFormat format, origin.file != nullptr
                                             ? detect_format(*origin.file)
                                             : importers::detect_format_of_bytes(origin.bytes, origin.where));
  if (format != FileFormat::kOnnx) NARROW_TRY(check_no_onnx(options.onnx, origin.where));
  const importers::ChoiceOptions choice = importers::weights_choice(options.architecture);
  switch (format) {
    case FileFormat::kNarrow:
      return fill_from_narrow(origin, options, data);
    case FileFormat::kOnnx:
      return fill_from_onnx(origin, options, data);
    case FileFormat::kSafetensors: {
      NARROW_ASSIGN(const importers::StateDict weights,
                    origin.file != nullptr ? safetensors::read_safetensors(*origin.file, choice)
                                           : safetensors::parse_safetensors(origin.bytes, origin.where, choice));
      return fill_from_weights(weights, origin.where, options, data);
    }
    case FileFormat::kTorch: {
      NARROW_ASSIGN(const importers::StateDict weights,
                    origin.file != nullptr ? torch::read_checkpoint(*origin.file, choice)
                                           : torch::parse_checkpoint(origin.bytes, origin.where, choice));
      return fill_from_weights(weights, origin.where, options, data);
    }
  }
  return Error{ErrorCode::kInternal, "a file format without a reader", origin.where};
}

// The data of a network that was read and simplified. source: the name to keep.
Result<std::shared_ptr<const FloatModel::Data>> read_network(const Origin& origin, std::string source,
                                                             const ImportOptions& options) {
  const base::DefaultFloatEnvironment environment;
  auto data = std::make_shared<FloatModel::Data>();
  data->source = std::move(source);
  NARROW_TRY(fill(origin, options, *data));
  data->trained = graph::trained_statistics(data->graph);
  Result<std::vector<Event>> simplified = graph::simplify(data->graph);
  if (!simplified.ok()) {
    Error error = std::move(simplified).error();
    error.where = error.where.empty() ? origin.where : origin.where + ": " + error.where;
    return base::with_next_step(std::move(error), {"check the weights, and export the network again", ""});
  }
  std::vector<Event> rewrites = *std::move(simplified);
  std::move(rewrites.begin(), rewrites.end(), std::back_inserter(data->log));
  const TensorShape& input = data->graph.value(data->graph.input).shape;
  if (options.preprocessing) data->preprocessing = with_channels_of(*options.preprocessing, input.channels);
  if (!options.labels.empty()) data->labels = options.labels;
  NARROW_TRY(check_input(data->preprocessing, input));
  NARROW_TRY(check_labels(data->labels, data->graph.value(data->graph.output).shape.elems()));
  return std::shared_ptr<const FloatModel::Data>(std::move(data));
}

}  // namespace

Result<FloatModel> FloatModel::load(const std::filesystem::path& path, const ImportOptions& options) {
  return base::guarded([&]() -> Result<FloatModel> {
    NARROW_ASSIGN(auto data, read_network({path.string(), &path}, path.filename().string(), options));
    return FloatModel(std::move(data));
  });
}

Result<FloatModel> FloatModel::parse(std::span<const std::byte> bytes, const std::string& where,
                                     const ImportOptions& options) {
  return base::guarded([&]() -> Result<FloatModel> {
    NARROW_ASSIGN(auto data, read_network({where, nullptr, bytes}, where, options));
    return FloatModel(std::move(data));
  });
}

Result<FloatModel> FloatModel::with_preprocessing(const Preprocessing& preprocessing) const {
  return base::guarded([&]() -> Result<FloatModel> {
    const Preprocessing fitting = with_channels_of(preprocessing, input_shape().channels);
    NARROW_TRY(check_input(fitting, input_shape()));
    auto data = std::make_shared<Data>(*data_);
    data->preprocessing = fitting;
    data->preprocessing_is_assumed = false;
    return FloatModel(std::move(data));
  });
}

Result<std::vector<std::byte>> to_safetensors(const std::filesystem::path& weights, const std::string& state_dict,
                                              const std::string& architecture, std::vector<Event>* notes) {
  return base::guarded([&]() -> Result<std::vector<std::byte>> {
    NARROW_ASSIGN(const FileFormat format, detect_format(weights));
    if (format != FileFormat::kTorch && format != FileFormat::kSafetensors) {
      return Error{ErrorCode::kInvalidArgument,
                   "holds a network, and safetensors holds weights without one; write a .nrw instead",
                   weights.string()};
    }
    ArchitectureOptions options;
    options.name = architecture;
    options.state_dict = state_dict;
    NARROW_TRY(importers::check_architecture_name(architecture));
    const importers::ChoiceOptions choice = importers::weights_choice(options);
    NARROW_ASSIGN(const importers::StateDict state, format == FileFormat::kTorch
                                                        ? torch::read_checkpoint(weights, choice)
                                                        : safetensors::read_safetensors(weights, choice));
    for (const std::string& note : state.notes) {
      if (notes != nullptr) notes->push_back({Event::Kind::kNote, {}, note});
    }
    if (notes != nullptr && !state.modules.empty()) {
      notes->push_back({Event::Kind::kNote,
                        {},
                        "of a whole module the weights are written, without what else it says of its layers, such as "
                        "the eps of BatchNorm"});
    }
    return safetensors::write_safetensors(state);
  });
}

}  // namespace v0
}  // namespace narrow
