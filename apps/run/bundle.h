// Programs that are the command and a model in one file (`narrow bundle`): a copy of the command, zeros up to a
// multiple of 64, the .nrw, and a trailer that says where the .nrw is. Linux loads the file as it loads the command.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "narrow/result.h"

namespace narrow::cli {

// What a trailer says, checked against the file that it ends.
struct BundledModel {
  std::uint64_t offset = 0;  // of the .nrw, from the start of the file
  std::uint64_t bytes = 0;
  std::string hash;  // of the .nrw (ContentHash)
};

// The model of the file at `path`; nothing where it does not end as a bundle. Reads the trailer alone. Errors:
// kMalformed, it has a trailer that does not fit the file; kIo.
[[nodiscard]] Result<std::optional<BundledModel>> find_bundled_model(const std::filesystem::path& path);
// Its bytes. Errors: kMalformed, they are not those that were bundled; kIo.
[[nodiscard]] Result<std::vector<std::byte>> read_bundled_model(const std::filesystem::path& path,
                                                                const BundledModel& model);

// The bytes of the command at `path`, to be copied. Errors: kInvalidArgument, it is no command that reads bundles, or
// is a bundle itself; kIo, kLimit.
[[nodiscard]] Result<std::vector<std::byte>> read_command(const std::filesystem::path& path);
// What follows the command in a bundle.
[[nodiscard]] std::vector<std::byte> bundle_tail(std::size_t command_bytes, std::span<const std::byte> model);

// The file that this process runs.
[[nodiscard]] std::filesystem::path running_file();

}  // namespace narrow::cli
