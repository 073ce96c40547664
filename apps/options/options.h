// Command-line options that several subcommands share, and checks that say what would be right.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "apps/options/command_line.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"

namespace narrow::cli {

// Accepts exactly these words; an unknown one lists them.
[[nodiscard]] Check one_of(std::vector<std::string> words);
// A whole number from lo to hi.
[[nodiscard]] Check whole_number(long lo, long hi);
// One of these words, or a whole number from lo to hi.
[[nodiscard]] Check word_or_number(std::vector<std::string> words, long lo, long hi);
// A number above 0.
[[nodiscard]] Check positive_number();
// "name=bits".
[[nodiscard]] Check layer_bits_text();
// "4,14": whole numbers, separated by commas.
[[nodiscard]] Check number_list();

// What layer_bits_text() and number_list() have accepted.
[[nodiscard]] LayerBits parse_layer_bits(const std::string& text);
[[nodiscard]] std::vector<int> parse_number_list(const std::string& text);

// --json, with which every subcommand answers with one document.
void add_json_option(const Subcommand& command, bool& json);
// --threads; 0 as long as nothing is given.
void add_threads_option(const Subcommand& command, int& threads);
// The number of threads to use for `work` independent pieces of work: what was asked for, or as many as there are
// cores and pieces.
[[nodiscard]] int threads_to_use(int asked, std::size_t work);
// --isa, one of those that this CPU can run.
void add_isa_option(const Subcommand& command, std::string& isa);

// What a file of float weights does not tell about itself.
struct ImportFlags {
  std::string architecture;
  int input_size = 0;
  bool tf_padding = false;
  double batch_norm_epsilon = 0;  // 0: not given
  std::string stride_2_blocks;
};
inline constexpr const char* kInputSizeOption = "--input-size";
// Returns the options, so that a command can say which of them make no sense for a file that holds its network.
std::vector<Option> add_import_options(const Subcommand& command, ImportFlags& flags);
// The first of these options that was given, as an error: it would have no effect on the file `path`, and that is
// better said than ignored.
[[nodiscard]] std::optional<Error> misplaced_option(const std::vector<Option>& options, const std::string& path);

void add_labels_option(const Subcommand& command, std::string& path);
// One label a line. Empty without a path.
[[nodiscard]] Result<std::vector<std::string>> read_labels(const std::string& path);

}  // namespace narrow::cli
