#include "apps/commands/settings.h"

#include <cstdint>
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
  }
  const ImportFlags& import = flags.import;
  std::vector<std::string> texts = {preprocessing_text(loaded.preprocessing), join(loaded.shown_labels(), "\n")};
  texts.insert(texts.end(), more.begin(), more.end());
  texts.insert(texts.end(),
               {std::string(flags.in_float ? "float" : ""), import.architecture, import.state_dict, import.input_size,
                import.input_shape, import.output, std::string(import.tf_padding ? "tf" : ""),
                std::to_string(import.batch_norm_epsilon), import.stride_2_blocks});
  for (const std::string& text : texts) {
    hash.add(text);
    hash.add({"\0", 1});
  }
  return hash;
}

}  // namespace narrow::cli
