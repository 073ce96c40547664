// Command-line options that several subcommands share, and checks whose messages name the valid values.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "apps/options/command_line.h"
#include "narrow/architecture_options.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"

namespace narrow::cli {

// Accepts exactly these words. The message for another word lists them.
[[nodiscard]] Check one_of(std::vector<std::string> words);
// A whole number from lo to hi.
[[nodiscard]] Check whole_number(long lo, long hi);
// One of these words, or a whole number from lo to hi.
[[nodiscard]] Check word_or_number(std::vector<std::string> words, long lo, long hi);
// A number above 0.
[[nodiscard]] Check positive_number();
// A number from lo to hi.
[[nodiscard]] Check number_within(double lo, double hi);
// "name=bits".
[[nodiscard]] Check layer_bits_text();
// "4,14": whole numbers, separated by commas.
[[nodiscard]] Check number_list();

// "4", or "4/8": bits of weights and activations.
[[nodiscard]] Check bit_pair_text();

// The bits of weights and activations.
struct BitPair {
  int weights = 8;
  int activations = 8;
};
// Of a text that bit_pair_text() accepted.
[[nodiscard]] BitPair parse_bit_pair(const std::string& text);

// --effort: how long quantizing may take.
[[nodiscard]] std::vector<std::string> effort_names();
[[nodiscard]] Effort parse_effort(const std::string& name);  // one of these
// --free-bits: what has more bits than were asked for.
[[nodiscard]] std::vector<std::string> free_bits_names();
[[nodiscard]] FreeBits parse_free_bits(const std::string& name);  // one of these
// --first-last: "float", "off" or bits.
[[nodiscard]] Check boundary_layers_text();
void set_boundary_layers(QuantizeOptions& options, const std::string& text);

// The parsed values of texts that layer_bits_text() and number_list() accepted.
[[nodiscard]] LayerBits parse_layer_bits(const std::string& text);
[[nodiscard]] std::vector<int> parse_number_list(const std::string& text);

// --json: the subcommand prints one JSON document.
void add_json_option(const Subcommand& command, bool& json);
// --threads; 0 if it is not given.
void add_threads_option(const Subcommand& command, int& threads);
// The number of threads for `work` independent pieces of work: `asked` or, if that is 0, the smaller number of cores
// and pieces.
[[nodiscard]] int threads_to_use(int asked, std::size_t work);
// --isa: one of the ISAs that this CPU can run.
void add_isa_option(const Subcommand& command, std::string& isa);
// --core: one of known_cores().
void add_core_option(const Subcommand& command, std::string& core);

// What a network may take. 0: not given, the defaults of SessionOptions.
struct LimitFlags {
  double memory_gib = 0;
  double operations = 0;
};
// --max-memory and --max-operations.
// group: the heading in --help; empty: none of their own.
void add_limit_options(const Subcommand& command, LimitFlags& limits, const std::string& group = {});

// Whether this is the full command. The small one reads .nrw files alone, and has no options for others.
[[nodiscard]] bool reads_float_networks();
// What MODEL may be: "A .nrw file, ONNX, or ...".
[[nodiscard]] std::string model_argument_text();

// Settings that a file of float weights does not hold.
struct ImportFlags {
  std::string architecture;
  std::string state_dict;
  std::string input_size;   // "224" or "48,192"; empty: not given
  std::string input_shape;  // "28,28,1"; empty: not given
  std::string output;       // the tensor that holds the scores; empty: not given
  bool tf_padding = false;
  double batch_norm_epsilon = 0;  // 0: not given
  std::string stride_2_blocks;
};
inline constexpr const char* kStateDictOption = "--state-dict";
inline constexpr const char* kArchitectureOption = "--arch";
// All of them, as a text that other settings do not have. Files hold it, or its hash, to tell what they were made with.
[[nodiscard]] std::string import_text(const ImportFlags& flags);
// The height and width of a text that --input-size accepted. Not given where it is empty.
[[nodiscard]] InputSize parse_input_size(const std::string& text);
// The options that describe an ONNX file: the size, shape and name of what it takes and gives.
[[nodiscard]] bool applies_to_onnx(const Option& option);
// Returns the options (none in the small command), so that a command can reject those that do not apply to a file that
// holds its network. is_output_free: whether --output is no option of the command itself, and so may name the network's
// output.
std::vector<Option> add_import_options(const Subcommand& command, ImportFlags& flags, bool is_output_free);
// The error for the first of these options that was given: it would have no effect on the file `path`.
[[nodiscard]] std::optional<Error> misplaced_option(const std::vector<Option>& options, const std::string& path);

void add_labels_option(const Subcommand& command, std::string& path);
// Reads one label per line. Returns none for an empty path, and the names of a built-in set for its name (./imagenet
// names a file).
[[nodiscard]] Result<std::vector<std::string>> read_labels(const std::string& path);

}  // namespace narrow::cli
