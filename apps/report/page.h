// The pages of `narrow report` and `narrow sweep`: one HTML file of a template and a JSON document, which needs no
// network.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "narrow/result.h"

namespace narrow::cli {

enum class Page : std::uint8_t { kReport, kSweep };

// Error: the library that draws the charts was not there when the command was built; says how to get it. option: the
// one that names the file, for the error.
[[nodiscard]] Status check_page_is_built_in(const char* option);

// The first bytes of every page of this kind.
[[nodiscard]] std::string_view page_begin(Page page);
// document: study_json() or sweep_json(), in ASCII. title: text. Nothing in them can end the element that holds them.
[[nodiscard]] std::string page_of(Page page, std::string_view document, std::string_view title);

}  // namespace narrow::cli
