#include "apps/report/json/json_text.h"

#include <algorithm>
#include <utility>

#include "apps/text/words.h"
#include "base/text.h"

namespace narrow::cli {

namespace {

bool is_utf8(const std::string& text) { return base::text_problem(text) != "is not valid UTF-8"; }

}  // namespace

void add_encoded(Json& json) {
  if (json.is_object()) {
    Json encoded = Json::object();
    for (const auto& [key, value] : json.items()) {
      if (value.is_string() && !is_utf8(value.get_ref<const std::string&>())) {
        encoded[key + "_encoded"] = percent_encoded(value.get_ref<const std::string&>());
      } else if (value.is_array() && std::any_of(value.begin(), value.end(), [](const Json& item) {
                   return item.is_string() && !is_utf8(item.get_ref<const std::string&>());
                 })) {
        Json& texts = encoded[key + "_encoded"] = Json::array();
        for (const Json& item : value)
          texts.push_back(item.is_string() ? Json(percent_encoded(item.get<std::string>())) : item);
      }
    }
    json.update(encoded);
  }
  if (!json.is_structured()) return;
  for (Json& item : json) add_encoded(item);
}

std::string written(Json document, bool ascii) {
  add_encoded(document);
  return document.dump(2, ' ', ascii, Json::error_handler_t::replace) + "\n";
}

}  // namespace narrow::cli
