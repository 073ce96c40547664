#include "apps/options/options.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "apps/text/class_names.h"
#include "apps/text/nearest.h"
#include "apps/text/words.h"
#include "base/try.h"
#include "narrow/float_model.h"
#include "narrow/session.h"

namespace narrow::cli {

namespace {

constexpr std::uintmax_t kMaxLabelsBytes = 16 << 20;

std::optional<long> parse_whole(std::string_view text) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_word(const std::vector<std::string>& words, const std::string& text) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

std::string range_text(long lo, long hi) {
  return "a whole number from " + std::to_string(lo) + " to " + std::to_string(hi);
}

// "on" and "off", as other tools say it.
std::string usual_word(const std::string& text) {
  if (text == "true" || text == "yes" || text == "1") return "on";
  return text == "false" || text == "no" || text == "0" ? "off" : text;
}

// What was meant by "int8", "8bit", "w8" or "200kB" where the number alone is asked for.
std::string number_hint(const std::string& text, long lo, long hi) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto begin = std::find_if(text.begin(), text.end(), is_digit);
  const auto end = std::find_if_not(begin, text.end(), is_digit);
  const bool words =
      std::any_of(text.begin(), text.end(), [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; });
  std::optional<long> number = parse_whole(std::string(begin, end));
  constexpr long kThousand = 1000;
  const std::string_view unit(end, text.end());
  const bool thousands = unit == "k" || unit == "kB" || unit == "KB" || unit == "K";
  const bool millions = unit == "M" || unit == "MB";
  if (number && (thousands || millions)) {
    const long factor = thousands ? kThousand : kThousand * kThousand;
    number = *number <= hi / factor ? std::optional(*number * factor) : std::nullopt;
  }
  const bool one = std::find_if(end, text.end(), is_digit) == text.end();
  return words && one && number && *number >= lo && *number <= hi ? "; did you mean " + std::to_string(*number) + "?"
                                                                  : "";
}

std::optional<std::vector<int>> numbers_in(const std::string& text, int most = 1000) {
  std::vector<int> numbers;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::optional<long> number = parse_whole(std::string_view(text).substr(begin, end - begin));
    if (!number || *number < 0 || *number > most) return std::nullopt;
    numbers.push_back(static_cast<int>(*number));
    begin = end + 1;
  }
  return numbers;
}

std::optional<BitPair> bit_pair_in(const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::string_view view = text;
  const std::optional<long> weights = parse_whole(view.substr(0, slash));
  const std::optional<long> activations = slash == std::string::npos ? weights : parse_whole(view.substr(slash + 1));
  const auto is_valid = [](const std::optional<long>& bits) { return bits && *bits >= kMinBits && *bits <= kMaxBits; };
  if (!is_valid(weights) || !is_valid(activations)) return std::nullopt;
  return BitPair{static_cast<int>(*weights), static_cast<int>(*activations)};
}

}  // namespace

Check one_of(std::vector<std::string> words) {
  return [words](const std::string& text) -> std::string {
    if (is_word(words, text)) return {};
    return "unknown value '" + text + "'" + did_you_mean(usual_word(text), words) + "; valid: " + join(words, ", ");
  };
}

Check whole_number(long lo, long hi) {
  return [lo, hi](const std::string& text) -> std::string {
    const std::optional<long> value = parse_whole(text);
    if (value && *value >= lo && *value <= hi) return {};
    const bool pair = text.find('/') != std::string::npos && bit_pair_in(text).has_value();
    return "'" + text + "' is not " + range_text(lo, hi) + number_hint(text, lo, hi) +
           (pair ? "; weights and activations have an option each: --weights " + text.substr(0, text.find('/')) +
                       " --activations " + text.substr(text.find('/') + 1)
                 : "");
  };
}

Check word_or_number(std::vector<std::string> words, long lo, long hi) {
  return [words, lo, hi](const std::string& text) -> std::string {
    const std::optional<long> value = parse_whole(text);
    if (is_word(words, text) || (value && *value >= lo && *value <= hi)) return {};
    return "unknown value '" + text + "'" + did_you_mean(text, words) + "; valid: " + join(words, ", ") + ", or " +
           range_text(lo, hi);
  };
}

Check number_within(double lo, double hi) {
  return [lo, hi](const std::string& text) -> std::string {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (!text.empty() && *end == '\0' && value >= lo && value <= hi) return {};
    return "'" + text + "' is not a number from " + format("%g", lo) + " to " + format("%g", hi);
  };
}

Check positive_number() {
  return [](const std::string& text) -> std::string {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (!text.empty() && *end == '\0' && std::isfinite(value) && value > 0) return {};
    return "'" + text + "' is not a number above 0";
  };
}

Check layer_bits_text() {
  return [](const std::string& text) -> std::string {
    const std::size_t equals = text.rfind('=');
    const std::optional<long> bits =
        equals == std::string::npos ? std::nullopt : parse_whole(std::string_view(text).substr(equals + 1));
    if (equals != 0 && bits && *bits >= kMinBits && *bits <= kMaxBits) return {};
    return "'" + text + "' is not LAYER=BITS with BITS " + range_text(kMinBits, kMaxBits);
  };
}

Check number_list() {
  return [](const std::string& text) -> std::string {
    if (numbers_in(text)) return {};
    return "'" + text + "' is not a list of block numbers like 4,14";
  };
}

namespace {

constexpr int kLargestSide = 8192;

// "224", "48,192" or "48x192".
std::optional<InputSize> input_size_in(std::string text) {
  std::replace(text.begin(), text.end(), 'x', ',');
  const auto numbers = numbers_in(text, kLargestSide);
  if (!numbers || numbers->empty() || numbers->size() > 2) return std::nullopt;
  const InputSize size{numbers->front(), numbers->back()};
  if (size.height < 1 || size.width < 1) return std::nullopt;
  return size;
}

Check input_size_text() {
  return [](const std::string& text) -> std::string {
    if (input_size_in(text)) return {};
    return "'" + text + "' is not a side (224), nor a height and a width (48,192), each from 1 to 8192";
  };
}

Check input_shape_text() {
  return [](const std::string& text) -> std::string {
    const auto numbers = numbers_in(text, kLargestSide);
    const bool counted = numbers && (numbers->size() == 2 || numbers->size() == 3);
    if (counted && std::find(numbers->begin(), numbers->end(), 0) == numbers->end()) return {};
    return "'" + text + "' is not H,W,C or C,H,W (28,28,1 or 3,32,32), each from 1 to 8192";
  };
}

}  // namespace

namespace {

Check architecture_name() {
  return [](const std::string& text) -> std::string {
    const std::vector<std::string> names = architectures();
    if (is_word(names, text)) return {};
    return "unknown architecture '" + text + "'" + did_you_mean(text, names) + "; narrow architectures lists them";
  };
}

}  // namespace

InputSize parse_input_size(const std::string& text) { return input_size_in(text).value_or(InputSize{}); }

bool applies_to_onnx(const Option& option) {
  const std::string name = option.name();
  return name == "--input-size" || name == "--input-shape" || name == "--output-name";
}

Check bit_pair_text() {
  return [](const std::string& text) -> std::string {
    if (bit_pair_in(text)) return {};
    return "'" + text + "' is not BITS or WEIGHTS/ACTIVATIONS, such as 8 or 4/8, each " +
           range_text(kMinBits, kMaxBits) + "; several are separated by spaces";
  };
}

BitPair parse_bit_pair(const std::string& text) { return bit_pair_in(text).value_or(BitPair{}); }

std::vector<std::string> effort_names() { return {"fast", "default", "max"}; }

Effort parse_effort(const std::string& name) {
  if (name == "fast") return Effort::kFast;
  return name == "max" ? Effort::kMax : Effort::kDefault;
}

std::vector<std::string> free_bits_names() { return {"on", "activations", "off"}; }

FreeBits parse_free_bits(const std::string& name) {
  if (name == "on") return FreeBits::kOn;
  return name == "activations" ? FreeBits::kActivations : FreeBits::kOff;
}

Check boundary_layers_text() { return word_or_number({"float", "off"}, kMinBits, kMaxBits); }

void set_boundary_layers(QuantizeOptions& options, const std::string& text) {
  if (text == "float") {
    options.boundary_layers = BoundaryLayers::kFloat;
  } else if (text == "off") {
    options.boundary_layers = BoundaryLayers::kOff;
  } else {
    options.boundary_layers = BoundaryLayers::kBits;
    options.boundary_bits = std::stoi(text);
  }
}

LayerBits parse_layer_bits(const std::string& text) {
  const std::size_t equals = text.rfind('=');
  return {text.substr(0, equals), static_cast<int>(parse_whole(std::string_view(text).substr(equals + 1)).value_or(8))};
}

std::vector<int> parse_number_list(const std::string& text) {
  return numbers_in(text, kLargestSide).value_or(std::vector<int>());
}

void add_json_option(const Subcommand& command, bool& json) {
  command.add_flag("--json", json, "Answer with one JSON document on standard output");
}

void add_threads_option(const Subcommand& command, int& threads) {
  command
      .add("--threads", threads, "Threads to use; default: as many as this process has cores. No result depends on it")
      .check(whole_number(1, 256))
      .type_name("N");
}

int threads_to_use(int asked, std::size_t work) {
  if (asked > 0) return asked;
  return static_cast<int>(std::min(static_cast<std::size_t>(available_threads()), std::max<std::size_t>(work, 1)));
}

void add_isa_option(const Subcommand& command, std::string& isa) {
  std::vector<std::string> names = available_isas();
  names.insert(names.begin(), "auto");
  const std::string list = join(names, ", ");
  command.add("--isa", isa, "Instruction set; this CPU can run: " + list + ". No result depends on it")
      .check([names, list](const std::string& text) -> std::string {
        if (is_word(names, text)) return {};
        return "unknown value '" + text + "'" + did_you_mean(text, names) + "; this CPU can run: " + list;
      })
      .type_name("ISA");
}

void add_core_option(const Subcommand& command, std::string& core) {
  std::vector<std::string> names = known_cores();
  names.insert(names.begin(), "auto");
  command
      .add("--core", core,
           "The CPU core by whose costs kernels are chosen: " + join(names, ", ") + ". No result depends on it")
      .check(one_of(names))
      .type_name("CORE");
}

void add_limit_options(const Subcommand& command, LimitFlags& limits, const std::string& group) {
  const Option memory = command.add("--max-memory", limits.memory_gib, "GiB that a network may take, 4 unless given");
  memory.check(positive_number()).type_name("GIB");
  const Option operations =
      command.add("--max-operations", limits.operations, "Operations that an image may take, 1e12 unless given");
  operations.check(positive_number()).type_name("N");
  if (group.empty()) return;
  memory.group(group);
  operations.group(group);
}

bool reads_float_networks() { return !architectures().empty(); }

std::string model_argument_text() {
  return reads_float_networks() ? "A .nrw file, ONNX, or weights (a PyTorch checkpoint, safetensors)" : "A .nrw file";
}

std::string import_text(const ImportFlags& flags) {
  // Without a key the text is the one that cells of older sweeps have.
  const std::string weights =
      flags.state_dict.empty() ? "" : std::string(" ") + kStateDictOption + " " + flags.state_dict;
  return flags.architecture + " " + flags.input_size + " " + flags.input_shape + " " + flags.output +
         (flags.tf_padding ? " tf" : "") + format(" %.9g ", flags.batch_norm_epsilon) + flags.stride_2_blocks + weights;
}

std::vector<Option> add_import_options(const Subcommand& command, ImportFlags& flags, bool is_output_free) {
  if (!reads_float_networks()) return {};
  const std::string onnx = "ONNX files";
  const std::string group = "Files of weights (PyTorch checkpoints, safetensors)";
  return {
      command
          .add(kArchitectureOption, flags.architecture,
               "Architecture of the weights, if their keys are ambiguous (narrow architectures lists them)")
          .check(architecture_name())
          .type_name("NAME")
          .group(group),
      command
          .add(kStateDictOption, flags.state_dict,
               "Which weights to read, if a file holds several: the key of a state dict (model, ema.module) or the "
               "prefix of names (student)")
          .type_name("KEY")
          .group(group),
      command
          .add("--input-size", flags.input_size,
               "Side, or height and width, of the network's input; default: the crop, or the architecture's own. Also "
               "for ONNX files that leave it open")
          .check(input_size_text())
          .type_name("N|H,W")
          .group(group),
      command
          .add_flag("--tf-padding", flags.tf_padding,
                    "Pad as TensorFlow's SAME: with a stride of 2 only below and to the right")
          .group(group),
      command.add("--bn-eps", flags.batch_norm_epsilon, "Epsilon of BatchNorm; default: the architecture's own")
          .check(positive_number())
          .type_name("X")
          .group(group),
      command
          .add("--stride-2-blocks", flags.stride_2_blocks,
               "MobileNetV2: indices of the features with a stride of 2; default: 0,2,4,7,14")
          .check(number_list())
          .type_name("LIST")
          .group(group),
      command
          .add("--input-shape", flags.input_shape,
               "How the elements of the input form an image, where it is no [N,C,H,W] or [N,H,W,C]: 28,28,1 or 3,32,32")
          .check(input_shape_text())
          .type_name("H,W,C|C,H,W")
          .group(onnx),
      command
          .add(is_output_free ? "--output-name,--output" : "--output-name", flags.output,
               "The output, or any tensor of the file, that holds the scores; default: the one that looks like them")
          .type_name("NAME")
          .group(onnx),
  };
}

std::optional<Error> misplaced_option(const std::vector<Option>& options, const std::string& path) {
  for (const Option& option : options) {
    if (!option.given()) continue;
    if (applies_to_onnx(option) && option.name() != "--input-size") {
      return Error{ErrorCode::kInvalidArgument, "applies to ONNX files only; leave it out", option.name()};
    }
    return Error{ErrorCode::kInvalidArgument,
                 "applies to files of weights (a PyTorch checkpoint, safetensors) only; " +
                     (path.empty() ? "the built-in model" : path) + " holds its network itself, so leave it out",
                 option.name()};
  }
  return std::nullopt;
}

void add_labels_option(const Subcommand& command, std::string& path) {
  command
      .add("--labels", path,
           "Text file with the name of one class per line, in the order of the scores; or the classes of " +
               join(class_name_sets(), ", "))
      .type_name("FILE|SET");
}

Result<std::vector<std::string>> read_labels(const std::string& path) {
  std::vector<std::string> labels;
  if (path.empty()) return labels;
  if (std::optional<std::vector<std::string>> known = class_names(path)) return *std::move(known);
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    return Error{ErrorCode::kNotFound,
                 "there is no such file of labels, nor a built-in set" + did_you_mean(path, class_name_sets()) +
                     "; the sets are " + join(class_name_sets(), ", "),
                 path};
  }
  if (std::filesystem::file_size(path, ignored) > kMaxLabelsBytes) {
    return Error{ErrorCode::kLimit, "too large for a file of labels (one class name per line)", path};
  }
  std::ifstream file(path);
  if (!file) return Error{ErrorCode::kIo, std::string("can't read it: ") + std::strerror(errno), path};
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    labels.push_back(line);
  }
  while (!labels.empty() && labels.back().empty()) labels.pop_back();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].empty() || labels[i].find('\0') != std::string::npos) {
      return Error{ErrorCode::kMalformed, "expected a class name; a file of labels is text with one class per line",
                   path + ", line " + std::to_string(i + 1)};
    }
  }
  if (labels.empty())
    return Error{ErrorCode::kMalformed, "no labels in it; a file of labels is text with one class per line", path};
  return labels;
}

}  // namespace narrow::cli
