#include "importers/architectures/weight_reader.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "base/text.h"

namespace narrow::importers {

using base::in_quotes;

namespace {

constexpr std::string_view kCounter = "num_batches_tracked";  // of BatchNorm; unused after training

std::string text(const std::vector<std::int64_t>& shape) {
  std::string result = "[";
  for (const std::int64_t size : shape) {
    result += (result.size() > 1 ? ", " : "") + (size == kAnySize ? std::string("?") : std::to_string(size));
  }
  return result + "]";
}

bool fits(const std::vector<std::int64_t>& actual, const std::vector<std::int64_t>& expected) {
  return std::equal(actual.begin(), actual.end(), expected.begin(), expected.end(),
                    [](std::int64_t size, std::int64_t wanted) { return size == wanted || wanted == kAnySize; });
}

// Lines "  missing: 'name' detail", at most `most` of them.
template <class Problems>
std::string list(const char* kind, const Problems& problems, std::size_t most) {
  std::string lines;
  for (std::size_t i = 0; i < std::min(most, problems.size()); ++i) {
    lines += "\n  " + std::string(kind) + ": " + in_quotes(problems[i].name) + " " + problems[i].detail;
  }
  if (problems.size() > most) {
    lines += "\n  " + std::string(kind) + ": and " + std::to_string(problems.size() - most) + " more";
  }
  return lines;
}

}  // namespace

WeightReader::WeightReader(const StateDict& weights) : weights_(weights) {
  for (const auto& [name, tensor] : weights.entries) tensors_.emplace(name, Known{&tensor});
}

const Tensor* WeightReader::take(const std::string& name, const std::vector<std::int64_t>& shape) {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    const auto unread = std::find_if(weights_.unread.begin(), weights_.unread.end(), [&](const auto& entry) {
      const std::string& full = entry.first;
      return full.size() >= name.size() && full.compare(full.size() - name.size(), name.size(), name) == 0;
    });
    missing_.push_back({name, text(shape) + (unread == weights_.unread.end()
                                                 ? ""
                                                 : ", which is " + unread->second +
                                                       "; only plain tensors are read, an ONNX file holds the others "
                                                       "(torch.onnx.export)")});
    return nullptr;
  }
  ++taken_;
  found->second.taken = true;
  const Tensor& tensor = *found->second.tensor;
  if (!fits(tensor.shape, shape)) {
    misshapen_.push_back({name, "has " + text(tensor.shape) + ", expected " + text(shape)});
    return nullptr;
  }
  const auto bad = std::find_if(tensor.values.begin(), tensor.values.end(), [](float x) { return !std::isfinite(x); });
  if (bad != tensor.values.end()) {
    damaged_.push_back({name, "has a value that is not a finite number, at index " +
                                  std::to_string(std::distance(tensor.values.begin(), bad))});
    return nullptr;
  }
  return &tensor;
}

void WeightReader::leave_out(std::string_view prefix) {
  for (auto& [name, known] : tensors_) {
    if (name.substr(0, prefix.size()) == prefix) known.taken = true;
  }
}

std::vector<std::pair<std::string_view, std::string_view>> WeightReader::other_names() const {
  std::unordered_map<std::string_view, std::string_view> taken;  // by the first name
  const auto add_taken = [&](std::string_view first, std::string_view name) {
    if (tensors_.at(name).taken) taken.emplace(first, name);
  };
  for (const auto& [name, first] : weights_.same) {
    add_taken(first, first);
    add_taken(first, name);
  }
  std::vector<std::pair<std::string_view, std::string_view>> names;
  std::unordered_set<std::string_view> seen;
  const auto add = [&](std::string_view first, std::string_view name) {
    const auto found = taken.find(first);
    if (found != taken.end() && !tensors_.at(name).taken && seen.insert(name).second) {
      names.emplace_back(name, found->second);
    }
  };
  for (const auto& [name, first] : weights_.same) {
    add(first, first);
    add(first, name);
  }
  return names;
}

std::optional<std::string> WeightReader::note_on_other_names() const {
  const auto names = other_names();
  if (names.empty()) return std::nullopt;
  const auto& [name, taken] = names.front();
  return "ignored " + in_quotes(name) + ", which is " + in_quotes(taken) + " under another name" +
         (names.size() > 1 ? ", and " + std::to_string(names.size() - 1) + " more of this kind" : "");
}

std::vector<WeightReader::Problem> WeightReader::unexpected() const {
  std::vector<Problem> problems;
  std::unordered_set<std::string_view> others;
  for (const auto& [name, taken] : other_names()) others.insert(name);
  for (const auto& [name, tensor] : weights_.entries) {
    const std::string_view view = name;
    const bool counter = view.size() >= kCounter.size() && view.substr(view.size() - kCounter.size()) == kCounter;
    if (!counter && !tensors_.at(view).taken && others.count(view) == 0) problems.push_back({name, text(tensor.shape)});
  }
  return problems;
}

namespace {

// What to do about weights that the network does not have, by how training tools name them.
std::string advice_about(const std::string& name) {
  struct Advice {
    const char* part;
    const char* next;
  };
  constexpr Advice kAdvice[] = {
      {".parametrizations.",
       "remove the parametrizations before saving: torch.nn.utils.parametrize.remove_parametrizations"},
      {"weight_g", "remove the weight normalization before saving: torch.nn.utils.remove_weight_norm"},
      {"weight_v", "remove the weight normalization before saving: torch.nn.utils.remove_weight_norm"},
      {"weight_u", "remove the spectral normalization before saving: torch.nn.utils.remove_spectral_norm"},
      {"weight_orig", "make the change of the weights permanent before saving: torch.nn.utils.prune.remove"},
      {"weight_mask", "make the pruning permanent before saving: torch.nn.utils.prune.remove"},
      {"lora_", "merge the adapters into the weights before saving: model.merge_and_unload()"},
      {"fake_quant", "they are of quantization-aware training: export the network to ONNX (torch.onnx.export)"},
      {"activation_post_process",
       "they are of quantization-aware training: export the network to ONNX (torch.onnx.export)"},
  };
  for (const Advice& advice : kAdvice) {
    if (name.find(advice.part) != std::string::npos) return advice.next;
  }
  return {};
}

}  // namespace

Status WeightReader::finish(const std::string& architecture, const std::string& looks_like) const {
  const std::vector<Problem> extra = unexpected();
  if (ok() && extra.empty()) return {};
  const bool plainly_wrong = missing_.size() > taken_;
  std::string counts;
  const auto count = [&](std::size_t number, const char* what) {
    if (number != 0) counts += (counts.empty() ? "" : ", ") + std::to_string(number) + " " + what;
  };
  count(missing_.size(), "missing");
  count(extra.size(), "unexpected");
  count(misshapen_.size(), "of another shape");
  count(damaged_.size(), "damaged");
  std::string message = "the weights do not fit: " + counts;
  if (plainly_wrong) {
    message += looks_like.empty() || looks_like == architecture
                   ? "; most keys are missing, this is another network"
                   : "; most keys are missing, they look like those of '" + looks_like + "'";
  }
  std::string next;
  for (const Problem& problem : extra) {
    if (next.empty()) next = advice_about(problem.name);
  }
  if (next.empty() && !damaged_.empty() && missing_.empty() && extra.empty() && misshapen_.empty()) {
    next = "copy or download the file again, or train without overflow";
  }
  if (next.empty()) {
    const bool known = !looks_like.empty() && looks_like != architecture;
    next = plainly_wrong && known ? "leave --arch out, or name that one"
           : plainly_wrong        ? "name another with --arch, or export the network to ONNX (torch.onnx.export)"
                                  : "if the network was changed, export it to ONNX (torch.onnx.export)";
  }
  message += "; " + next;
  const std::size_t most = plainly_wrong ? 5 : 100;
  message += list("missing", missing_, most) + list("unexpected", extra, most) + list("shape", misshapen_, most) +
             list("damaged", damaged_, most);
  return Error{ErrorCode::kInvalidArgument, std::move(message), architecture};
}

}  // namespace narrow::importers
