// Finds the weights of one network among all that a file of a training run holds: the model beside its average, a
// network within a wrapper, a network beside the weights of a loss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "importers/weights/state_dict.h"
#include "narrow/result.h"

namespace narrow::importers {

struct ListedTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  // The index of the first tensor of the list that is the very same elements of the file under another name.
  std::optional<std::size_t> same_as = std::nullopt;
};

// One state dict of a file. key: the names that lead to it, joined by dots: "model", "ema.module". Empty: the file
// itself.
struct ListedWeights {
  std::string key;
  std::vector<ListedTensor> tensors;  // names are unique
};

struct ChoiceOptions {
  std::string key = {};           // the weights to take; empty: chosen by the rule below
  std::string architecture = {};  // the network that is wanted; empty: any
  // The architecture that has tensors of these names and shapes; empty if none has. The tensors have no values. May be
  // empty: then every state dict is taken as it is.
  std::function<std::string(const StateDict&)> recognise = {};
};

struct ChosenWeights {
  std::size_t list = 0;                                      // the index of the state dict
  std::vector<std::pair<std::size_t, std::string>> tensors;  // the index of a tensor in it, and its name in the network
  std::vector<std::string> notes;                            // what was chosen, and what was left out
};

// Chooses the weights to read. Names of wrappers ("module.", "_orig_mod.") are removed wherever they stand; of tensors
// that differ in them alone and are the same elements, the first is taken. A group of
// weights is a state dict, or the part of one whose names share a prefix ("model.", "backbone."), if its names are
// those of an architecture. Of several groups the first of this order is taken:
// 1. the wanted architecture before another, a known architecture before none;
// 2. a key without a word of averages and training ("ema", "teacher", "optimizer", ...) before one with it;
// 3. more elements before fewer;
// 4. the order in the file.
// Errors: kNotFound (no weights of this key; lists the keys), kInvalidArgument (layers beside the network that
// might be parts of it).
[[nodiscard]] Result<ChosenWeights> choose_weights(std::span<const ListedWeights> lists, const ChoiceOptions& options,
                                                   const std::string& where);

}  // namespace narrow::importers
