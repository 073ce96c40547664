#include "importers/weights/choose_weights.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "base/try.h"

namespace narrow::importers {
namespace {

using base::in_quotes;

// Modules that only wrap another one. No architecture has a part of these names.
constexpr std::array<std::string_view, 5> kWrappers = {"module", "_orig_mod", "_fsdp_wrapped_module",
                                                       "_checkpoint_wrapped_module", "_forward_module"};
// Words in the keys of averages of a network and of other things of a training run.
constexpr auto kTrainingWords = std::to_array<std::string_view>(
    {"ema", "swa", "avg", "average", "averaged", "teacher", "momentum", "shadow", "target", "optimizer", "optim",
     "grad", "grads", "loss", "criterion", "metric", "metrics"});
constexpr std::size_t kMaxDepth = 6;    // of prefixes that are searched
constexpr std::size_t kMaxListed = 12;  // of keys in a message

using Names = std::vector<std::pair<std::size_t, std::string>>;  // index of a tensor, its name

// Weights that may be those of one network.
struct Group {
  std::size_t list = 0;
  std::string prefix;  // without the last dot; empty: the whole state dict
  Names names;
  std::string architecture;  // empty: none is recognised
  std::int64_t elems = 0;
};

std::string joined(std::string_view one, std::string_view two) {
  if (one.empty() || two.empty()) return std::string(one) + std::string(two);
  return std::string(one) + "." + std::string(two);
}

std::string without_wrappers(std::string_view name) {
  std::string kept;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('.'), name.size());
    const std::string_view part = name.substr(0, end);
    if (std::find(kWrappers.begin(), kWrappers.end(), part) == kWrappers.end()) {
      kept += (kept.empty() ? "" : ".") + std::string(part);
    }
    name.remove_prefix(std::min(name.size(), end + 1));
  }
  return kept;
}

bool speaks_of_training(std::string_view key) {
  std::string word;
  for (std::size_t i = 0; i <= key.size(); ++i) {
    if (i < key.size() && std::isalpha(static_cast<unsigned char>(key[i])) != 0) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(key[i])));
      continue;
    }
    if (std::find(kTrainingWords.begin(), kTrainingWords.end(), word) != kTrainingWords.end()) return true;
    word.clear();
  }
  return false;
}

std::int64_t elements(const ListedTensor& tensor) {
  std::int64_t elems = 1;
  // A tensor of a file has at most 2^31 elements.
  for (const std::int64_t size : tensor.shape) elems = std::min(elems * size, std::int64_t{1} << 31);
  return elems;
}

// The first of the tensors that are the same elements.
std::size_t first_of_same(const ListedWeights& list, std::size_t index) {
  return list.tensors[index].same_as.value_or(index);
}

bool are_same(const ListedWeights& list, std::size_t one, std::size_t other) {
  return first_of_same(list, one) == first_of_same(list, other);
}

// The names of a state dict without those of wrappers, as far as they stay unique.
Names network_names(const ListedWeights& list, bool remove_wrappers) {
  Names names;
  std::unordered_map<std::string, std::size_t> seen;
  bool unique = true;
  for (std::size_t i = 0; i < list.tensors.size(); ++i) {
    std::string name = remove_wrappers ? without_wrappers(list.tensors[i].name) : list.tensors[i].name;
    const auto [first, added] = seen.try_emplace(name, i);
    if (!added && are_same(list, first->second, i)) continue;
    unique = unique && added && !name.empty();
    names.emplace_back(i, std::move(name));
  }
  if (unique && remove_wrappers) return names;
  std::vector<std::string_view> whole;
  for (const ListedTensor& tensor : list.tensors) whole.emplace_back(tensor.name);
  const std::size_t prefix = module_prefix_bytes(whole);
  names.clear();
  for (std::size_t i = 0; i < whole.size(); ++i) names.emplace_back(i, whole[i].substr(prefix));
  return names;
}

class Search {
 public:
  Search(std::span<const ListedWeights> lists, const ChoiceOptions& options) : lists_(lists), options_(options) {
    for (std::size_t i = 0; i < lists.size(); ++i) {
      names_.push_back(network_names(lists[i], static_cast<bool>(options.recognise)));
      const std::size_t before = groups_.size();
      if (options.recognise) find_groups(i, {}, names_[i], 0);
      if (groups_.size() == before) groups_.push_back(make_group(i, {}, names_[i]));
    }
  }

  [[nodiscard]] std::string key(const Group& group) const { return joined(lists_[group.list].key, group.prefix); }
  [[nodiscard]] const std::vector<Group>& groups() const { return groups_; }

  // The first of `groups` in the order of the rule. Precondition: there is one.
  [[nodiscard]] const Group& first(const std::vector<const Group*>& groups) const {
    const auto rank = [&](const Group& group) {
      const bool wanted = !group.architecture.empty() && group.architecture == options_.architecture;
      return std::tuple(wanted, !group.architecture.empty(), !speaks_of_training(key(group)), group.elems);
    };
    const Group* best = groups.front();
    for (const Group* group : groups) {
      if (rank(*group) > rank(*best)) best = group;
    }
    return *best;
  }

  // The groups that the key names. A key may be that of a state dict, of a group, or any prefix of names.
  [[nodiscard]] std::vector<Group> named(const std::string& key) const {
    for (const bool remove_wrappers : {false, true}) {
      const auto plain = [&](const std::string& text) { return remove_wrappers ? without_wrappers(text) : text; };
      const std::string wanted = plain(key);
      if (wanted.empty()) break;
      std::vector<Group> found;
      for (const Group& group : groups_) {
        if (plain(this->key(group)) == wanted) found.push_back(group);
      }
      for (const Group& group : groups_) {
        if (found.empty() && plain(lists_[group.list].key) == wanted) found.push_back(group);
      }
      if (!found.empty()) return found;
      for (std::size_t i = 0; i < lists_.size(); ++i) {
        std::string before = plain(lists_[i].key);
        if (!before.empty()) before += ".";
        if (wanted.substr(0, before.size()) != before) continue;
        const std::string prefix = wanted.substr(before.size());
        Names names = under(names_[i], prefix);
        if (!names.empty()) found.push_back(make_group(i, prefix, std::move(names)));
      }
      if (!found.empty()) return found;
    }
    return {};
  }

 private:
  static Names under(const Names& names, const std::string& prefix) {
    Names found;
    for (const auto& [index, name] : names) {
      if (name.size() > prefix.size() + 1 && name[prefix.size()] == '.' &&
          name.compare(0, prefix.size(), prefix) == 0) {
        found.emplace_back(index, name.substr(prefix.size() + 1));
      }
    }
    return found;
  }

  [[nodiscard]] Group make_group(std::size_t list, std::string prefix, Names names) const {
    Group group{list, std::move(prefix), std::move(names), {}, 0};
    StateDict shapes;
    for (const auto& [index, name] : group.names) {
      const ListedTensor& tensor = lists_[list].tensors[index];
      group.elems += elements(tensor);
      shapes.entries.emplace_back(name, Tensor{tensor.shape, {}});
    }
    if (options_.recognise) group.architecture = options_.recognise(shapes);
    return group;
  }

  // Adds the groups among `names`, which are all the names under `prefix` without it. Sub-modules of a network are no
  // networks of their own, but an average may lie beside the layers of the network itself. Each level reads each name
  // once.
  void find_groups(std::size_t list, const std::string& prefix, const Names& names, std::size_t depth) {
    Group group = make_group(list, prefix, names);
    const bool recognised = !group.architecture.empty();
    std::map<std::string_view, std::size_t> part_index;
    std::vector<std::pair<std::string, Names>> parts;
    for (const auto& [index, name] : names) {
      const std::size_t dot = name.find('.');
      if (dot == std::string::npos) continue;
      const auto [found, added] = part_index.try_emplace(std::string_view(name).substr(0, dot), parts.size());
      if (added) parts.emplace_back(name.substr(0, dot), Names());
      parts[found->second].second.emplace_back(index, name.substr(dot + 1));
    }
    if (recognised) {
      remove_rest(list, group.names);
      groups_.push_back(make_group(list, prefix, std::move(group.names)));
    }
    if (depth == kMaxDepth) return;
    for (const auto& [part, part_names] : parts) {
      if (recognised && !speaks_of_training(part)) continue;
      find_groups(list, joined(prefix, part), part_names, depth + 1);
    }
  }

  std::span<const ListedWeights> lists_;
  const ChoiceOptions& options_;
  // Removes from a network's names what does not belong to its layers: counters of training and parts of other things.
  void remove_rest(std::size_t list, Names& names) const {
    std::erase_if(names, [&](const auto& item) {
      const auto& [index, name] = item;
      const bool counter = lists_[list].tensors[index].shape.empty() && name.find('.') == std::string::npos;
      // What the profiler thop adds to each layer.
      const std::string_view last = std::string_view(name).substr(name.rfind('.') + 1);
      if (last == "total_ops" || last == "total_params") return true;
      return counter || speaks_of_training(std::string_view(name).substr(0, name.find('.')));
    });
  }

  std::vector<Names> names_;  // of each list
  std::vector<Group> groups_;
};

std::string describe(const Search& search, const Group& group) {
  const std::string key = search.key(group);
  return (key.empty() ? "the file's top level" : in_quotes(key)) + " (" + std::to_string(group.names.size()) +
         (group.names.size() == 1 ? " tensor" : " tensors") +
         (group.architecture.empty() ? "" : ", " + group.architecture) + ")";
}

std::string list_of(const Search& search, const std::vector<const Group*>& groups) {
  std::string text;
  for (std::size_t i = 0; i < std::min(groups.size(), kMaxListed); ++i) {
    text += (i == 0 ? "" : ", ") + describe(search, *groups[i]);
  }
  return groups.size() > kMaxListed ? text + ", and " + std::to_string(groups.size() - kMaxListed) + " more" : text;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

// Whether a tensor of this kind belongs to a layer, and not to a loss or a counter.
bool belongs_to_layer(const ListedTensor& tensor) {
  constexpr std::string_view kMean = "running_mean";
  return tensor.shape.size() >= 2 || (tensor.name.size() >= kMean.size() &&
                                      tensor.name.compare(tensor.name.size() - kMean.size(), kMean.size(), kMean) == 0);
}

// Notes the tensors beside a recognised network. Error: they might be layers after it.
Status note_rest(const Search& search, const ListedWeights& list, const Group& chosen, bool asked,
                 const std::string& where, std::vector<std::string>& notes) {
  std::unordered_set<std::size_t> known;
  for (const auto& [index, name] : chosen.names) known.insert(index);
  for (const Group& other : search.groups()) {
    if (other.list != chosen.list || other.architecture.empty()) continue;
    for (const auto& [index, name] : other.names) known.insert(index);
  }
  // What the network has under another name is no layer of its own.
  std::unordered_set<std::size_t> read;
  for (const auto& [index, name] : chosen.names) read.insert(first_of_same(list, index));
  std::string rest;
  std::size_t count = 0;
  for (std::size_t i = 0; i < list.tensors.size(); ++i) {
    const ListedTensor& tensor = list.tensors[i];
    if (known.count(i) != 0) continue;
    const bool is_read = read.count(first_of_same(list, i)) != 0;
    if (!asked && !is_read && belongs_to_layer(tensor) && !speaks_of_training(tensor.name)) {
      return Error{ErrorCode::kInvalidArgument,
                   "holds " + describe(search, chosen) + " and layers beside it, such as " + in_quotes(tensor.name) +
                       " " + shape_text(tensor.shape) +
                       "; if they are not part of the network, read it with --state-dict " + search.key(chosen) +
                       ", else export the network to ONNX (torch.onnx.export)",
                   where};
    }
    if (++count > 3) continue;
    rest += (rest.empty() ? "" : ", ") + in_quotes(tensor.name) + (is_read ? " (weights of the network again)" : "");
  }
  if (count > 0) {
    notes.push_back("left out " + std::to_string(count) + (count == 1 ? " tensor" : " tensors") +
                    " beside the network: " + rest + (count > 3 ? ", ..." : ""));
  }
  return {};
}

}  // namespace

Result<ChosenWeights> choose_weights(std::span<const ListedWeights> lists, const ChoiceOptions& options,
                                     const std::string& where) {
  const Search search(lists, options);
  const std::vector<Group> named = options.key.empty() ? std::vector<Group>() : search.named(options.key);
  std::vector<const Group*> candidates;
  for (const Group& group : options.key.empty() ? search.groups() : named) candidates.push_back(&group);
  if (candidates.empty()) {
    for (const Group& group : search.groups()) candidates.push_back(&group);
    return Error{
        ErrorCode::kNotFound,
        "holds no weights under the key " + in_quotes(options.key) + "; the keys are " + list_of(search, candidates),
        where};
  }
  const Group& chosen = search.first(candidates);
  ChosenWeights result{chosen.list, chosen.names, {}};
  std::vector<const Group*> others;
  for (const Group* group : candidates) {
    if (group != &chosen && group->architecture.empty() == chosen.architecture.empty()) others.push_back(group);
  }
  if (!others.empty()) {
    result.notes.push_back("read the weights of " + describe(search, chosen) + "; the file also holds " +
                           list_of(search, others) + ": --state-dict KEY reads one of them");
  } else if (const std::string key = search.key(chosen); !key.empty() && options.key.empty()) {
    result.notes.push_back("read the weights of " + describe(search, chosen));
  }
  if (!chosen.architecture.empty()) {
    NARROW_TRY(note_rest(search, lists[chosen.list], chosen, !options.key.empty(), where, result.notes));
  }
  return result;
}

}  // namespace narrow::importers
