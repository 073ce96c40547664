// `narrow evaluate --shard` and `--merge`: many processes measure what one would.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"

using namespace narrow::testing;

namespace {

// Writes the documents of all shards that have images, and returns their names.
std::vector<std::string> shards(const TemporaryFolder& folder, const std::string& images, int count,
                                const std::vector<std::string>& more = {}) {
  std::vector<std::string> documents;
  for (int i = 1; i <= count; ++i) {
    std::vector<std::string> command{"evaluate", default_model(), images,
                                     "--json",   "--shard",       std::to_string(i) + "/" + std::to_string(count)};
    command.insert(command.end(), more.begin(), more.end());
    const Ran ran = narrow_command(command);
    if (ran.exit_code != 0) {
      CHECK(ran.out.find("has no image") != std::string::npos);
      continue;
    }
    documents.push_back(folder.path() / ("shard" + std::to_string(i) + ".json"));
    write_file(documents.back(), ran.out);
  }
  return documents;
}

Ran merged(const std::vector<std::string>& documents, bool json = true) {
  std::vector<std::string> command{"evaluate", "--merge"};
  command.insert(command.end(), documents.begin(), documents.end());
  if (json) command.emplace_back("--json");
  return narrow_command(command);
}

}  // namespace

TEST_CASE("merged shards have the numbers of the whole") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 23);
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{}, {"--limit", "10"}, {"--batch", "3", "--threads", "2"}}) {
    std::vector<std::string> command{"evaluate", default_model(), images, "--json"};
    command.insert(command.end(), more.begin(), more.end());
    const nlohmann::json whole = run_narrow(command).json();
    for (const int count : {1, 2, 7, 23, 30}) {
      CAPTURE(count);
      std::vector<std::string> documents = shards(folder, images, count, more);
      std::reverse(documents.begin(), documents.end());  // in any order
      const nlohmann::json together = merged(documents).json();
      for (const char* key : {"top1", "top5", "pictures", "model"}) CHECK(together[key] == whole[key]);
      CHECK(together["merged"] == documents);
    }
  }
}

TEST_CASE("the shards of an evaluation share its images in turn") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 11);
  const std::string all = scores_of(default_model(), images);
  const std::size_t row = all.size() / 11;
  for (std::size_t shard = 0; shard < 4; ++shard) {
    std::string expected;
    for (std::size_t i = shard; i < 11; i += 4) expected += all.substr(i * row, row);
    CHECK(scores_of(default_model(), images, {"--shard", std::to_string(shard + 1) + "/4"}) == expected);
  }
}

TEST_CASE("the text of merged shards is that of the whole but for the speed") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 9);
  const std::string whole = run_narrow({"evaluate", default_model(), images}).out;
  const Ran together = merged(shards(folder, images, 2), false);
  REQUIRE(together.exit_code == 0);
  for (const char* begin : {"network ", "images ", "top-1 ", "top-5 "}) {
    const std::size_t at = whole.find(begin);
    REQUIRE(at != std::string::npos);
    CHECK(together.out.find(whole.substr(at, whole.find('\n', at) + 1 - at)) != std::string::npos);
  }
  CHECK(together.out.find("2 shards") != std::string::npos);
}

TEST_CASE("shards that are not all those of one evaluation are refused") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 12);
  const std::vector<std::string> three = shards(folder, images, 3);
  REQUIRE(three.size() == 3);
  const auto refused = [&](const std::vector<std::string>& documents, const std::string& why) {
    const Ran ran = merged(documents, false);
    CHECK(ran.exit_code == 1);
    CHECK(ran.out.empty());
    CHECK_MESSAGE(ran.err.find(why) != std::string::npos, ran.err);
  };
  refused({three[0], three[2]}, "shard 2 of 3 is missing");
  refused({three[1]}, "shards 1, 3 of 3 are missing");
  refused({three[0], three[1], three[2], three[1]}, "give each once");
  const auto changed = [&](const char* name, const std::string& from, const std::string& to) {
    std::string text = read_file(three[1]);
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    const std::string path = folder.path() / name;
    write_file(path, text);
    return path;
  };
  // Numbers that can't be, of a file that was edited or damaged.
  refused({three[0], changed("a", "\"count\": 4", "\"count\": 5"), three[2]}, "can't be");
  refused({three[0], changed("b", "\"index\": 2", "\"index\": 0"), three[2]}, "is no document");
  refused({three[0], changed("c", "\"index\": 2", "\"index\": -2"), three[2]}, "is no document");
  refused({three[0], changed("d", "\"right\"", "\"wrong\""), three[2]}, "is no document");
  refused({three[0], changed("e", "{", "["), three[2]}, "is no document");
  refused({three[0], changed("f", "\"settings\": \"", "\"settings\": \"0"), three[2]}, "another network");

  const std::string whole = folder.path() / "whole.json";
  write_file(whole, run_narrow({"evaluate", default_model(), images, "--json"}).out);
  refused({whole}, "is no document of narrow evaluate --shard I/N --json");
  refused({folder.path() / "missing.json"}, "no such file");
  refused({folder.path().string()}, "no such file");
  // Other options, another network, other images.
  const TemporaryFolder other;
  refused({three[0], shards(other, images, 3, {"--limit", "11"})[1], three[2]}, "other options");
  const std::string more = other.path() / "pictures.bin";
  write_cifar(more, 12);
  refused({three[0], shards(other, more, 3)[1], three[2]}, "other images");
}

TEST_CASE("shards of an ONNX file are not merged where the weights beside it have changed") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  const std::string network = folder.path() / "net.onnx";
  write_cifar(images, 4);
  write_onnx_with_external_data(network, tiny_network());
  const auto shard = [&](const char* part, const std::string& name) {
    const std::string path = folder.path() / name;
    write_file(path, run_narrow({"evaluate", network, images, "--json", "--shard", part}).out);
    return path;
  };
  const std::string first = shard("1/2", "1.json");
  const std::string second = shard("2/2", "2.json");
  CHECK(merged({first, second}).exit_code == 0);
  std::string weights = read_file(network + ".data");
  weights[3] = static_cast<char>(weights[3] ^ 0x80);
  write_file(network + ".data", weights);
  check_fails({"evaluate", "--merge", first, shard("2/2", "changed.json")}, 1, {"changed.json"});
}

TEST_CASE("options of shards that do not go together are wrong usage") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 3);
  check_fails({"evaluate"}, 2, {"MODEL is required"});
  check_fails({"evaluate", default_model(), images, "--shard", "4/3"}, 2, {"4/3", "I/N"});
  check_fails({"evaluate", default_model(), default_checkpoint(), images, "--shard", "1/3"}, 2, {"--shard"});
  check_fails({"evaluate", default_model(), images, "--merge", "a.json"}, 2, {"--merge"});
  check_fails({"evaluate", default_model(), images, "--shard", "4/4"}, 1, {"--shard", "has no image"});
}

TEST_CASE("options that have no effect beside --merge are wrong usage") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 4);
  const std::vector<std::string> documents = shards(folder, images, 2);
  const std::string scores = folder.path() / "s.f32";
  for (const std::vector<std::string>& more : {std::vector<std::string>{"--scores", scores},
                                               {"--limit", "1"},
                                               {"--pictures", "nowhere/"},
                                               {"--isa", "scalar"},
                                               {"--shard", "1/2"},
                                               {"--threads", "1"},
                                               {"--skip-unreadable"},
                                               {"--crop", "32"},
                                               {"--arch", "cifar_resnet20"}}) {
    std::vector<std::string> command{"evaluate", "--merge", documents[0], documents[1]};
    command.insert(command.end(), more.begin(), more.end());
    check_fails(command, 2, {more[0], "no effect with --merge"});
  }
  CHECK_FALSE(std::filesystem::exists(scores));
}
