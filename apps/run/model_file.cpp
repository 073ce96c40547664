#include "apps/run/model_file.h"

#include <system_error>
#include <utility>

#include "apps/run/answers.h"
#include "apps/run/default_model.h"
#include "apps/text/class_names.h"
#include "apps/text/words.h"
#include "base/try.h"
#include "narrow/quantize.h"

namespace narrow::cli {

namespace {

Result<Model> load_model(const std::string& path) {
  return path.empty() ? Model::parse(default_model_bytes(), "embedded default model") : Model::load(path);
}

Status check_labels(const ModelFlags& flags, const std::vector<std::string>& labels, std::int64_t classes) {
  const auto count = static_cast<std::int64_t>(labels.size());
  if (count == 0 || count == classes || count == named_classes(classes)) return {};
  return Error{ErrorCode::kInvalidArgument,
               format("has %zu labels, but the network has %lld classes; give one line per class", labels.size(),
                      static_cast<long long>(classes)),
               flags.labels};
}

Status check_crop(const ModelFlags& flags, const Preprocessing& preprocessing, const TensorShape& shape) {
  if (preprocessing.crop_height == shape.height && preprocessing.crop_width == shape.width &&
      preprocessing.channels == shape.channels) {
    return {};
  }
  return Error{ErrorCode::kInvalidArgument,
               format("makes inputs of %dx%dx%d, but the network takes ", preprocessing.crop_height,
                      preprocessing.crop_width, preprocessing.channels) +
                   shape_text(shape) + "; leave --crop out, or give its size",
               !flags.preprocess.crop.empty() ? "--crop" : "--preprocess"};
}

// Names for the 1000 classes of a network by name, which most often is one that was trained on ImageNet. An
// architecture that ONNX files state ("ONNX of pytorch") is none.
void assume_labels(LoadedModel& loaded, const std::string& architecture, std::int64_t classes) {
  if (!loaded.labels.empty() || classes != 1000) return;
  for (const char* family :
       {"alexnet", "vgg", "resnet", "resnext", "wide_resnet", "squeezenet", "densenet", "googlenet", "inception",
        "shufflenet", "mobilenet", "mnasnet", "efficientnet", "regnet"}) {
    if (architecture.starts_with(family)) loaded.assumed_labels = class_names("imagenet").value();
  }
}

Result<LoadedModel> with_flags(const ModelFlags& flags, Model model, const std::vector<std::string>& labels) {
  NARROW_TRY(check_labels(flags, labels, model.classes()));
  NARROW_ASSIGN(const Preprocessing given, apply(flags.preprocess, model.preprocessing()));
  const Preprocessing preprocessing = with_channels_of(given, model.input_shape().channels);
  NARROW_TRY(check_crop(flags, preprocessing, model.input_shape()));
  LoadedModel loaded{model, preprocessing, false, labels.empty() ? model.labels() : labels, {}, flags.path};
  assume_labels(loaded, model.provenance().architecture, model.classes());
  loaded.limits = flags.limits;
  return loaded;
}

}  // namespace

Result<FloatFile> load_float_file(const std::filesystem::path& path, const ImportFlags& import,
                                  const PreprocessFlags& preprocess, const std::vector<std::string>& labels) {
  NARROW_ASSIGN(const FileFormat format, detect_format(path));
  ImportOptions options;
  options.architecture.name = import.architecture;
  options.architecture.state_dict = import.state_dict;
  const InputSize given_size = parse_input_size(import.input_size);
  options.architecture.input_size = given_size;
  options.onnx.input_shape = parse_number_list(import.input_shape);
  options.onnx.output = import.output;
  if (import.tf_padding) options.architecture.tf_padding = true;
  if (import.batch_norm_epsilon > 0) options.architecture.batch_norm_epsilon = import.batch_norm_epsilon;
  if (!import.stride_2_blocks.empty()) options.architecture.stride_2_blocks = parse_number_list(import.stride_2_blocks);
  options.labels = labels;
  const bool size_follows_crop = holds_weights_only(format) && !given_size.given();

  if (!preprocess.preset.empty()) {
    NARROW_ASSIGN(Preprocessing preset, apply(preprocess, {}));
    if (given_size.given() && preprocess.crop.empty()) {
      preset.crop_height = given_size.height;
      preset.crop_width = given_size.width;
    }
    if (size_follows_crop) options.architecture.input_size = {preset.crop_height, preset.crop_width};
    options.preprocessing = preset;
    NARROW_ASSIGN(FloatModel model, FloatModel::load(path, options));
    return FloatFile{model, false};
  }
  // The rest of the preprocessing is read from the network, after it is loaded.
  if (!holds_weights_only(format) && !given_size.given()) {
    options.architecture.input_size = preprocess.crop_size();
  }
  NARROW_ASSIGN(FloatModel usual, FloatModel::load(path, options));
  const bool states_values = !preprocess.mean.empty() && !preprocess.std.empty();
  const bool assumed = usual.preprocessing_is_assumed() && !states_values;
  if (!preprocess.given()) return FloatFile{usual, assumed};
  NARROW_ASSIGN(const Preprocessing changed, apply(preprocess, usual.preprocessing()));
  const bool other_size = changed.crop_height != usual.preprocessing().crop_height ||
                          changed.crop_width != usual.preprocessing().crop_width;
  if (size_follows_crop && other_size) {
    // The network is built again, for the new size.
    options.architecture.input_size = {changed.crop_height, changed.crop_width};
    options.preprocessing = changed;
    NARROW_ASSIGN(FloatModel model, FloatModel::load(path, options));
    return FloatFile{model, assumed};
  }
  NARROW_ASSIGN(FloatModel model, usual.with_preprocessing(changed));
  return FloatFile{model, assumed};
}

Result<LoadedModel> load_model_file(const ModelFlags& flags, FileFormat format) {
  NARROW_ASSIGN(const std::vector<std::string> labels, read_labels(flags.labels));
  if (format == FileFormat::kNarrow) {
    NARROW_ASSIGN(Model model, load_model(flags.path));
    return with_flags(flags, model, labels);
  }
  NARROW_ASSIGN(const FloatFile file, load_float_file(flags.path, flags.import, flags.preprocess, labels));
  const FloatModel& model = file.model;
  LoadedModel loaded{model, model.preprocessing(), file.preprocessing_is_assumed, model.labels(), {}, flags.path};
  assume_labels(loaded, model.architecture(), model.classes());
  loaded.limits = flags.limits;
  loaded.external_files = model.external_files();
  for (const Event& event : model.log()) {
    if (event.kind == Event::Kind::kNote) loaded.notes.push_back(event.text);
  }
  if (model.states_quantization() && !flags.in_float) {
    NARROW_ASSIGN(Quantized converted, convert(model));
    loaded.model = std::move(converted.model);
    loaded.notes.push_back("the file is pre-quantized and runs in integers; --float simulates it in float");
  } else if (flags.isa != "auto") {
    return Error{ErrorCode::kInvalidArgument,
                 "does not apply to " + flags.path + ", a float network: those run on oneDNN", "--isa"};
  }
  return loaded;
}

std::uint64_t size_of_files(const std::string& path, const std::vector<std::filesystem::path>& external_files) {
  const auto size = [](const std::filesystem::path& file) -> std::uint64_t {
    std::error_code error;
    const std::uintmax_t bytes = std::filesystem::file_size(file, error);
    return error ? 0 : bytes;
  };
  std::uint64_t all = size(path);
  for (const std::filesystem::path& external : external_files) all += size(external);
  return all;
}

Error of_file(Error error, const std::string& path) {
  if (error.code == ErrorCode::kLimit) {
    const auto names = [&](const char* limit) { return error.message.find(limit) != std::string::npos; };
    if (names("max_memory_bytes")) error.message += "; --max-memory GIB allows more";
    if (names("max_operations")) error.message += "; --max-operations N allows more";
  }
  if (path.empty()) return error;
  if (error.where.empty() || error.where == "session") {
    error.where = path;
  } else if (error.code == ErrorCode::kLimit) {  // the place is a layer
    error.where = path + ": " + error.where;
  }
  return error;
}

Result<std::unique_ptr<Network>> open_network(const LoadedModel& loaded, const std::string& isa, int threads, int batch,
                                              int spin_us) {
  const auto* model = std::get_if<Model>(&loaded.model);
  auto network = model != nullptr ? open_network(*model, isa, threads, batch, spin_us, loaded.limits)
                                  : open_network(std::get<FloatModel>(loaded.model), threads, batch, loaded.limits);
  if (network.ok()) return network;
  return of_file(std::move(network).error(), loaded.path);
}

}  // namespace narrow::cli
