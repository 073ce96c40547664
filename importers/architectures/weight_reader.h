// Takes tensors out of a state_dict by name and shape, and remembers everything that does not fit, so that one error
// can tell it all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "importers/weights/state_dict.h"
#include "narrow/result.h"

namespace narrow::importers {

inline constexpr std::int64_t kAnySize = -1;

class WeightReader {
 public:
  // `weights` must outlive the reader.
  explicit WeightReader(const StateDict& weights);

  [[nodiscard]] bool has(std::string_view name) const { return tensors_.count(name) != 0; }

  // The tensor `name` if it is there with this shape (kAnySize matches any size) and finite values. Otherwise nullptr,
  // and the problem is remembered.
  const Tensor* take(const std::string& name, const std::vector<std::int64_t>& shape);

  // Tensors whose names start with `prefix` are expected, but of no use.
  void leave_out(std::string_view prefix);

  // Whether every tensor so far was there and fitted.
  [[nodiscard]] bool ok() const { return missing_.empty() && misshapen_.empty() && damaged_.empty(); }

  // All problems, also the tensors that nobody took (counters of batches excepted).
  // Error: kInvalidArgument. `looks_like`: what the names are typical of, for when most are missing; may be empty.
  [[nodiscard]] Status finish(const std::string& architecture, const std::string& looks_like) const;

 private:
  struct Problem {
    std::string name;
    std::string detail;
  };
  struct Known {
    const Tensor* tensor;
    bool taken = false;
  };
  [[nodiscard]] std::vector<Problem> unexpected() const;

  const StateDict& weights_;
  std::unordered_map<std::string_view, Known> tensors_;
  std::vector<Problem> missing_, misshapen_, damaged_;
  std::size_t taken_ = 0;
};

}  // namespace narrow::importers
