// Takes tensors from a state dict by name and shape, and records everything that does not fit, so that one error lists
// all of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
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

  // Returns the tensor `name` if it has this shape (kAnySize matches any size) and finite values. Otherwise records the
  // problem and returns nullptr.
  const Tensor* take(const std::string& name, const std::vector<std::int64_t>& shape);

  // Tensors whose names start with `prefix` are expected, but not used.
  void leave_out(std::string_view prefix);

  // Whether every tensor so far existed and fitted.
  [[nodiscard]] bool ok() const { return missing_.empty() && misshapen_.empty() && damaged_.empty(); }

  // Tensors that were never taken, but are taken ones under another name. One sentence, or nothing.
  [[nodiscard]] std::optional<std::string> note_on_other_names() const;

  // Reports all problems, including tensors that were never taken (except counters of batches, and taken ones under
  // another name). Error:
  // kInvalidArgument. looks_like: the architecture that the names are typical of, for the message if most are missing;
  // may be empty.
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
  // The names of tensors that were never taken, and of the taken ones that are the same.
  [[nodiscard]] std::vector<std::pair<std::string_view, std::string_view>> other_names() const;

  const StateDict& weights_;
  std::unordered_map<std::string_view, Known> tensors_;
  std::vector<Problem> missing_, misshapen_, damaged_;
  std::size_t taken_ = 0;
};

}  // namespace narrow::importers
