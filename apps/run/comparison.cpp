#include "apps/run/comparison.h"
#include "base/try.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <string_view>
#include <utility>

#include "apps/run/answers.h"
#include "apps/text/words.h"

namespace narrow::cli {

namespace {

bool has_extension_of_images(const std::string& path) {
  constexpr std::array<std::string_view, 13> kExtensions{".txt", ".tsv", ".lst", ".csv", ".bin", ".jpg", ".jpeg",
                                                         ".png", ".bmp", ".dib", ".ppm", ".pgm", ".pbm"};
  std::string extension = std::filesystem::path(path).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end() || extension == ".pnm";
}

Result<FileFormat> format_of_file(const std::string& path) {
  ModelFlags flags;
  flags.path = path;
  return format_of(flags);
}

// The flags without those that have no effect on a file of this format.
ModelFlags flags_for(ModelFlags flags, const std::string& path, FileFormat format) {
  flags.path = path;
  flags.isa = "auto";  // only Session::create() needs it, and the limits
  flags.limits = {};
  if (!holds_weights_only(format)) {
    const ImportFlags given = flags.import;
    flags.import = {};
    if (format == FileFormat::kOnnx) {
      flags.import.input_size = given.input_size;
      flags.import.input_shape = given.input_shape;
      flags.import.output = given.output;
    }
  }
  return flags;
}

std::optional<Error> useless_in_both(ModelFlags flags, const std::string& reference, FileFormat reference_format,
                                     const std::string& other, FileFormat other_format) {
  flags.path = reference;
  std::optional<Error> useless = useless_option(flags, reference_format);
  flags.path = other;
  return useless_option(flags, other_format) ? useless : std::nullopt;
}

ComparedNetwork compared(const LoadedModel& loaded, const Network& network, const std::string& file) {
  return {.network = describe(network, file),
          .preprocessing = loaded.preprocessing,
          .preprocessing_is_assumed = loaded.preprocessing_is_assumed,
          .notes = loaded.notes};
}

}  // namespace

bool is_network_file(const std::string& path) { return !has_extension_of_images(path) && detect_format(path).ok(); }

Result<LoadedPair> load_pair(const ModelFlags& flags, const std::string& reference, const std::string& other) {
  NARROW_ASSIGN(const FileFormat reference_format, format_of_file(reference));
  NARROW_ASSIGN(const FileFormat other_format, format_of_file(other));
  if (std::optional<Error> useless = useless_in_both(flags, reference, reference_format, other, other_format)) {
    return *std::move(useless);
  }
  NARROW_ASSIGN(LoadedModel first, load_model_file(flags_for(flags, reference, reference_format), reference_format));
  NARROW_ASSIGN(LoadedModel second, load_model_file(flags_for(flags, other, other_format), other_format));
  const bool runs_integers = std::holds_alternative<Model>(first.model) || std::holds_alternative<Model>(second.model);
  if (flags.isa != "auto" && !runs_integers) {
    return Error{ErrorCode::kInvalidArgument, "does not apply to two float networks: those run on oneDNN", "--isa"};
  }
  first.limits = second.limits = flags.limits;
  return LoadedPair{std::move(first), std::move(second)};
}

Result<ScoredSet> score_set(Network& network, const PictureSet& images, std::size_t count,
                            const ScoringOptions& options, const std::function<void(std::size_t done)>& progress) {
  ScoredSet set;
  set.kind = network.score_kind();
  set.scores.reserve(count * static_cast<std::size_t>(network.classes()));
  if (images.labelled()) set.tally.emplace();
  const auto fetch = [&](std::size_t i) { return images.get(i * images.size() / count); };
  const auto sink = [&](const Scored& scored) -> Status {
    NARROW_TRY(scored.status);
    set.scores.insert(set.scores.end(), scored.scores.begin(), scored.scores.end());
    if (set.tally) {
      NARROW_TRY(check_label(scored.label, scored.name, named_classes(network.classes())));
      set.tally->add(class_scores(scored.scores, set.kind), *scored.label);
      set.labels.push_back(*scored.label);
    }
    if (progress) progress(scored.index + 1);
    return {};
  };
  NARROW_ASSIGN(set.time, score_images(network, count, fetch, options, sink));
  return set;
}

Result<Agreement> agreement_of(const ScoredSet& reference, const ScoredSet& other, std::size_t count) {
  AgreementMeter meter(reference.kind, other.kind);
  const std::size_t reference_classes = reference.scores.size() / count;
  const std::size_t other_classes = other.scores.size() / count;
  for (std::size_t i = 0; i < count; ++i) {
    NARROW_TRY(meter.add(std::span(reference.scores).subspan(i * reference_classes, reference_classes),
                         std::span(other.scores).subspan(i * other_classes, other_classes)));
  }
  return meter.result();
}

Result<ScoredPair> score_pair(const LoadedPair& pair, const std::vector<std::string>& names, const PictureSet& images,
                              const ComparisonOptions& options,
                              const std::function<void(std::size_t done, std::size_t total)>& progress) {
  NARROW_ASSIGN(const std::unique_ptr<Network> reference,
                open_network(pair.reference, options.isa, options.threads, options.batch));
  NARROW_ASSIGN(const std::unique_ptr<Network> other,
                open_network(pair.other, options.isa, options.threads, options.batch));
  if (reference->classes() != other->classes()) {
    return Error{ErrorCode::kInvalidArgument,
                 format("has %lld classes, but %s has %lld; two forms of one network can be compared",
                        static_cast<long long>(other->classes()), names[0].c_str(),
                        static_cast<long long>(reference->classes())),
                 names[1]};
  }
  const std::size_t count = options.limit == 0 ? images.size() : std::min(options.limit, images.size());
  Comparison comparison{.reference = compared(pair.reference, *reference, names[0]),
                        .other = compared(pair.other, *other, names[1]),
                        .images = {},
                        .available = images.size(),
                        .threads = options.threads,
                        .batch = options.batch};
  const auto score = [&](Network& network, const LoadedModel& loaded, std::size_t before) {
    return score_set(network, images, count, {loaded.preprocessing, options.threads, options.batch},
                     [&](std::size_t done) {
                       if (progress) progress(before + done, 2 * count);
                     });
  };
  NARROW_ASSIGN(ScoredSet of_reference, score(*reference, pair.reference, 0));
  NARROW_ASSIGN(ScoredSet of_other, score(*other, pair.other, count));
  NARROW_ASSIGN(comparison.agreement, agreement_of(of_reference, of_other, count));
  comparison.reference.tally = of_reference.tally;
  comparison.reference.time = of_reference.time;
  comparison.other.tally = of_other.tally;
  comparison.other.time = of_other.time;
  return ScoredPair{std::move(comparison), std::move(of_reference), std::move(of_other)};
}

Result<Comparison> compare_on_images(const LoadedPair& pair, const std::vector<std::string>& names,
                                     const PictureSet& images, const ComparisonOptions& options,
                                     const std::function<void(std::size_t done, std::size_t total)>& progress) {
  NARROW_ASSIGN(ScoredPair scored, score_pair(pair, names, images, options, progress));
  return std::move(scored.comparison);
}

}  // namespace narrow::cli
