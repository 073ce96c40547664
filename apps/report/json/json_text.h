// From values to the text of a JSON document. Only apps/report/json/ includes this header: the JSON library takes
// seconds to compile. docs/cli.md specifies what programs can rely on.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace narrow::cli {

using Json = nlohmann::ordered_json;

// Beside each text, or list of texts, that is not UTF-8 its bytes in percent-encoding: "picture_encoded" for "picture".
void add_encoded(Json& json);

// File names need not be UTF-8, but JSON must be. ascii: escape what is not ASCII, as documents in pages.
[[nodiscard]] std::string written(Json document, bool ascii = false);

template <class Items, class ToJson>
Json list(const Items& items, const ToJson& to_json) {
  Json json = Json::array();
  for (const auto& item : items) json.push_back(to_json(item));
  return json;
}

}  // namespace narrow::cli
