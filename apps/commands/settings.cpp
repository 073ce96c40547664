#include "apps/commands/settings.h"

#include <cstdint>
#include <filesystem>
#include <span>

#include "apps/run/default_model.h"
#include "apps/text/describe.h"
#include "apps/text/words.h"
#include "base/try.h"

namespace narrow::cli {

Result<ContentHash> hash_settings(const ModelFlags& flags, const LoadedModel& loaded,
                                  const std::vector<std::string>& more) {
  ContentHash hash;
  if (flags.path.empty()) {
    const std::span<const std::byte> model = default_model_bytes();
    hash.add({reinterpret_cast<const char*>(model.data()), model.size()});
  } else {
    std::uintmax_t bytes = 0;
    NARROW_TRY(hash_file(flags.path, hash, bytes));
    for (const std::filesystem::path& external : loaded.external_files) NARROW_TRY(hash_file(external, hash, bytes));
  }
  std::vector<std::string> texts = {preprocessing_text(loaded.preprocessing), join(loaded.shown_labels(), "\n")};
  texts.insert(texts.end(), more.begin(), more.end());
  texts.insert(texts.end(), {std::string(flags.in_float ? "float" : ""), import_text(flags.import)});
  for (const std::string& text : texts) {
    hash.add(text);
    hash.add({"\0", 1});
  }
  return hash;
}

}  // namespace narrow::cli
