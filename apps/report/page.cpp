#include "apps/report/page.h"

namespace narrow::cli {

extern "C" {
// Begin and end of the files that page_files.S includes.
extern const char narrow_page_html_begin[], narrow_page_html_end[];
extern const char narrow_page_css_begin[], narrow_page_css_end[];
extern const char narrow_page_js_begin[], narrow_page_js_end[];
extern const char narrow_page_charts_begin[], narrow_page_charts_end[];
extern const char narrow_page_licence_begin[], narrow_page_licence_end[];
}

namespace {

std::string_view between(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

std::string_view charts() { return between(narrow_page_charts_begin, narrow_page_charts_end); }

// Text in HTML.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// JSON in a script element: characters that HTML knows occur in its strings only, where they may be escaped.
std::string in_script(std::string_view document) {
  std::string out;
  out.reserve(document.size());
  for (const char c : document) {
    switch (c) {
      case '<':
        out += "\\u003c";
        break;
      case '>':
        out += "\\u003e";
        break;
      case '&':
        out += "\\u0026";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace

Status check_page_is_built_in() {
  if (!charts().empty()) return {};
  return Error{
      ErrorCode::kUnsupported,
      "this build of narrow has no pages, because the library that draws their charts (D3) was not there when it "
      "was built. Install npm and run ./dev build, which fetches it; --json prints the same report as data",
      "--output"};
}

std::string_view page_begin() {
  const std::string_view page = between(narrow_page_html_begin, narrow_page_html_end);
  return page.substr(0, page.find("<html"));
}

std::string page_of(std::string_view document, std::string_view title) {
  const std::string_view page = between(narrow_page_html_begin, narrow_page_html_end);
  std::string out;
  out.reserve(page.size() + document.size() + charts().size() + (std::size_t{1} << 17));
  // "{{name}}" is the place of a part.
  std::size_t at = 0;
  constexpr std::string_view kPut = "{{";
  while (true) {
    const std::size_t open = page.find(kPut, at);
    if (open == std::string_view::npos) break;
    const std::size_t close = page.find("}}", open);
    out += page.substr(at, open - at);
    const std::string_view name = page.substr(open + kPut.size(), close - open - kPut.size());
    if (name == "title") out += escaped(title);
    if (name == "style") out += between(narrow_page_css_begin, narrow_page_css_end);
    if (name == "charts") out += charts();
    if (name == "licence") out += escaped(between(narrow_page_licence_begin, narrow_page_licence_end));
    if (name == "script") out += between(narrow_page_js_begin, narrow_page_js_end);
    if (name == "data") out += in_script(document);
    at = close + 2;
  }
  out += page.substr(at);
  return out;
}

}  // namespace narrow::cli
