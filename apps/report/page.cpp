#include "apps/report/page.h"

namespace narrow::cli {

extern "C" {
// Begin and end of the files that page_files.S includes.
extern const char narrow_page_parts_css_begin[], narrow_page_parts_css_end[];
extern const char narrow_page_parts_js_begin[], narrow_page_parts_js_end[];
extern const char narrow_page_charts_begin[], narrow_page_charts_end[];
extern const char narrow_page_licence_begin[], narrow_page_licence_end[];
extern const char narrow_page_report_html_begin[], narrow_page_report_html_end[];
extern const char narrow_page_report_css_begin[], narrow_page_report_css_end[];
extern const char narrow_page_report_js_begin[], narrow_page_report_js_end[];
extern const char narrow_page_sweep_html_begin[], narrow_page_sweep_html_end[];
extern const char narrow_page_sweep_css_begin[], narrow_page_sweep_css_end[];
extern const char narrow_page_sweep_js_begin[], narrow_page_sweep_js_end[];
}

namespace {

std::string_view between(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

std::string_view charts() { return between(narrow_page_charts_begin, narrow_page_charts_end); }

// What a page has of its own.
struct Template {
  std::string_view html;
  std::string_view css;
  std::string_view js;
};
Template template_of(Page page) {
  if (page == Page::kReport) {
    return {between(narrow_page_report_html_begin, narrow_page_report_html_end),
            between(narrow_page_report_css_begin, narrow_page_report_css_end),
            between(narrow_page_report_js_begin, narrow_page_report_js_end)};
  }
  return {between(narrow_page_sweep_html_begin, narrow_page_sweep_html_end),
          between(narrow_page_sweep_css_begin, narrow_page_sweep_css_end),
          between(narrow_page_sweep_js_begin, narrow_page_sweep_js_end)};
}

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

Status check_page_is_built_in(const char* option) {
  if (!charts().empty()) return {};
  return Error{
      ErrorCode::kUnsupported,
      "this build of narrow has no pages, because the library that draws their charts (D3) was not there when it "
      "was built. Install npm and run ./dev build, which fetches it; --json prints the same report as data",
      option};
}

std::string_view page_begin(Page page) {
  const std::string_view html = template_of(page).html;
  return html.substr(0, html.find("<html"));
}

std::string page_of(Page page, std::string_view document, std::string_view title) {
  const Template own = template_of(page);
  const std::string_view html = own.html;
  std::string out;
  out.reserve(html.size() + document.size() + charts().size() + (std::size_t{1} << 17));
  // "{{name}}" is the place of a part.
  std::size_t at = 0;
  constexpr std::string_view kPut = "{{";
  while (true) {
    const std::size_t open = html.find(kPut, at);
    if (open == std::string_view::npos) break;
    const std::size_t close = html.find("}}", open);
    out += html.substr(at, open - at);
    const std::string_view name = html.substr(open + kPut.size(), close - open - kPut.size());
    if (name == "title") out += escaped(title);
    if (name == "style") out += between(narrow_page_parts_css_begin, narrow_page_parts_css_end);
    if (name == "own-style") out += own.css;
    if (name == "charts") out += charts();
    if (name == "licence") out += escaped(between(narrow_page_licence_begin, narrow_page_licence_end));
    if (name == "parts") out += between(narrow_page_parts_js_begin, narrow_page_parts_js_end);
    if (name == "script") out += own.js;
    if (name == "data") out += in_script(document);
    at = close + 2;
  }
  out += html.substr(at);
  return out;
}

}  // namespace narrow::cli
