// The tables that commands print.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "apps/text/terminal.h"

namespace narrow::cli {

// Columns are as wide as their widest cell, where the terminal has room for that. The first character of a header may
// say more about its column, and is not printed:
//   >  aligned to the right
//   ~  long texts lose their middle where the table is too wide
//   |  long texts go on in the next lines where the table is too wide
class Table {
 public:
  explicit Table(std::vector<std::string> header);

  // The columns that are left out where the table is still too wide, the first of them first. A line says so.
  void may_leave_out(std::vector<std::string> headers) { dispensable_ = std::move(headers); }
  void add(std::vector<std::string> row, Style style = Style::kPlain);
  [[nodiscard]] std::string text(const Terminal& terminal = output_terminal()) const;

 private:
  struct Column {
    std::string header;
    char kind = ' ';
    bool left_out = false;
    std::size_t width = 0;
    std::size_t longest_word = 0;  // of a kind '|'
  };
  struct Row {
    std::vector<std::string> cells;
    Style style = Style::kPlain;
  };
  // The columns with the widths that fit. Returns the headers of those that are left out.
  [[nodiscard]] std::vector<std::string> fit(std::vector<Column>& columns, std::size_t limit) const;
  [[nodiscard]] static std::string line(const std::vector<Column>& columns, const Row& row, const Terminal& terminal);

  std::vector<Column> columns_;
  std::vector<Row> rows_;
  std::vector<std::string> dispensable_;
};

}  // namespace narrow::cli
