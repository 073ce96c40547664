#include "quantize/training_state.h"

#include <cstring>

namespace narrow::graph {
namespace {

constexpr std::string_view kMagic = "narrow training 1\n";

class StateWriter {
 public:
  StateWriter() { bytes_ += kMagic; }
  template <class T>
  void number(const T& value) {
    bytes_ += bytes_of(std::span<const T, 1>(&value, 1));
  }
  template <class T>
  void list(const std::vector<T>& values) {
    number(std::uint64_t{values.size()});
    bytes_ += bytes_of(std::span<const T>(values));
  }
  std::string finish() && {
    number(hash_of(bytes_));
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
};

class StateReader {
 public:
  explicit StateReader(std::string_view bytes) : left_(bytes) {}
  template <class T>
  bool number(T& value) {
    return copy(&value, 1);
  }
  template <class T>
  bool list(std::vector<T>& values) {
    std::uint64_t count = 0;
    if (!number(count) || count > left_.size() / sizeof(T)) return false;
    values.resize(static_cast<std::size_t>(count));
    return copy(values.data(), values.size());
  }
  [[nodiscard]] bool is_at_end() const { return left_.empty(); }

 private:
  template <class T>
  bool copy(T* to, std::size_t count) {
    if (count * sizeof(T) > left_.size()) return false;
    if (count > 0) std::memcpy(to, left_.data(), count * sizeof(T));
    left_.remove_prefix(count * sizeof(T));
    return true;
  }

  std::string_view left_;
};

}  // namespace

std::uint64_t hash_of(std::string_view bytes, std::uint64_t before) {
  for (const char byte : bytes) {
    before = (before ^ static_cast<unsigned char>(byte)) * 0x100000001B3U;
  }
  return before;
}

std::string to_bytes(const TrainingState& state) {
  StateWriter out;
  out.number(state.iterations);
  out.number(state.random);
  out.number(state.next);
  out.number(state.adam.mean_weight);
  out.number(state.adam.square_weight);
  out.list(state.deck);
  out.list(state.parameters);
  out.list(state.adam.mean);
  out.list(state.adam.square);
  return std::move(out).finish();
}

std::optional<TrainingState> training_state(std::string_view bytes) {
  std::uint64_t sum = 0;
  if (!bytes.starts_with(kMagic) || bytes.size() < kMagic.size() + sizeof sum) return std::nullopt;
  const std::string_view body = bytes.substr(0, bytes.size() - sizeof sum);
  std::memcpy(&sum, bytes.data() + body.size(), sizeof sum);
  if (hash_of(body) != sum) return std::nullopt;
  StateReader in(body.substr(kMagic.size()));
  TrainingState state;
  const bool is_whole = in.number(state.iterations) && in.number(state.random) && in.number(state.next) &&
                        in.number(state.adam.mean_weight) && in.number(state.adam.square_weight) &&
                        in.list(state.deck) && in.list(state.parameters) && in.list(state.adam.mean) &&
                        in.list(state.adam.square) && in.is_at_end();
  if (!is_whole) return std::nullopt;
  return state;
}

}  // namespace narrow::graph
