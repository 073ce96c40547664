// The page of `narrow report`: one HTML file of a template and a JSON document, which needs no network.
#pragma once

#include <string>
#include <string_view>

#include "narrow/result.h"

namespace narrow::cli {

// Error: the library that draws the charts was not there when the command was built; says how to get it.
[[nodiscard]] Status check_page_is_built_in();

// The first bytes of every page.
[[nodiscard]] std::string_view page_begin();
// document: study_json(), in ASCII. title: text. Nothing in them can end the element that holds them.
[[nodiscard]] std::string page_of(std::string_view document, std::string_view title);

}  // namespace narrow::cli
