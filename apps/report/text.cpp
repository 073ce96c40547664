#include "apps/report/text.h"
#include "narrow/inspect.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <set>

#include "apps/run/network.h"
#include "base/text.h"

namespace narrow::cli {

std::string format(const char* pattern, ...) {
  std::va_list arguments;
  va_start(arguments, pattern);
  std::va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, pattern, arguments);
  va_end(arguments);
  std::string out(length > 0 ? static_cast<std::size_t>(length) : 0, '\0');
  if (length > 0) std::vsnprintf(out.data(), out.size() + 1, pattern, again);
  va_end(again);
  return out;
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

std::string bytes_text(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= 1000 * 1000) return format("%.2f MB", value / 1e6);
  if (bytes >= 10 * 1000) return format("%.1f kB", value / 1e3);
  return format("%llu bytes", static_cast<unsigned long long>(bytes));
}

std::string count_text(std::int64_t count) {
  const auto value = static_cast<double>(count);
  if (count >= 1000 * 1000) return format("%.2f M", value / 1e6);
  if (count >= 10 * 1000) return format("%.1f k", value / 1e3);
  return format("%lld", static_cast<long long>(count));
}

std::string plural(std::uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string shape_text(const TensorShape& shape) {
  if (shape.height == 1 && shape.width == 1) return std::to_string(shape.channels);
  return base::dimensions_text(shape);
}

std::string preprocessing_text(const Preprocessing& p) {
  std::string out;
  if (p.resize) {
    out += format("resize %d (%s), ", *p.resize,
                  p.interpolation == Interpolation::kBilinear ? "antialiased bilinear" : "nearest");
  }
  out += format("crop %dx%d", p.crop_height, p.crop_width);
  const auto list = [&](const std::array<float, 3>& values) {
    std::string text;
    for (int c = 0; c < p.channels; ++c)
      text += format(" %.6g", static_cast<double>(values[static_cast<std::size_t>(c)]));
    return text;
  };
  return out + (p.channels == 1 ? ", gray, mean" : ", mean") + list(p.mean) + ", std" + list(p.std);
}

std::string preprocessing_lines(const Preprocessing& preprocessing, bool is_assumed) {
  return "preprocessing  " + preprocessing_text(preprocessing) + "\n" +
         (is_assumed ? "note: the file does not say how pictures are prepared; these numbers are assumed, give "
                       "--preprocess where they are others\n"
                     : "");
}

namespace {

// "8-bit weights", "4- and 8-bit weights", "8-bit and float weights".
std::string bits_list(const std::set<int>& bits, std::string_view noun) {
  std::string out;
  for (auto it = bits.begin(); it != bits.end(); ++it) {
    if (it != bits.begin()) out += std::next(it) == bits.end() ? " and " : ", ";
    const auto next = std::next(it);
    const bool last_width = next == bits.end() || *next == 32;
    out += *it == 32 ? "float" : std::to_string(*it) + (last_width ? "-bit" : "-");
  }
  return out + " " + std::string(noun);
}

}  // namespace

std::string bits_text(std::span<const LayerInfo> layers) {
  std::set<int> weights;
  std::set<int> activations;
  for (const LayerInfo& layer : layers) {
    if (layer.weight_bits != 0) weights.insert(layer.weight_bits);
    // Dequantizing at the end of the network is not a choice of bits.
    if (layer.activation_bits != 0 && layer.activation_bits < 32) activations.insert(layer.activation_bits);
  }
  if (weights.empty()) return "no weights";
  if (activations.empty()) return bits_list(weights, "weights");
  return bits_list(weights, "weights") + ", " + bits_list(activations, "activations");
}

std::string arithmetic_text(std::span<const LayerInfo> layers) {
  const bool in_integers =
      std::any_of(layers.begin(), layers.end(), [](const LayerInfo& layer) { return layer.activation_bits < 32; });
  if (!in_integers) return "float arithmetic";
  const auto in_float = std::count_if(layers.begin(), layers.end(), computes_in_float);
  if (in_float == 0) return "integer arithmetic";
  return "integer arithmetic except " + plural(static_cast<std::uint64_t>(in_float), "layer") + " left in float";
}

bool computes_in_float(const LayerInfo& layer) {
  if (layer.weight_bits != 0) return layer.weight_bits == 32;
  return layer.activation_bits == 32 && layer.computes;
}

std::string network_text(const FloatModel& network) {
  return network.architecture() + ", input " + shape_text(network.input_shape()) + ", " +
         std::to_string(network.classes()) + " classes";
}

std::string network_line(const NetworkSummary& network) {
  return format("%-15s%s: %s, %s, %s\n", "network", network.file.c_str(), network.architecture.c_str(),
                network.bits.c_str(), network.arithmetic.c_str());
}

std::string note_lines(std::span<const std::string> notes) {
  std::string lines;
  for (const std::string& note : notes) lines += "note: " + note + "\n";
  return lines;
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) c = '?';
  }
  return out;
}

Table::Table(std::vector<std::string> header) : header_(std::move(header)) {
  for (std::string& name : header_) {
    right_.push_back(!name.empty() && name.front() == '>');
    if (right_.back()) name.erase(0, 1);
  }
}

void Table::add(std::vector<std::string> row) {
  row.resize(header_.size());
  rows_.push_back(std::move(row));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < header_.size(); ++column) {
    std::size_t width = header_[column].size();
    for (const auto& row : rows_) width = std::max(width, row[column].size());
    widths.push_back(width);
  }
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (std::size_t column = 0; column < cells.size(); ++column) {
      const std::string fill(widths[column] - cells[column].size(), ' ');
      text += "  " + (right_[column] ? fill + cells[column] : cells[column] + fill);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  line(header_);
  for (const auto& row : rows_) line(row);
  return out;
}

}  // namespace narrow::cli
