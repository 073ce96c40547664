// Runs the built `narrow` as a user would, and makes inputs for it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace narrow::testing {

struct Ran {
  int exit_code = -1;  // 128 + signal where a signal ended it, as in a shell
  std::string out;
  std::string err;
  double seconds = 0;

  // stdout as JSON; a test failure and a null value where it is not.
  [[nodiscard]] nlohmann::json json() const;
};

struct RunOptions {
  std::vector<std::string> environment;  // "NAME=value", added to the test's own
  std::string stdout_path;               // write stdout there instead of catching it
  std::string stdin_path = "/dev/null";
  std::string program = "narrow";  // or "narrow-small", in the folder of the build
};

[[nodiscard]] Ran narrow_command(const std::vector<std::string>& arguments, const RunOptions& options = {});
// Starts the command without waiting for it; its stdout goes to the file descriptor `output`, its stderr nowhere.
// before: words before it, such as those of `env`.
[[nodiscard]] pid_t start_narrow(const std::vector<std::string>& arguments, int output,
                                 const std::vector<std::string>& before = {});
// Waits for it, and returns its status (waitpid).
[[nodiscard]] int wait_for(pid_t child);
// The same for a command that must succeed; the test ends where it does not.
Ran run_narrow(const std::vector<std::string>& arguments);
// Whether this build can write pages, which needs npm when it is made.
[[nodiscard]] bool writes_pages();
// Checks that the command ends with this code, prints nothing on stdout, and an error that mentions all of `parts`.
void check_fails(const std::vector<std::string>& arguments, int exit_code, const std::vector<std::string>& parts);
// The bytes that `narrow evaluate --scores` writes. more: further options.
[[nodiscard]] std::string scores_of(const std::string& model, const std::string& images,
                                    std::vector<std::string> more = {});

// The model that ships with the code, and the checkpoint that it was made from.
[[nodiscard]] std::filesystem::path default_model();
[[nodiscard]] std::filesystem::path default_checkpoint();

[[nodiscard]] std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, std::string_view bytes);
// A PPM of coloured gradients; another `variant` gives another image.
void write_image(const std::filesystem::path& path, int width, int height, int variant = 0);
// A CIFAR-10 binary file of `count` images with labels 0, 1, 2, ...
void write_cifar(const std::filesystem::path& path, int count);
// Number of files in `folder`; a left-over part of an output is one too many.
[[nodiscard]] std::size_t files_in(const std::filesystem::path& folder);

}  // namespace narrow::testing
