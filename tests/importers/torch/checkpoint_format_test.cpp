// Both formats of checkpoints: what is read, and which contradictions are errors.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "importers/torch/checkpoint.h"
#include "tests/importers/torch/checkpoint_support.h"
#include "tests/importers/torch/checkpoint_writer.h"
#include "tests/support/data.h"

using namespace narrow::testing;
using narrow::Error;
using narrow::ErrorCode;
using narrow::importers::StateDict;
using namespace std::string_literals;

namespace {

const std::vector<FloatTensor>& two_tensors() {
  static const std::vector<FloatTensor> tensors = {{"conv.weight", {2, 1, 1, 3}, {1, 2, 3, 4, 5, 6}},
                                                   {"fc.bias", {2}, {-0.5F, 7}}};
  return tensors;
}

void check_two_tensors(const narrow::Result<StateDict>& weights) {
  if (!weights.ok()) FAIL(weights.error().text());
  REQUIRE(weights->entries.size() == 2);
  CHECK(weights->entries[0].first == "conv.weight");
  CHECK(weights->entries[0].second.shape == std::vector<std::int64_t>{2, 1, 1, 3});
  CHECK(weights->entries[0].second.values == std::vector<float>{1, 2, 3, 4, 5, 6});
  REQUIRE(weights->find("fc.bias") != nullptr);
  CHECK(weights->find("fc.bias")->values == std::vector<float>{-0.5F, 7});
  CHECK(weights->find("fc") == nullptr);
}

std::vector<FloatTensor> renamed(const std::string& prefix, std::size_t count) {
  std::vector<FloatTensor> tensors = two_tensors();
  for (std::size_t i = 0; i < count; ++i) tensors[i].name = prefix + tensors[i].name;
  return tensors;
}

std::vector<std::string> two_storages() {
  return {bytes_of(two_tensors()[0].values), bytes_of(two_tensors()[1].values)};
}

}  // namespace

TEST_CASE("checkpoint of the zip format is read") { check_two_tensors(parse(zip_checkpoint(two_tensors()))); }

TEST_CASE("checkpoint of the stream format is read") { check_two_tensors(parse(stream_checkpoint(two_tensors()))); }

TEST_CASE("checkpoint may keep its data at the top of the archive or in any folder") {
  for (const std::string& folder : {""s, "a/"s, "a b/c/"s}) {
    check_two_tensors(parse(zip_archive({{folder + "data/0", two_storages()[0]},
                                         {folder + "data/1", two_storages()[1]},
                                         {folder + "byteorder", "little"},
                                         {folder + "version", "3\n"},
                                         {folder + "data.pkl", state_dict_pickle(two_tensors())},
                                         {folder + ".data/serialization_id", "1"}})));
  }
}

TEST_CASE("checkpoint may hold its state_dict in a dict") {
  for (const char* key : {"state_dict", "model", "net", "anything"}) {
    check_two_tensors(parse(zip_checkpoint(nested_pickle(key, two_tensors()), two_storages())));
    check_two_tensors(
        parse(stream_checkpoint(nested_pickle(key, two_tensors()), {{6, two_storages()[0]}, {2, two_storages()[1]}})));
  }
}

TEST_CASE("checkpoint loses the prefix of networks for several GPUs") {
  check_two_tensors(parse(zip_checkpoint(renamed("module.", 2))));
  check_two_tensors(parse(stream_checkpoint(renamed("module.module.", 2))));
  const auto mixed = parse(zip_checkpoint(renamed("module.", 1)));
  REQUIRE(mixed.ok());
  CHECK(mixed->entries[0].first == "module.conv.weight");  // a name of the network's own
}

TEST_CASE("checkpoint with two state_dicts gives the model, says so, and gives the average if asked") {
  PickleWriter pickle;
  pickle.raw("}").mark().text("ema").raw("}(").text("a").tensor("FloatStorage", "0", 1, 0, {1}, {1}).raw("u");
  pickle.text("model").raw("}(").text("a").tensor("FloatStorage", "1", 1, 0, {1}, {1}).raw("uu");
  const std::string file = zip_checkpoint(pickle.stop(), {bytes_of({1}), bytes_of({2})});
  const auto model = parse(file);
  REQUIRE(model.ok());
  CHECK(model->entries[0].second.values == std::vector<float>{2});
  REQUIRE(model->notes.size() == 1);
  CHECK(model->notes[0] ==
        "read the weights of 'model' (1 tensor); the file also holds 'ema' (1 tensor): --state-dict KEY reads one of "
        "them");
  const auto ema = narrow::torch::parse_checkpoint(as_span(file), "file.pth", {.key = "ema"});
  REQUIRE(ema.ok());
  CHECK(ema->entries[0].second.values == std::vector<float>{1});
  const auto none = narrow::torch::parse_checkpoint(as_span(file), "file.pth", {.key = "swa"});
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().code == ErrorCode::kNotFound);
  CHECK(none.error().message ==
        "holds no weights under the key 'swa'; the keys are 'ema' (1 tensor), 'model' (1 tensor)");
}

TEST_CASE("checkpoint state_dicts are found among what trainers save") {
  struct Case {
    const char* what;
    std::string before;  // opcodes around the state dict
    std::string after;
    const char* key;
  };
  const auto foreign = [](const char* module, const char* name) {
    const std::string written = PickleWriter().global(module, name).raw(")\x81").stop();
    return written.substr(2, written.size() - 3);
  };
  const auto text = [](const char* words) {
    const std::string written = PickleWriter().text(words).stop();
    return written.substr(2, written.size() - 3);
  };
  const Case cases[] = {
      {"arguments of the trainer", "}(" + text("args") + foreign("argparse", "Namespace") + "}b" + text("model"), "u",
       "model"},
      {"a dict of dicts", "}" + text("a") + "}" + text("b") + "}" + text("c"), "sss", "a.b.c"},
      {"a list", "](}" + text("epoch") + "K\x01s", "e", "1"},
      {"a tuple", "", "}\x86", "0"},
      {"an object that is a kind of dict", foreign("my", "Config") + text("net"), "s", "net"},
      {"numbers as keys beside it", "}(" + text("optimizer") + "}K\x01}s" + text("net"), "u", "net"},
  };
  for (const Case& item : cases) {
    CAPTURE(item.what);
    const std::string inner = state_dict_pickle(two_tensors());
    const std::string pickle = "\x80\x02" + item.before + inner.substr(2, inner.size() - 3) + item.after + ".";
    check_two_tensors(parse(zip_checkpoint(pickle, two_storages())));
    check_two_tensors(parse(stream_checkpoint(pickle, {{6, two_storages()[0]}, {2, two_storages()[1]}})));
    const auto asked =
        narrow::torch::parse_checkpoint(as_span(zip_checkpoint(pickle, two_storages())), "f", {.key = item.key});
    check_two_tensors(asked);
  }
}

TEST_CASE("checkpoint state_dict may have entries that are no tensors, which are left out and named") {
  PickleWriter pickle;
  pickle.raw("}(").text("a").tensor("FloatStorage", "0", 1, 0, {1}, {1}).text("epoch").integer(3);
  pickle.text("q").global("torch._utils", "_rebuild_qtensor").raw(")Ru");
  const auto weights = parse(zip_checkpoint(pickle.stop(), {bytes_of({1})}));
  REQUIRE(weights.ok());
  CHECK(weights->entries.size() == 1);
  REQUIRE(weights->notes.size() == 1);
  CHECK(weights->notes[0] == "left out what is no tensor: 'epoch' (an int) and 1 more");
  REQUIRE(weights->unread.size() == 2);
  CHECK(weights->unread[1].second == "an object of 'torch._utils._rebuild_qtensor'");
}

TEST_CASE("checkpoint entries whose keys are no strings do not hide the others") {
  PickleWriter pickle;
  pickle.raw("}(").integer(7).text("seven").text("a").tensor("FloatStorage", "0", 1, 0, {1}, {1}).raw("u");
  const auto weights = parse(zip_checkpoint(pickle.stop(), {bytes_of({1})}));
  REQUIRE(weights.ok());
  REQUIRE(weights->entries.size() == 1);
  CHECK(weights->entries[0].first == "a");
}

TEST_CASE("checkpoint tensors of storages that are not read do not end the reading") {
  for (const auto& [type, bytes] : {std::pair{"ComplexFloatStorage", 8}, {"QInt8Storage", 1}}) {
    PickleWriter pickle;
    pickle.raw("}(").text("other").tensor(type, "0", 3, 0, {3}, {1});
    pickle.text("a").tensor("FloatStorage", "1", 1, 0, {1}, {1}).raw("u");
    const std::string data = pickle.stop();
    const std::string other(static_cast<std::size_t>(3 * bytes), 'x');
    for (const std::string& file :
         {zip_checkpoint(data, {other, bytes_of({4})}), stream_checkpoint(data, {{3, other}, {1, bytes_of({4})}})}) {
      const auto weights = parse(file);
      REQUIRE(weights.ok());
      REQUIRE(weights->entries.size() == 1);
      CHECK(weights->entries[0].second.values == std::vector<float>{4});
    }
  }
  PickleWriter unknown;
  unknown.raw("}(").text("other").tensor("NewStorage", "0", 3, 0, {3}, {1});
  unknown.text("a").tensor("FloatStorage", "1", 1, 0, {1}, {1}).raw("u");
  CHECK(contains(parse_error(stream_checkpoint(unknown.stop(), {{3, "xxx"}, {1, bytes_of({4})}})).message,
                 "storage '0' belongs to no tensor"));
}

TEST_CASE("checkpoint that names one state_dict twice is read") {
  PickleWriter pickle;
  pickle.raw("}").mark().text("model").raw("}").put(1).mark().text("a");
  pickle.tensor("FloatStorage", "0", 1, 0, {1}, {1}).raw("u").text("state_dict").get(1).raw("u");
  CHECK(parse(zip_checkpoint(pickle.stop(), {bytes_of({1})})).ok());
}

TEST_CASE("checkpoint without tensors says what it holds") {
  const auto message = [](PickleWriter& pickle) { return parse_error(zip_checkpoint(pickle.stop(), {})).message; };
  CHECK(contains(message(PickleWriter().raw("N")), "holds None instead of a state_dict"));
  CHECK(contains(message(PickleWriter().raw("]")), "holds a list"));
  CHECK(contains(message(PickleWriter().raw("}")), "holds no state_dict (a dict with tensors), but: nothing;"));
  PickleWriter arrays;
  arrays.raw("}(");
  for (int i = 0; i < 100; ++i) {
    arrays.text("layer" + std::to_string(i)).global("numpy.core.multiarray", "_reconstruct").raw(")R");
  }
  const std::string numpy = message(arrays.raw("u"));
  CHECK(contains(numpy, "and 95 more"));
  CHECK(contains(numpy, "torch.from_numpy"));
  CHECK(contains(message(PickleWriter().raw("}").text("epoch").integer(3).raw("s")), "'epoch' (an int)"));
  // A dict that contains itself.
  CHECK(contains(message(PickleWriter().raw("}").put(0).text("me").get(0).raw("s")), "'me' (a dict)"));
  CHECK(contains(message(PickleWriter().storage("FloatStorage", "0", 1)), "holds a storage"));
}

TEST_CASE("checkpoint entry that is set twice has its last value") {
  PickleWriter pickle;
  pickle.raw("}").mark().text("a").tensor("FloatStorage", "0", 2, 0, {1}, {1});
  pickle.text("a").tensor("FloatStorage", "0", 2, 1, {1}, {1}).raw("u");
  const auto weights = parse(zip_checkpoint(pickle.stop(), {bytes_of({1, 2})}));
  REQUIRE(weights.ok());
  REQUIRE(weights->entries.size() == 1);
  CHECK(weights->entries[0].second.values == std::vector<float>{2});
}

TEST_CASE("checkpoint storage of the wrong size is refused") {
  const std::string pickle = state_dict_pickle(two_tensors());
  for (const std::string& wrong : {""s, bytes_of({1, 2, 3, 4, 5}), bytes_of({1, 2, 3, 4, 5, 6, 7}), "x"s}) {
    const Error error = parse_error(zip_checkpoint(pickle, {wrong, two_storages()[1]}));
    CHECK(error.code == ErrorCode::kMalformed);
    CHECK(contains(error.message, "6 x float32"));
    CHECK(contains(error.where, "archive/data/0"));
  }
  const auto stream_error = [&](std::int64_t elems) {
    return parse_error(stream_checkpoint(pickle, {{elems, two_storages()[0]}, {2, two_storages()[1]}}));
  };
  for (const std::int64_t elems :
       {std::int64_t{0}, std::int64_t{5}, std::int64_t{7}, std::int64_t{-1}, INT64_MIN, INT64_MAX}) {
    CHECK(contains(stream_error(elems).message, "tensors say 6"));
  }
}

TEST_CASE("checkpoint with missing or unknown storages is refused") {
  const std::string pickle = state_dict_pickle(two_tensors());
  CHECK(contains(parse_error(zip_checkpoint(pickle, {two_storages()[0]})).message, "no such entry"));
  CHECK(contains(parse_error(stream_checkpoint(pickle, {{6, two_storages()[0]}})).message, "'1' is missing"));
  CHECK(contains(
      parse_error(stream_checkpoint(pickle, {{6, two_storages()[0]}, {2, two_storages()[1]}, {0, ""}})).message,
      "'2' belongs to no tensor"));
  // A key can't reach outside the archive's data folder: it is only ever compared with names of entries.
  PickleWriter outside;
  outside.raw("}").text("a").tensor("FloatStorage", "../../../etc/passwd", 1, 0, {1}, {1}).raw("s");
  CHECK(contains(parse_error(zip_checkpoint(outside.stop(), {})).message, "no such entry"));
}

TEST_CASE("checkpoint in big-endian order or of an unknown version is refused") {
  const std::string pickle = state_dict_pickle(two_tensors());
  const auto zip_error = [&](const std::string& order, const std::string& version) {
    return parse_error(zip_archive({{"a/data.pkl", pickle},
                                    {"a/byteorder", order},
                                    {"a/version", version},
                                    {"a/data/0", two_storages()[0]},
                                    {"a/data/1", two_storages()[1]}}));
  };
  CHECK(zip_error("little", "3\n").message == "accepted");
  CHECK(zip_error("big", "3\n").code == ErrorCode::kUnsupported);
  CHECK(zip_error("little", "11\n").code == ErrorCode::kUnsupported);
  CHECK(zip_error("little", "").code == ErrorCode::kUnsupported);
  std::string stream = stream_checkpoint(two_tensors());
  stream[stream.find('\x88')] = '\x89';  // little_endian: False
  CHECK(parse_error(stream).code == ErrorCode::kUnsupported);
}

TEST_CASE("checkpoint bombs are refused before memory is used") {
  // Zero strides make any number of elements out of one.
  PickleWriter wide;
  wide.raw("}").text("a").tensor("FloatStorage", "0", 1, 0, {1 << 20, 1 << 20}, {0, 0}).raw("s");
  CHECK(parse_error(zip_checkpoint(wide.stop(), {bytes_of({1})})).code == ErrorCode::kLimit);
  // A tensor without elements, whose other dimensions would make a network of any size.
  for (const std::vector<std::int64_t>& shape :
       {std::vector<std::int64_t>{1 << 28, 0}, {0, 1 << 28}, {1 << 20, 0, 1, 1}}) {
    PickleWriter empty;
    empty.raw("}")
        .text("a")
        .tensor("FloatStorage", "0", 1, 0, shape, std::vector<std::int64_t>(shape.size(), 1))
        .raw("s");
    CHECK(parse_error(zip_checkpoint(empty.stop(), {bytes_of({1})})).code == ErrorCode::kLimit);
  }
  // Many views of one storage.
  PickleWriter many;
  many.raw("}").mark().global("torch._utils", "_rebuild_tensor_v2").put(0);
  many.storage("ByteStorage", "0", 100000).put(1).integers({100000}).put(2).integers({1}).put(3).raw("1(");
  for (int i = 0; i < 1000; ++i) {
    many.text(std::to_string(i)).get(0).mark().get(1).integer(0).get(2).get(3).raw("tR");
  }
  CHECK(parse_error(zip_checkpoint(many.raw("u").stop(), {std::string(100000, '\0')})).code == ErrorCode::kLimit);
}

TEST_CASE("checkpoint archive entries that lie about their size are refused") {
  std::string file = zip_checkpoint(two_tensors());
  const auto patch = [&](std::size_t directory_offset, std::uint64_t size) {
    std::string patched = file;
    const std::size_t entry = patched.find("PK\x01\x02") + directory_offset;
    patched.replace(entry, 4, little_endian(size, 4));
    return parse_error(patched);
  };
  CHECK(patch(24, 0x7FFFFFFF).code != ErrorCode::kInternal);  // unpacked size of data.pkl
  CHECK(patch(20, 0x7FFFFFFF).code != ErrorCode::kInternal);  // stored size
  CHECK(patch(42, 0x7FFFFFFF).code != ErrorCode::kInternal);  // place
  CHECK(patch(16, 12345).code != ErrorCode::kInternal);       // checksum
}

TEST_CASE("checkpoint that is none is refused with a hint") {
  CHECK(contains(parse_error("").message, "empty"));
  CHECK(contains(parse_error("conv1.weight,1,2,3\n").message, "looks like text"));
  CHECK(contains(parse_error("\x10\0\0\0\0\0\0\0{\"a\":{}}"s).message, "safetensors"));
  CHECK(contains(parse_error("\x89PNG\r\n\x1a\n"s).message, "neither"));
  CHECK(contains(parse_error(zip_archive({{"word/document.xml", "<a/>"}})).message, "without data.pkl"));
  CHECK(contains(parse_error(zip_archive({{"a/data.pkl", ""}, {"b/data.pkl", ""}})).message, "more than one"));
  CHECK(contains(parse_error(zip_archive({{"a/data.pkl", ""}, {"a/constants.pkl", ""}})).message, "TorchScript"));
  CHECK(contains(parse_error(zip_archive({})).message, "data.pkl"));
  CHECK(contains(parse_error(PickleWriter().raw("}").stop()).message, "not written by torch.save"));
}

// A module as torch.save(model) writes it: an object whose attributes hold dicts of parameters and sub-modules.
std::string module_pickle(const std::string& parameters, const std::string& buffers, const std::string& modules) {
  const auto item = [](const char* name, const std::string& value) {
    const std::string written = PickleWriter().text(name).stop();
    return written.substr(2, written.size() - 3) + (value.empty() ? "}" : value);
  };
  const std::string left_out = PickleWriter().global("builtins", "set").raw("](").text("scratch").raw("e\x85R").stop();
  const std::string name = PickleWriter().global("torchvision.models.resnet", "ResNet").raw(")\x81}(").stop();
  return name.substr(2, name.size() - 3) + item("training", "\x88") + item("_parameters", parameters) +
         item("_buffers", buffers) + item("_modules", modules) +
         item("_non_persistent_buffers_set", left_out.substr(2, left_out.size() - 3)) + "ub";
}

TEST_CASE("checkpoint with a whole module has the weights of its state_dict") {
  const auto tensor = [](const char* name, const char* key, std::int64_t elems, const std::vector<std::int64_t>& shape,
                         const std::vector<std::int64_t>& strides) {
    const std::string written =
        PickleWriter().raw("}").text(name).tensor("FloatStorage", key, elems, 0, shape, strides).raw("s").stop();
    return written.substr(2, written.size() - 3);
  };
  const auto named = [](const char* name, const std::string& value) {
    const std::string written = PickleWriter().raw("}").text(name).stop();
    return written.substr(2, written.size() - 3) + value + "s";
  };
  const std::string conv =
      module_pickle(tensor("weight", "0", 6, {2, 1, 1, 3}, {3, 3, 3, 1}), tensor("scratch", "0", 6, {6}, {1}), "");
  // The parameter "conv.weight" of a sub-module, and "fc.bias" of the module itself.
  const std::string root = module_pickle(tensor("fc.bias", "1", 2, {2}, {1}), "", named("conv", conv));
  const std::string whole = "\x80\x02" + root + ".";
  for (const std::string& pickle : {whole, "\x80\x02" + named("model", root) + "."}) {
    const auto weights = parse(zip_checkpoint(pickle, two_storages()));
    if (!weights.ok()) FAIL(weights.error().text());
    REQUIRE(weights->entries.size() == 2);
    CHECK(weights->entries[0].first == "fc.bias");
    CHECK(weights->entries[1].first == "conv.weight");
    CHECK(weights->entries[1].second.values == two_tensors()[0].values);
  }
}

TEST_CASE("checkpoint with modules that hold themselves is read without end or harm") {
  // A module that is its own sub-module, and modules that would be 2^40 when written out.
  const auto attributes = [](PickleWriter& pickle) -> PickleWriter& {
    return pickle.raw("}").put(9).text("_parameters").raw("}s").text("_modules");
  };
  PickleWriter own;
  own.global("a", "B").raw(")\x81").put(0);
  attributes(own).raw("}").text("me").get(0).raw("ssb");
  CHECK(contains(parse_error(zip_checkpoint(own.stop(), {})).message, "holds an object of 'a.B'"));
  PickleWriter laughs;
  laughs.raw("}").put(0);
  for (int i = 0; i < 40; ++i) {
    laughs.raw("0").global("a", "B").raw(")\x81");
    attributes(laughs).raw("}(").text("x").get(0).text("y").get(0).raw("usb").put(0);
  }
  CHECK(contains(parse_error(zip_checkpoint(laughs.stop(), {})).message, "holds an object"));
}

TEST_CASE("checkpoint files are read from disk and missing ones are told") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "weights.pth";
  std::ofstream(path, std::ios::binary) << stream_checkpoint(two_tensors());
  check_two_tensors(narrow::torch::read_checkpoint(path));

  const auto missing = narrow::torch::read_checkpoint(folder.path() / "none.pth");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().code == ErrorCode::kIo);
  CHECK(contains(missing.error().where, "none.pth"));
  const auto directory = narrow::torch::read_checkpoint(folder.path());
  REQUIRE_FALSE(directory.ok());
  CHECK(contains(directory.error().message, "folder"));
  std::ofstream(folder.path() / "empty.pth").close();
  const auto empty = narrow::torch::read_checkpoint(folder.path() / "empty.pth");
  REQUIRE_FALSE(empty.ok());
  CHECK(contains(empty.error().message, "empty"));
}
