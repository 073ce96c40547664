// Which weights of a file are those of the network.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "importers/weights/choose_weights.h"

using namespace narrow;
using importers::choose_weights;
using importers::ChosenWeights;
using importers::ListedWeights;
using importers::StateDict;

namespace {

// A "network" has a convolution [4, 3, 3, 3] and a classifier; a "large" one has 8 channels.
std::string recognise(const StateDict& weights) {
  const importers::Tensor* const conv = weights.find("conv.weight");
  if (conv == nullptr || weights.find("fc.weight") == nullptr) return {};
  return conv->shape[0] == 8 ? "large" : "small";
}

ListedWeights network(const std::string& key, const std::string& prefix = "", std::int64_t channels = 4) {
  return {key,
          {{prefix + "conv.weight", {channels, 3, 3, 3}},
           {prefix + "fc.weight", {10, channels}},
           {prefix + "fc.bias", {10}}}};
}

ListedWeights both(ListedWeights one, const ListedWeights& other) {
  one.tensors.insert(one.tensors.end(), other.tensors.begin(), other.tensors.end());
  return one;
}

ListedWeights with(ListedWeights list, const std::string& name, std::vector<std::int64_t> shape) {
  list.tensors.push_back({name, std::move(shape)});
  return list;
}

std::string names(const ChosenWeights& chosen) {
  std::string text;
  for (const auto& [index, name] : chosen.tensors) text += (text.empty() ? "" : " ") + name;
  return text;
}

// The key and the prefix of the tensors that were chosen: "model:student.".
std::string taken(const std::vector<ListedWeights>& lists, const ChosenWeights& chosen) {
  const ListedWeights& list = lists[chosen.list];
  const std::string& name = list.tensors[chosen.tensors.front().first].name;
  return list.key + ":" + name.substr(0, name.size() - chosen.tensors.front().second.size());
}

}  // namespace

TEST_CASE("choosing weights finds the network under any prefix") {
  for (const char* prefix : {"", "module.", "model.", "net.", "_orig_mod.", "module._orig_mod.", "backbone.",
                             "encoder.", "model._orig_mod.module.", "a.b.c.d."}) {
    CAPTURE(prefix);
    const std::vector<ListedWeights> lists{network("", prefix)};
    const auto chosen = choose_weights(lists, {.recognise = recognise}, "file");
    REQUIRE(chosen.ok());
    CHECK(names(*chosen) == "conv.weight fc.weight fc.bias");
  }
}

TEST_CASE("choosing weights removes wrappers within names") {
  const std::vector<ListedWeights> lists{
      {"", {{"conv.module.weight", {4, 3, 3, 3}}, {"fc._orig_mod.weight", {10, 4}}, {"fc.bias", {10}}}}};
  const auto chosen = choose_weights(lists, {.recognise = recognise}, "file");
  REQUIRE(chosen.ok());
  CHECK(names(*chosen) == "conv.weight fc.weight fc.bias");
}

TEST_CASE("choosing weights keeps names that wrappers tell apart") {
  const std::vector<ListedWeights> lists{{"", {{"a", {1}}, {"module.a", {1}}}}};
  const auto chosen = choose_weights(lists, {.recognise = recognise}, "file");
  REQUIRE(chosen.ok());
  CHECK(names(*chosen) == "a module.a");
}

TEST_CASE("choosing weights follows the rule: known, not an average, most elements, first") {
  struct Case {
    const char* what;
    std::vector<ListedWeights> lists;
    std::string wanted;  // the architecture
    std::string taken;
  };
  const std::vector<Case> cases{
      {"model before its average", {network("ema", "module."), network("model")}, "", "model:"},
      {"state_dict before state_dict_ema", {network("state_dict_ema"), network("state_dict")}, "", "state_dict:"},
      {"model before model_ema", {network("model_ema"), network("model")}, "", "model:"},
      {"params before params_ema", {network("params_ema"), network("params")}, "", "params:"},
      {"an average alone", {network("ema.shadow")}, "", "ema.shadow:"},
      {"student before teacher", {both(network("sd", "teacher."), network("sd", "student."))}, "", "sd:student."},
      {"network before its average in one dict", {both(network("", "ema."), network(""))}, "", ":"},
      {"a known network before more elements", {{"big", {{"x", {1000, 1000}}}}, network("net")}, "", "net:"},
      {"the larger of two networks", {network("d"), network("g", "", 8)}, "", "g:"},
      {"the wanted one of two networks", {network("d"), network("g", "", 8)}, "small", "d:"},
      {"the first of equals", {network("first"), network("second")}, "", "first:"},
      {"most elements where none is known", {{"loss", {{"w", {100}}}}, {"m", {{"x", {5}}}}}, "", "m:"},
  };
  for (const Case& item : cases) {
    CAPTURE(item.what);
    const auto chosen = choose_weights(item.lists, {.architecture = item.wanted, .recognise = recognise}, "file");
    REQUIRE(chosen.ok());
    CHECK(taken(item.lists, *chosen) == item.taken);
  }
}

TEST_CASE("choosing weights takes what the key names") {
  const std::vector<ListedWeights> lists{both(network("model", "student."), network("model", "teacher.")),
                                         network("ema.module", "module.")};
  for (const auto& row : {std::pair{"model.teacher", "model:teacher."},
                          {"model.student", "model:student."},
                          {"model", "model:student."},
                          {"ema.module", "ema.module:module."},
                          {"ema", "ema.module:module."}}) {
    const std::string key = row.first;
    CAPTURE(key);
    const auto chosen = choose_weights(lists, {.key = key, .recognise = recognise}, "file");
    REQUIRE(chosen.ok());
    CHECK(taken(lists, *chosen) == row.second);
    CHECK(names(*chosen) == "conv.weight fc.weight fc.bias");
  }
  // A prefix that no architecture has.
  const auto part = choose_weights(lists, {.key = "model.teacher.fc", .recognise = recognise}, "file");
  REQUIRE(part.ok());
  CHECK(names(*part) == "weight bias");
}

TEST_CASE("choosing weights lists the keys if there is none of the name") {
  const std::vector<ListedWeights> lists{network("model"), network("ema", "", 8)};
  const auto chosen = choose_weights(lists, {.key = "swa", .recognise = recognise}, "file.pth");
  REQUIRE_FALSE(chosen.ok());
  CHECK(chosen.error().code == ErrorCode::kNotFound);
  CHECK(chosen.error().where == "file.pth");
  CHECK(chosen.error().message ==
        "holds no weights under the key 'swa'; the keys are 'model' (3 tensors, small), 'ema' (3 tensors, large)");
}

TEST_CASE("choosing weights says what it chose and what it left out") {
  const std::vector<ListedWeights> lists{
      with(with(network("model", "module."), "n_averaged", {}), "loss.weight", {10, 10}), network("ema")};
  const auto chosen = choose_weights(lists, {.recognise = recognise}, "file");
  REQUIRE(chosen.ok());
  CHECK(names(*chosen) == "conv.weight fc.weight fc.bias");
  REQUIRE(chosen->notes.size() == 2);
  CHECK(chosen->notes[0] ==
        "read the weights of 'model' (3 tensors, small); the file also holds 'ema' (3 tensors, small): --state-dict "
        "KEY reads one of them");
  CHECK(chosen->notes[1] == "left out 2 tensors beside the network: 'n_averaged', 'loss.weight'");
}

TEST_CASE("choosing weights leaves out what a profiler adds to layers") {
  const std::vector<ListedWeights> lists{with(with(network(""), "conv.total_ops", {1}), "total_params", {1})};
  const auto chosen = choose_weights(lists, {.recognise = recognise}, "file");
  REQUIRE(chosen.ok());
  CHECK(names(*chosen) == "conv.weight fc.weight fc.bias");
}

TEST_CASE("choosing weights refuses layers beside the network unless the key leaves them out") {
  const std::vector<ListedWeights> lists{with(network("", "backbone."), "head.weight", {5, 10})};
  const auto chosen = choose_weights(lists, {.recognise = recognise}, "file");
  REQUIRE_FALSE(chosen.ok());
  CHECK(chosen.error().message.find("'head.weight' [5, 10]") != std::string::npos);
  CHECK(chosen.error().message.find("--state-dict backbone") != std::string::npos);
  CHECK(choose_weights(lists, {.key = "backbone", .recognise = recognise}, "file").ok());
}

TEST_CASE("choosing weights leaves out what the network has under another name") {
  struct Case {
    const char* what;
    ListedWeights list;
    const char* note;
  };
  const auto same = [](ListedWeights list, const std::string& name, std::size_t as) {
    list.tensors.push_back({name, list.tensors[as].shape, as});
    return list;
  };
  for (const Case& item : std::vector<Case>{
           {"a head beside a backbone", same(network("", "backbone."), "head.weight", 1),
            "left out 1 tensor beside the network: 'head.weight' (weights of the network again)"},
           {"a wrapper's copy of one tensor", same(network(""), "_orig_mod.fc.weight", 1),
            "left out 1 tensor beside the network: '_orig_mod.fc.weight' (weights of the network again)"},
           {"a wrapper's copy of all",
            same(same(same(network(""), "_orig_mod.conv.weight", 0), "_orig_mod.fc.weight", 1), "_orig_mod.fc.bias", 2),
            "left out 3 tensors beside the network: '_orig_mod.conv.weight' (weights of the network again), "
            "'_orig_mod.fc.weight' (weights of the network again), '_orig_mod.fc.bias' (weights of the network again)"},
       }) {
    CAPTURE(item.what);
    const std::vector<ListedWeights> lists{item.list};
    const auto chosen = choose_weights(lists, {.recognise = recognise}, "file");
    REQUIRE_MESSAGE(chosen.ok(), chosen.error().message);
    CHECK(names(*chosen) == "conv.weight fc.weight fc.bias");
    CHECK(chosen->notes.back() == item.note);
  }
  // A tensor that is the same as another that is left out is a layer all the same.
  const std::vector<ListedWeights> lists{
      same(with(network("", "backbone."), "head.weight", {5, 10}), "last.weight", 3)};
  CHECK_FALSE(choose_weights(lists, {.recognise = recognise}, "file").ok());
}

TEST_CASE("choosing weights without architectures takes a whole state dict without module") {
  const std::vector<ListedWeights> lists{network("model", "module.module."), network("ema")};
  const auto chosen = choose_weights(lists, {}, "file");
  REQUIRE(chosen.ok());
  CHECK(taken(lists, *chosen) == "model:module.module.");
}
