#include "apps/text/table.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "apps/text/words.h"
#include "apps/text/wrap.h"

namespace narrow::cli {
namespace {

constexpr std::size_t kGap = 2;             // before each column
constexpr std::size_t kNarrowestName = 14;  // to which names are shortened before columns are left out
constexpr std::size_t kShortestName = 10;   // and where that is not enough
constexpr std::size_t kNarrowestText = 20;  // of a column whose texts go on in the next lines

}  // namespace

Table::Table(std::vector<std::string> header) {
  for (std::string& name : header) {
    Column column;
    if (!name.empty() && std::string_view(">~|").find(name.front()) != std::string_view::npos) {
      column.kind = name.front();
      name.erase(0, 1);
    }
    column.header = std::move(name);
    columns_.push_back(std::move(column));
  }
}

void Table::add(std::vector<std::string> row, Style style) {
  row.resize(columns_.size());
  for (std::string& cell : row) cell = printable(cell);
  rows_.push_back({std::move(row), style});
}

std::vector<std::string> Table::fit(std::vector<Column>& columns, std::size_t limit) const {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    columns[i].width = columns_of(columns[i].header);
    for (const Row& row : rows_) {
      columns[i].width = std::max(columns[i].width, columns_of(row.cells[i]));
      if (columns[i].kind == '|')
        columns[i].longest_word = std::max(columns[i].longest_word, longest_part(row.cells[i]));
    }
  }
  std::vector<std::string> left_out;
  if (limit == 0) return left_out;
  const auto narrowest = [](const Column& column) -> std::size_t {
    if (column.kind == '~') return std::min(column.width, std::max(kNarrowestName, columns_of(column.header)));
    if (column.kind != '|') return column.width;
    return std::min(column.width, std::max(kNarrowestText, column.longest_word));
  };
  // Where that is not enough, a column of texts is as narrow as its longest word.
  const auto narrowest_of_all = [&](const Column& column) -> std::size_t {
    if (column.kind == '~') return std::min(column.width, std::max(kShortestName, columns_of(column.header)));
    return column.kind == '|' ? std::max(column.longest_word, columns_of(column.header)) : narrowest(column);
  };
  const auto total = [&](const auto& width_of) {
    std::size_t sum = 0;
    for (const Column& column : columns) sum += column.left_out ? 0 : kGap + width_of(column);
    return sum;
  };
  for (const std::string& header : dispensable_) {
    if (total(narrowest) <= limit) break;
    const auto at =
        std::find_if(columns.begin(), columns.end(), [&](const Column& column) { return column.header == header; });
    if (at == columns.end() || at->left_out) continue;
    at->left_out = true;
    left_out.push_back(header);
  }
  // The widest one first gives way.
  const auto give_way = [&](const auto& least) {
    while (total([](const Column& column) { return column.width; }) > limit) {
      Column* widest = nullptr;
      for (Column& column : columns) {
        if (column.left_out || column.width <= least(column)) continue;
        if (widest == nullptr || column.width > widest->width) widest = &column;
      }
      if (widest == nullptr) break;
      --widest->width;
    }
  };
  give_way(narrowest);
  give_way(narrowest_of_all);
  return left_out;
}

std::string Table::line(const std::vector<Column>& columns, const Row& row, const Terminal& terminal) {
  std::vector<std::vector<std::string>> cells;
  std::size_t height = 1;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Column& column = columns[i];
    const std::string& cell = row.cells[i];
    cells.push_back(column.kind == '|'   ? wrapped(cell, column.width)
                    : column.kind == '~' ? std::vector{shortened_in_the_middle(cell, column.width)}
                                         : std::vector{cell});
    if (!column.left_out) height = std::max(height, cells.back().size());
  }
  std::string lines;
  for (std::size_t part = 0; part < height; ++part) {
    std::string text;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Column& column = columns[i];
      if (column.left_out) continue;
      const std::string cell = part < cells[i].size() ? cells[i][part] : std::string();
      const std::string fill(column.width - std::min(column.width, columns_of(cell)), ' ');
      text += std::string(kGap, ' ') + (column.kind == '>' ? fill + cell : cell + fill);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    lines += styled(text, row.style, terminal) + "\n";
  }
  return lines;
}

std::string Table::text(const Terminal& terminal) const {
  std::vector<Column> columns = columns_;
  const std::vector<std::string> left_out = fit(columns, terminal.columns);
  Row header{{}, Style::kHeader};
  for (const Column& column : columns) header.cells.push_back(column.header);
  std::string out = line(columns, header, terminal);
  for (const Row& row : rows_) out += line(columns, row, terminal);
  if (!left_out.empty()) {
    const std::string note = format("%zu columns have no room for: ", terminal.columns) + join(left_out, ", ") +
                             "; a wider terminal, a pipe and --json have all";
    for (const std::string& part : wrapped(note, std::max<std::size_t>(terminal.columns - kGap, kNarrowestText))) {
      out += styled("  " + part, Style::kFaint, terminal) + "\n";
    }
  }
  return out;
}

}  // namespace narrow::cli
