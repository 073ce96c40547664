// What is read of a pickled module besides its weights.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "importers/torch/declared_modules.h"
#include "tests/importers/torch/checkpoint_support.h"
#include "tests/importers/torch/checkpoint_writer.h"

using namespace narrow::testing;
using narrow::importers::DeclaredModule;
using narrow::torch::NetworkNames;

namespace {

// Opcodes without the header and the end of a pickle.
std::string body(PickleWriter& pickle) {
  const std::string whole = pickle.stop();
  return whole.substr(2, whole.size() - 3);
}
std::string text(const std::string& value) { return body(PickleWriter().text(value)); }
std::string integers(const std::vector<std::int64_t>& values) { return body(PickleWriter().integers(values)); }

// An object of this class; items: opcodes of keys and values.
std::string module(const std::string& type, const std::string& settings, const std::string& parameters,
                   const std::string& modules) {
  return body(PickleWriter().global("torch.nn.modules", type)) + ")\x81}(" + settings + text("_parameters") + "}(" +
         parameters + "u" + text("_modules") + "}(" + modules + "uub";
}

std::string weight() { return text("weight") + body(PickleWriter().tensor("FloatStorage", "0", 6, 0, {6}, {1})); }

std::vector<DeclaredModule> modules_of(const std::string& root) {
  const auto weights = parse(zip_checkpoint("\x80\x02" + root + ".", {bytes_of({1, 2, 3, 4, 5, 6})}));
  if (!weights.ok()) FAIL(weights.error().text());
  return weights->modules;
}

}  // namespace

TEST_CASE("checkpoint with a whole module has the classes and settings of its layers") {
  const std::string conv =
      module("conv.Conv2d",
             text("stride") + integers({2, 1}) + text("padding") + text("same") + text("bias") + "N" + text("eps") +
                 std::string("G\x3f\xe0\0\0\0\0\0\0", 9) + text("groups") + integers({1, 1, 1, 1, 1}) +
                 text("ceil_mode") + "\x88" + text("mine") + integers({1}),
             weight(), "");
  const std::string net =
      module("Net", "", "", text("conv") + conv + text("act") + module("activation.SiLU", "", "", ""));
  // Names are those of the network: DataParallel is a wrapper.
  for (const std::string& root : {net, module("DataParallel", "", "", text("module") + net)}) {
    std::vector<DeclaredModule> modules = modules_of(root);
    REQUIRE(modules.size() == 3);
    CHECK(modules[0].name.empty());
    CHECK(modules[0].has_parts);
    CHECK(modules[1].name == "conv");
    CHECK(modules[1].type == "torch.nn.modules.conv.Conv2d");
    CHECK_FALSE(modules[1].has_parts);
    REQUIRE(modules[1].find("stride") != nullptr);
    CHECK(modules[1].find("stride")->numbers == std::vector<double>{2, 1});
    CHECK(modules[1].find("padding")->text == "same");
    CHECK(modules[1].find("eps")->numbers == std::vector<double>{0.5});
    CHECK(modules[1].find("ceil_mode")->numbers == std::vector<double>{1});
    CHECK(modules[1].find("groups") == nullptr);  // no setting has five numbers
    CHECK(modules[1].find("mine") == nullptr);
    CHECK(modules[2].name == "act");
    CHECK(modules[2].type == "torch.nn.modules.activation.SiLU");
  }
}

TEST_CASE("checkpoint of tensors alone declares no modules") {
  const auto weights = parse(zip_checkpoint({{"conv.weight", {2}, {1, 2}}}));
  REQUIRE(weights.ok());
  CHECK(weights->modules.empty());
}

TEST_CASE("checkpoint whose modules would be millions when written out declares a bounded number") {
  // Each level names the one below twice: 2^40 modules in a few hundred bytes each.
  PickleWriter writer;
  writer.raw("}").put(0).raw("0").raw(module("conv.Conv2d", "", weight(), "")).put(0);
  for (int i = 0; i < 40; ++i) {
    const std::string again = body(PickleWriter().get(0));
    writer.raw("0").raw(module("Net", "", "", text("x") + again + text("y") + again)).put(0);
  }
  const auto weights = parse(zip_checkpoint(writer.stop(), {bytes_of({1, 2, 3, 4, 5, 6})}));
  if (weights.ok()) CHECK(weights->modules.size() <= 20'000);
}

TEST_CASE("checkpoint modules have the names of the network, without wrappers and prefixes") {
  NetworkNames names;
  names.add("student.module.layer1._orig_mod.0.conv1.weight", "layer1.0.conv1.weight");
  names.add("student.module.fc.weight", "fc.weight");
  CHECK(names.of_module("student.module.layer1._orig_mod.0.conv1") == "layer1.0.conv1");
  CHECK(names.of_module("student.module.layer1._orig_mod.0.relu") == "layer1.0.relu");
  CHECK(names.of_module("student.module.maxpool") == "maxpool");
  CHECK(names.of_module("student.module") == "");
  CHECK_FALSE(names.of_module("student").has_value());
  CHECK_FALSE(names.of_module("teacher.maxpool").has_value());
}

TEST_CASE("checkpoint names full of dots take a bounded memory") {
  NetworkNames names;
  std::string dots;
  while (dots.size() < 1000) dots += ".a";
  for (int i = 0; i < 200; ++i) names.add("x" + std::to_string(i) + dots, "y" + std::to_string(i) + dots);
  CHECK(names.of_module("x0.a") == "y0.a");
  CHECK_FALSE(names.of_module("x199.a").has_value());
}
