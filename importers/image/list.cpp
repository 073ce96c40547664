#include <charconv>
#include <string_view>
#include <system_error>

#include "base/try.h"
#include "importers/image/sources.h"

namespace narrow::image {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMaxListBytes = std::uint64_t{64} << 20;
constexpr int kMaxLabel = 1'000'000;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The label is an index or a class name. A text that is both is an index.
Result<int> read_label(std::string_view text, const ClassNames& class_names) {
  int index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  const bool whole = end == text.data() + text.size();
  if (whole && error == std::errc()) {
    const int last = class_names.empty() ? kMaxLabel : static_cast<int>(class_names.size()) - 1;
    if (index >= 0 && index <= last) return index;
  } else if (!whole || error == std::errc::invalid_argument) {
    for (std::size_t i = 0; i < class_names.size(); ++i) {
      if (class_names[i] == text) return static_cast<int>(i);
    }
    if (class_names.empty()) {
      return Error{
          ErrorCode::kMalformed,
          "the label '" + std::string(text) + "' is a name, but no class names are known here; write the index",
          {}};
    }
    return Error{
        ErrorCode::kMalformed, "unknown class '" + std::string(text) + "'; known are " + quoted_list(class_names), {}};
  }
  return Error{ErrorCode::kMalformed,
               "the label " + std::string(text) + " is out of range, it must be 0.." +
                   std::to_string(class_names.empty() ? kMaxLabel : static_cast<int>(class_names.size()) - 1),
               {}};
}

Status append_line(std::string_view line, const fs::path& folder, const ClassNames& class_names,
                   std::vector<Entry>& entries) {
  const std::size_t tab = line.rfind('\t');
  const std::string_view name = line.substr(0, tab);
  const std::string_view label_text =
      tab == std::string_view::npos ? std::string_view() : trimmed(line.substr(tab + 1));
  if (trimmed(name).empty()) return Error{ErrorCode::kMalformed, "no path before the tab", {}};
  Entry entry;
  entry.path = folder / fs::path(std::string(name));  // an absolute name replaces the folder
  if (!label_text.empty()) {
    NARROW_ASSIGN(entry.label, read_label(label_text, class_names));
  }
  std::error_code error;
  if (!fs::exists(entry.path, error)) {
    std::string message = "no such image: " + entry.path.string();
    if (tab == std::string_view::npos && name.find_first_of(" ,;") != std::string_view::npos) {
      message += " (between path and label there must be a tab)";
    }
    return Error{ErrorCode::kNotFound, std::move(message), {}};
  }
  entries.push_back(std::move(entry));
  return {};
}

}  // namespace

Status append_list(const fs::path& path, const ClassNames& class_names, std::vector<Entry>& entries) {
  NARROW_ASSIGN(const std::vector<std::byte> bytes, importers::read_file(path, kMaxListBytes));
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.find('\0') != std::string_view::npos) {
    return Error{ErrorCode::kMalformed, "not a text file of `path<TAB>label` lines: it has zero bytes", path.string()};
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const std::size_t before = entries.size();
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (trimmed(line).empty() || line.front() == '#') continue;
    Status status = append_line(line, path.parent_path(), class_names, entries);
    if (!status.ok()) {
      Error error = std::move(status).error();
      error.where = path.string() + ":" + std::to_string(number);
      return error;
    }
  }
  if (entries.size() == before) {
    return Error{ErrorCode::kMalformed, "the list names no image", path.string()};
  }
  return {};
}

}  // namespace narrow::image
