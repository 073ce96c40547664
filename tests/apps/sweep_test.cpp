// narrow sweep: a table of bits and efforts whose finished cells are kept.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/apps/two_weights.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using narrow::testing::check_fails;
using narrow::testing::has;
using narrow::testing::narrow_command;
using narrow::testing::Ran;
using narrow::testing::read_file;
using narrow::testing::run_narrow;
using narrow::testing::TemporaryFolder;
using narrow::testing::tiny_network;
using narrow::testing::write_cifar;
using narrow::testing::write_file;
using narrow::testing::write_float_nrw;
using narrow::testing::write_onnx_with_external_data;
using narrow::testing::write_two_weights;

namespace {

struct Study {
  TemporaryFolder folder;
  std::string network = folder.path() / "net.nrw";
  std::string images = folder.path() / "pictures.bin";
  std::string results = folder.path() / "study";

  Study() {
    write_float_nrw(network, tiny_network());
    write_cifar(images, 12);
  }
  [[nodiscard]] std::vector<std::string> arguments(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all{"sweep", network,      "--bits", "8",  "4/8",   "--effort",  "fast", "--calibrate",
                                 images,  "--evaluate", images,   "-o", results, "--threads", "1"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  [[nodiscard]] nlohmann::json run(std::vector<std::string> more = {}) const {
    more.emplace_back("--json");
    const Ran ran = narrow_command(arguments(more));
    REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
    CHECK(ran.err.empty());
    return ran.json()["results"];
  }
};

std::size_t new_cells(const nlohmann::json& results) {
  return static_cast<std::size_t>(
      std::count_if(results.begin(), results.end(), [](const nlohmann::json& cell) { return cell["new"] == true; }));
}

}  // namespace

TEST_CASE("a sweep quantizes every combination and says what evaluate says of it") {
  const Study study;
  const nlohmann::json results = study.run();
  REQUIRE(results.size() == 3);
  CHECK(new_cells(results) == 3);
  CHECK(results[0]["bits"] == "float");
  CHECK(results[0]["agreement"].is_null());
  CHECK(results[0]["bytes"] == std::filesystem::file_size(study.network));
  CHECK(results[1]["bits"] == "8/8");
  CHECK(results[2]["bits"] == "4/8");
  CHECK(results[2]["effort"] == "fast");
  const std::string model = study.results + "/net.4-8.fast.nrw";
  CHECK(results[2]["bytes"] == std::filesystem::file_size(model));
  const nlohmann::json evaluated = narrow_command({"evaluate", "--json", study.network, model, study.images}).json();
  CHECK(results[2]["agreement"]["top1"] == evaluated["agreement"]["top1"]);
  CHECK(results[2]["top1"] == evaluated["model"]["top1"]);
  CHECK(results[0]["top1"] == evaluated["reference"]["top1"]);
  for (const nlohmann::json& cell : results) {
    CHECK(cell["images"] == 12);
    CHECK(cell["ms_per_image"] > 0);
  }
}

TEST_CASE("the command of a result makes the same file") {
  const Study study;
  const nlohmann::json results =
      study.run({"--calibration-limit", "7", "--resize", "none", "--first-last", "6", "--free-bits", "off"});
  CHECK(results[0]["command"].is_null());
  CHECK(results[0]["file"].is_null());
  for (std::size_t i = 1; i < results.size(); ++i) {
    std::vector<std::string> command = results[i]["command"];
    REQUIRE(command.size() > 3);
    CHECK(command[0] == "narrow");
    CHECK(command.back() == results[i]["file"].get<std::string>());
    const std::string again = study.folder.path() / "again.nrw";
    command.erase(command.begin());
    command.back() = again;
    const Ran ran = run_narrow(command);
    CHECK_MESSAGE(ran.exit_code == 0, ran.err);
    CHECK(read_file(again) == read_file(results[i]["file"].get<std::string>()));
  }
}

TEST_CASE("the page of a sweep has the document of --json in it, or an error says why there are no pages") {
  const Study study;
  const std::string page = study.folder.path() / "study.html";
  REQUIRE(new_cells(study.run()) == 3);
  const Ran ran = narrow_command(study.arguments({"--page", page}));
  if (ran.exit_code != 0) {
    CHECK(has(ran.err, "has no pages"));
    CHECK_FALSE(std::filesystem::exists(page));
    return;
  }
  const std::string html = read_file(page);
  const std::string start = "<script type=\"application/json\" id=\"data\">";
  const std::size_t begin = html.find(start);
  REQUIRE(begin != std::string::npos);
  const std::size_t end = html.find("</script>", begin);
  const nlohmann::json document = nlohmann::json::parse(html.substr(begin + start.size(), end - begin - start.size()));
  CHECK(document["results"] == study.run());
  CHECK(has(html, "net.nrw - narrow sweep"));

  write_file(page, "no page");
  check_fails(study.arguments({"--page", page}), 1, {"study.html"});
  CHECK(read_file(page) == "no page");
  check_fails(study.arguments({"--page", study.network}), 1, {"net.nrw"});
}

TEST_CASE("a finished sweep is read and not made again") {
  const Study study;
  const nlohmann::json first = study.run();
  const nlohmann::json second = study.run();
  CHECK(new_cells(second) == 0);
  REQUIRE(second.size() == first.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    for (const char* key : {"ms_per_image", "quantize_seconds", "agreement", "top1", "bytes", "images"}) {
      CHECK_MESSAGE(second[i][key] == first[i][key], key);
    }
  }
}

TEST_CASE("a sweep makes the cells that are missing or broken, and those of further bits") {
  const Study study;
  CHECK(new_cells(study.run()) == 3);
  std::filesystem::remove(study.results + "/net.8-8.fast.json");
  CHECK(new_cells(study.run()) == 1);
  const std::string cell = read_file(study.results + "/net.4-8.fast.json");
  write_file(study.results + "/net.4-8.fast.json", cell.substr(0, cell.size() / 2));
  const nlohmann::json again = study.run();
  CHECK(new_cells(again) == 1);
  CHECK(again[2]["new"] == true);
  const nlohmann::json more = study.run({"--bits", "8/8", "3"});
  CHECK(new_cells(more) == 1);
  CHECK(more.size() == 4);  // 8 and 8/8 are the same
}

TEST_CASE("another option, network or image makes new cells") {
  const Study study;
  CHECK(new_cells(study.run()) == 3);
  CHECK(new_cells(study.run({"--free-bits", "off"})) == 3);
  CHECK(new_cells(study.run({"--limit", "5"})) == 3);
  CHECK(new_cells(study.run({"--limit", "5"})) == 0);
  CHECK(new_cells(study.run({"--limit", "5", "--calibration-limit", "4"})) == 3);
  const std::vector<std::string> same{"--limit", "5", "--calibration-limit", "4"};
  CHECK(new_cells(study.run(same)) == 0);
  std::string bytes = read_file(study.images);
  bytes[100] = static_cast<char>(bytes[100] ^ 1);
  write_file(study.images, bytes);
  CHECK(new_cells(study.run(same)) == 3);
  write_float_nrw(study.network, tiny_network({.softmax = true}));
  CHECK(new_cells(study.run(same)) == 3);
}

TEST_CASE("other weights of the same file make new cells") {
  const TemporaryFolder folder;
  const std::string weights = folder.path() / "two.safetensors";
  const std::string images = folder.path() / "pictures.bin";
  write_two_weights(weights);
  write_cifar(images, 12);
  const auto sweep = [&](const char* key) {
    return run_narrow({"sweep", weights, "--state-dict", key, "--bits", "8", "--effort", "fast", "--calibrate", images,
                       "--evaluate", images, "-o", folder.path() / "study", "--threads", "1", "--json"})
        .json()["results"];
  };
  CHECK(new_cells(sweep("one")) == 2);
  const nlohmann::json other = sweep("two");
  CHECK(new_cells(other) == 2);
  CHECK(other[1]["agreement"]["top1"]["same"].get<int>() > 6);
  CHECK(new_cells(sweep("two")) == 0);
  CHECK(new_cells(sweep("one")) == 2);
}

TEST_CASE("other weights beside an ONNX file make new cells") {
  Study study;
  study.network = study.folder.path() / "net.onnx";
  write_onnx_with_external_data(study.network, tiny_network());
  const nlohmann::json made = study.run();
  CHECK(new_cells(made) == 3);
  CHECK(new_cells(study.run()) == 0);
  std::string weights = read_file(study.network + ".data");
  CHECK(made[0]["bits"] == "float");
  CHECK(made[0]["bytes"] == std::filesystem::file_size(study.network) + weights.size());
  weights[3] = static_cast<char>(weights[3] ^ 0x80);
  write_file(study.network + ".data", weights);
  CHECK(new_cells(study.run()) == 3);
  CHECK(new_cells(study.run()) == 0);
}

TEST_CASE("cells that were finished before an error stay") {
  const Study study;
  const std::string broken = study.folder.path() / "broken.onnx";
  write_file(broken, "no network");
  check_fails({"sweep", study.network, broken, "--bits", "8", "4/8", "--effort", "fast", "--calibrate", study.images,
               "--evaluate", study.images, "-o", study.results, "--threads", "1"},
              1, {"broken.onnx"});
  CHECK(new_cells(study.run()) == 0);
}

TEST_CASE("the table has one row per cell, as text and as CSV") {
  const Study study;
  const std::string csv = study.folder.path() / "study.csv";
  const Ran ran = run_narrow(study.arguments({"--csv", csv}));
  for (const char* part : {"top-1", "agreement", "8/8", "4/8", "3 of 3 results are new"}) {
    CHECK_MESSAGE(has(ran.out, part), "'", part, "' is not in: ", ran.out);
  }
  const std::string text = read_file(csv);
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  REQUIRE(lines.size() == 4);
  for (const std::string& line : lines) CHECK_MESSAGE(std::count(line.begin(), line.end(), ',') == 17, line);
  CHECK(has(lines[0], "network,bits,effort,bytes,images,top1_percent"));
  CHECK(has(lines[2], ",8/8,fast,"));
  run_narrow(study.arguments({"--csv", csv}));  // its own table is replaced
  write_file(csv, "precious");
  check_fails(study.arguments({"--csv", csv}), 1, {"study.csv", "a table of narrow sweep", "will not be replaced"});
  CHECK(read_file(csv) == "precious");
}

TEST_CASE("wrong bits, efforts and equal names are refused before work starts") {
  const Study study;
  check_fails(study.arguments({"--bits", "9"}), 2, {"'9'", "from 2 to 8"});
  check_fails(study.arguments({"--bits", "4/"}), 2, {"WEIGHTS/ACTIVATIONS"});
  check_fails(study.arguments({"--effort", "more"}), 2, {"fast, default"});
  check_fails({"sweep", study.network, "--calibrate", "none", "--evaluate", study.images, "-o", study.results}, 2,
              {"--calibrate", "sweep needs images", "narrow quantize --calibrate none"});
  std::filesystem::create_directory(study.folder.path() / "b");
  const std::string same_name = study.folder.path() / "b" / "net.nrw";
  write_float_nrw(same_name, tiny_network());
  check_fails(
      {"sweep", study.network, same_name, "--calibrate", study.images, "--evaluate", study.images, "-o", study.results},
      1, {"'net'"});
  CHECK_FALSE(std::filesystem::exists(study.results));
}
