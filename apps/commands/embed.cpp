// narrow embed: writes what a network computes of images before it decides on a class.
#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include "apps/commands/commands.h"
#include "apps/commands/open_images.h"
#include "apps/files/npy_file.h"
#include "apps/files/output_file.h"
#include "apps/files/output_names.h"
#include "apps/options/model_options.h"
#include "apps/options/options.h"
#include "apps/report/embed_report.h"
#include "apps/report/progress.h"
#include "apps/run/model_file.h"
#include "apps/run/scoring.h"
#include "base/try.h"
#include "narrow/image.h"
#include "narrow/inspect.h"
#include "narrow/session.h"

namespace narrow::cli {

namespace {

struct EmbedFlags {
  ModelFlags model;
  std::vector<std::string> images;
  std::string output;
  std::string layer;
  int threads = 0;
};

constexpr std::size_t kEmbedBatch = 8;

// The tensor that --layer names, or the embedding.
Result<std::string> tensor_name(const Model& model, const EmbedFlags& flags) {
  if (!flags.layer.empty()) return flags.layer;
  std::string name = model.embedding();
  if (!name.empty()) return name;
  return Error{ErrorCode::kUnsupported, "no layer of this network reads a computed tensor; name one with --layer",
               flags.model.path};
}

// Runs images [begin, end) and writes one vector for each that can be read. The others become errors of the report.
Status write_vectors(Session& session, const PictureSet& set, std::size_t begin, std::size_t end, OutputFile& file,
                     EmbedReport& report, Console& console) {
  const auto elems = static_cast<std::size_t>(session.model().input_shape().elems());
  std::vector<float> input((end - begin) * elems);
  std::size_t batch = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const Result<LabelledPicture> image = set.get(i);
    const Status status =
        image.ok() ? preprocess(image->picture, report.preprocessing, std::span(input).subspan(batch * elems, elems))
                   : Status(image.error());
    if (status.ok()) {
      report.images.push_back(image->name);
      ++batch;
      continue;
    }
    Error error = status.error();
    if (error.where.empty() && image.ok()) error.where = image->name;
    console.report(error);
    report.unreadable.push_back(std::move(error));
  }
  if (batch == 0) return {};
  input.resize(batch * elems);
  std::vector<float> scores(batch * static_cast<std::size_t>(session.model().classes()));
  NARROW_TRY(session.run(input, scores));
  std::vector<float> vectors(batch * static_cast<std::size_t>(session.outputs().front().shape.elems()));
  NARROW_TRY(session.read_output(0, vectors));
  return file.write(std::as_bytes(std::span<const float>(vectors)));
}

Result<int> embed(const EmbedFlags& flags, Console& console) {
  NARROW_ASSIGN(const FileFormat file_format, format_of(flags.model));
  if (const std::optional<Error> useless = useless_option(flags.model, file_format))
    return console.fail(*useless, kUsage);
  std::vector<std::string> inputs = flags.images;
  inputs.push_back(flags.model.path);
  NARROW_TRY(check_not_an_input(flags.output, inputs));
  NARROW_TRY(check_replaces_own(flags.output, "\x93NUMPY", "a file of numbers for numpy"));
  NARROW_TRY(check_output_name(flags.output, OutputKind::kVectors));
  NARROW_ASSIGN(const LoadedModel loaded, load_model_file(flags.model, file_format));
  const Model* const model = std::get_if<Model>(&loaded.model);
  if (model == nullptr) {
    return Error{
        ErrorCode::kUnsupported,
        "is a float network, whose tensors can't be read; make a .nrw of it with narrow quantize or narrow convert",
        flags.model.path};
  }
  NARROW_ASSIGN(const std::string name, tensor_name(*model, flags));
  NARROW_ASSIGN(const PictureSet set, open_images(flags.images, loaded.labels, Unreadable::kLeftOut, console));

  SessionOptions options;
  options.isa = flags.model.isa;
  options.threads = threads_to_use(flags.threads, set.size());
  options.max_batch = static_cast<int>(kEmbedBatch);
  options.outputs = {name};
  set_limits(options, loaded.limits);
  Result<Session> created = Session::create(*model, options);
  if (!created.ok()) return of_file(std::move(created).error(), flags.model.path);
  Session session = *std::move(created);

  NARROW_ASSIGN(const std::unique_ptr<Network> network, open_network(loaded, flags.model.isa, 1, 1));
  EmbedReport report{.network = describe(*network, flags.model.path),
                     .tensor = session.outputs().front(),
                     .preprocessing = loaded.preprocessing,
                     .notes = loaded.notes,
                     .output = flags.output,
                     .threads = options.threads};
  NARROW_ASSIGN(OutputFile file, OutputFile::create(flags.output));
  const auto header = [&](std::size_t rows) {
    return npy_header(rows, static_cast<std::size_t>(report.tensor.shape.elems()), set.size());
  };
  const std::string whole_header = header(set.size());
  NARROW_TRY(file.write(std::as_bytes(std::span(whole_header))));
  const auto start = std::chrono::steady_clock::now();
  Progress progress("embedding");
  for (std::size_t begin = 0; begin < set.size(); begin += kEmbedBatch) {
    const std::size_t end = std::min(set.size(), begin + kEmbedBatch);
    NARROW_TRY(write_vectors(session, set, begin, end, file, report, console));
    progress.update(end, set.size());
  }
  progress.erase();
  if (report.images.empty()) {
    return Error{ErrorCode::kMalformed, "none of the images could be read, and nothing is written", flags.output};
  }
  if (!report.unreadable.empty()) {
    const std::string shorter_header = header(report.images.size());
    NARROW_TRY(file.write_at_start(std::as_bytes(std::span(shorter_header))));
  }
  NARROW_TRY(file.commit());
  report.seconds = seconds_since(start);
  console.print(embed_text(report));
  console.result(embed_json(report));
  return report.unreadable.empty() ? kSuccess : kPartialFailure;
}

constexpr const char* kEmbedExamples =
    "Examples:\n"
    "  narrow embed resnet50.nrw photos/ -o vectors.npy             a vector for each image, for comparing images\n"
    "  narrow embed resnet50.nrw photos/ -o v.npy --layer layer3.5  another tensor; narrow inspect lists the layers\n"
    "\n"
    "The file holds a [images, elements] array of float32 numbers that numpy.load reads; its rows are in the order of\n"
    "\"pictures\" of --json. An image that can't be read is reported and has no row: exit code 3.";

}  // namespace

Command add_embed(CommandLine& line) {
  auto flags = std::make_shared<EmbedFlags>();
  auto json = std::make_shared<bool>(false);
  const Subcommand command = line.add("embed", "Write a vector for each image, for comparing images", kEmbedExamples);
  command
      .add("MODEL", flags->model.path,
           reads_float_networks() ? "A .nrw file, or a pre-quantized ONNX file" : model_argument_text())
      .required();
  command.add("PICTURES", flags->images, "Images: files, folders or lists (see narrow --help)").required();
  command.add("-o,--output", flags->output, "The .npy file to write").required().type_name("FILE");
  command.add("--layer", flags->layer, "The tensor to write; what the last layer reads unless given").type_name("NAME");
  add_threads_option(command, flags->threads);
  add_json_option(command, *json);
  add_run_options(command, flags->model, false);
  return {command, json, [flags](Console& console) { return finish(console, embed(*flags, console)); }};
}

}  // namespace narrow::cli
