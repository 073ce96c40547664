// narrow report: the document that programs and the page read.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "pipeline/float_model_data.h"
#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using narrow::testing::check_fails;
using narrow::testing::default_checkpoint;
using narrow::testing::default_model;
using narrow::testing::files_in;
using narrow::testing::has;
using narrow::testing::narrow_command;
using narrow::testing::Ran;
using narrow::testing::read_file;
using narrow::testing::run_narrow;
using narrow::testing::TemporaryFolder;
using narrow::testing::tiny_network;
using narrow::testing::write_cifar;
using narrow::testing::write_float_nrw;

namespace {

constexpr int kImages = 12;

// The network of tests, with 3 bits, beside what it was made of.
struct ReportedNetwork {
  TemporaryFolder folder;
  std::string network = folder.path() / "net.nrw";
  std::string model = folder.path() / "net3.nrw";
  std::string images = folder.path() / "images.bin";

  ReportedNetwork() {
    write_float_nrw(network, tiny_network());
    write_cifar(images, kImages);
    run_narrow({"quantize", network, "--calibrate", images, "--weights", "3", "--activations", "3", "--first-last",
                "off", "--equalize", "off", "--effort", "fast", "-o", model});
  }
  [[nodiscard]] nlohmann::json report(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments{"report", model, "--duration", "0.01", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_narrow(arguments).json();
  }
};

std::uint64_t sum_of(const nlohmann::json& bins) {
  const std::vector<std::uint64_t> counts = bins["counts"];
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

std::uint64_t elements_of(const nlohmann::json& layer) {
  const nlohmann::json& shape = layer["output"];
  return shape["height"].get<std::uint64_t>() * shape["width"].get<std::uint64_t>() *
         shape["channels"].get<std::uint64_t>();
}

// Whether both are no error, or as near as digits of a document are.
bool are_near(const nlohmann::json& a, const nlohmann::json& b) {
  if (a.is_null() || b.is_null()) return a.is_null() && b.is_null();
  return std::abs(a.get<double>() - b.get<double>()) <= 1e-3 * std::max(1.0, std::abs(b.get<double>()));
}

}  // namespace

TEST_CASE("a report without a reference counts the integers of every tensor and has no errors") {
  const ReportedNetwork made;
  const nlohmann::json document = made.report({"--pictures", made.images});
  CHECK(document["reference"].is_null());
  CHECK(document["agreement"].is_null());
  CHECK(document["study"]["count"] == kImages);
  CHECK(document["advice"]["layers"].empty());
  CHECK_FALSE(document["model"]["top1"].is_null());
  int quantized = 0;
  for (const nlohmann::json& layer : document["layers"]) {
    CHECK_FALSE(layer.contains("cumulative_db"));
    CHECK_FALSE(layer.contains("score_noise"));
    if (!layer.contains("output_study")) continue;
    ++quantized;
    const nlohmann::json& integers = layer["output_study"]["integers"];
    CHECK(sum_of(integers) == kImages * elements_of(layer));
    const nlohmann::json& range = layer["quantization"];
    CHECK(integers["counts"].size() == range["hi"].get<std::size_t>() - range["lo"].get<std::size_t>() + 1);
    CHECK(integers["first"].get<double>() == range["lo"].get<double>() - 0.5);
  }
  CHECK(quantized == 3);
}

TEST_CASE("a report has the errors that compare has, and the images on which answers differ") {
  const ReportedNetwork made;
  const nlohmann::json document = made.report({"--against", made.network, "--pictures", made.images});
  const nlohmann::json compared =
      run_narrow({"compare", made.network, made.model, made.images, "--layers", "--json"}).json();
  CHECK(document["agreement"] == compared["agreement"]);
  const nlohmann::json& same = document["agreement"]["top1"]["same"];
  CHECK(document["changed"]["count"] == kImages - same.get<int>());
  CHECK(document["changed"]["shown"].size() == document["changed"]["count"]);
  const nlohmann::json& kinds = document["changed"]["kinds"];
  const int right_to_wrong = kinds["right_to_wrong"];
  const int wrong_to_right = kinds["wrong_to_right"];
  CHECK(right_to_wrong + wrong_to_right + kinds["wrong_to_wrong"].get<int>() == document["changed"]["count"]);
  CHECK(document["reference"]["top1"]["right"].get<int>() - document["model"]["top1"]["right"].get<int>() ==
        right_to_wrong - wrong_to_right);
  CHECK(document["study"]["effect_count"] == kImages);

  std::size_t found = 0;
  for (const nlohmann::json& layer : document["layers"]) {
    const auto row = std::find_if(compared["layers"].begin(), compared["layers"].end(),
                                  [&](const nlohmann::json& of) { return of["name"] == layer["name"]; });
    CHECK((row != compared["layers"].end()) == layer.contains("cumulative_db"));
    if (row == compared["layers"].end()) continue;
    ++found;
    INFO(layer["name"].get<std::string>());
    CHECK(are_near(layer["cumulative_db"], (*row)["cumulative_db"]));
    CHECK(are_near(layer["local_db"], (*row)["local_db"]));
  }
  CHECK(found == compared["layers"].size());
}

TEST_CASE("images on which answers differ are shown of wide and of tall inputs") {
  for (const auto& [height, width] : {std::pair(8, 1024), std::pair(1024, 8)}) {
    CAPTURE(width);
    const TemporaryFolder folder;
    const std::string network = folder.path() / "net.nrw";
    const std::string other = folder.path() / "other.nrw";
    const std::string model = folder.path() / "model.nrw";
    const std::string images = folder.path() / "images.bin";
    const narrow::FloatModel original = tiny_network({.side = height, .width = width});
    write_float_nrw(network, original);
    // Each class has the score of another one.
    auto data = std::make_shared<narrow::FloatModel::Data>(original.data());
    narrow::graph::Filter* const last = narrow::graph::filter_of(data->graph.nodes.back());
    std::vector<float>& weights = last->weights.edit();
    std::vector<float>& bias = last->bias.edit();
    std::rotate(weights.begin(), weights.end() - 8, weights.end());
    std::rotate(bias.begin(), bias.end() - 1, bias.end());
    write_float_nrw(other, narrow::FloatModel(std::move(data)));
    write_cifar(images, 3);
    run_narrow({"quantize", network, "--calibrate", images, "--effort", "fast", "-o", model});
    const nlohmann::json changed =
        run_narrow({"report", model, "--against", other, "--pictures", images, "--duration", "0.01", "--json"})
            .json()["changed"];
    CHECK(changed["count"] == 3);
    REQUIRE(changed["shown"].size() == 3);
    CHECK(changed["shown"][0]["width"] == (width > height ? 102 : 1));
  }
}

TEST_CASE("the layers that hurt most come first, and more bits leave less of their noise") {
  const ReportedNetwork made;
  const nlohmann::json document = made.report({"--against", made.network, "--pictures", made.images});
  const nlohmann::json& advice = document["advice"];
  REQUIRE(advice["layers"].size() > 1);
  CHECK(advice["weights"].get<double>() + advice["rounding"].get<double>() + advice["clipping"].get<double>() ==
        doctest::Approx(1).epsilon(0.001));
  double before = 1;
  double removed_by_ranges = 0;
  double measured = 0;
  double total = 0;
  for (const nlohmann::json& layer : document["layers"]) total += layer.value("score_noise", 0.0);
  for (const nlohmann::json& of : advice["layers"]) {
    CHECK(of["noise_share"].get<double>() <= before);
    before = of["noise_share"];
    const nlohmann::json& shares = of["shares"];
    CHECK(shares["weights"].get<double>() + shares["rounding"].get<double>() + shares["clipping"].get<double>() ==
          doctest::Approx(1).epsilon(0.001));
    CHECK(of["cause_share"] == shares[of["cause"].get<std::string>()]);
    const auto layer = std::find_if(document["layers"].begin(), document["layers"].end(),
                                    [&](const nlohmann::json& other) { return other["name"] == of["layer"]; });
    REQUIRE(layer != document["layers"].end());
    for (const nlohmann::json& trial : (*layer)["trials"]) {
      const double left = trial["score_noise"].get<double>() / (*layer)["score_noise"].get<double>();
      CHECK(trial["left"]["low"].get<double>() <= left + 1e-4);
      CHECK(trial["left"]["high"].get<double>() >= left - 1e-4);
    }
    for (const nlohmann::json& remedy : of["remedies"]) {
      if (!remedy.contains("trial")) continue;
      CHECK(remedy["trial"]["left"]["high"] < 1.0);
      // No option sets the range of one layer.
      CHECK(remedy["option"].get<std::string>().empty() == (remedy["trial"]["of"] == "range"));
      if (remedy["trial"]["of"] != "range") continue;
      removed_by_ranges +=
          ((*layer)["score_noise"].get<double>() - remedy["trial"]["score_noise"].get<double>()) / total;
    }
    if (of["basis"] != "scores") continue;
    measured += of["noise_share"].get<double>();
    // The cause of the two whose bits were tried is the one with which less noise is left.
    double weights_left = 1e9;
    double output_left = 1e9;
    for (const nlohmann::json& trial : (*layer)["trials"]) {
      if (trial["bits"] != 8) continue;
      if (trial["of"] == "weights") weights_left = trial["score_noise"];
      if (trial["of"] == "activations") output_left = trial["score_noise"];
    }
    if (weights_left < output_left) CHECK(of["shares"]["weights"] >= of["shares"]["rounding"]);
    if (output_left < weights_left) CHECK(of["shares"]["rounding"] >= of["shares"]["weights"]);
  }
  const nlohmann::json& ranges = advice["ranges"];
  CHECK(ranges["noise_removed"].get<double>() == doctest::Approx(removed_by_ranges).epsilon(0.01));
  CHECK(ranges["by_narrower"].get<double>() <= ranges["noise_removed"].get<double>() + 1e-6);
  CHECK(ranges["interval"]["high"] >= ranges["noise_removed"]);
  CHECK(measured > 0);
  CHECK(advice["measured_share"].get<double>() == doctest::Approx(measured).epsilon(0.001));
  const std::string worst = advice["layers"][0]["layer"];
  const auto layer = std::find_if(document["layers"].begin(), document["layers"].end(),
                                  [&](const nlohmann::json& of) { return of["name"] == worst; });
  REQUIRE(layer != document["layers"].end());
  double least = (*layer)["score_noise"];
  for (const nlohmann::json& trial : (*layer)["trials"]) least = std::min(least, trial["score_noise"].get<double>());
  CHECK(least < 0.5 * (*layer)["score_noise"].get<double>());
  const nlohmann::json& remedy = advice["layers"][0]["remedies"][0];
  CHECK_MESSAGE(has(remedy["option"].get<std::string>(), worst + "="), remedy.dump());
  // Each layer's reals lie on its grid, as many as there are integers.
  const nlohmann::json& output = (*layer)["output_study"];
  CHECK(sum_of(output["reals"]) == sum_of(output["integers"]));
}

TEST_CASE("the factors of an equalized network are no errors") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "images.bin";
  const std::string model = folder.path() / "equalized.nrw";
  write_cifar(images, kImages);
  run_narrow({"quantize", default_checkpoint(), "--arch", "cifar_resnet20b", "--calibrate", images, "--equalize", "on",
              "--effort", "fast", "-o", model});
  const nlohmann::json document = run_narrow({"report", model, "--against", default_checkpoint(), "--arch",
                                              "cifar_resnet20b", "--pictures", images, "--duration", "0.01", "--json"})
                                      .json();
  const nlohmann::json compared =
      run_narrow({"compare", default_checkpoint(), model, "--arch", "cifar_resnet20b", images, "--layers", "--json"})
          .json();
  int equalized = 0;
  for (const nlohmann::json& row : compared["layers"]) {
    const auto layer = std::find_if(document["layers"].begin(), document["layers"].end(),
                                    [&](const nlohmann::json& of) { return of["name"] == row["name"]; });
    REQUIRE(layer != document["layers"].end());
    if (layer->value("is_equalized", false) && (*layer)["op"] == "Convolution") {
      ++equalized;
      // Compared as they are, the multiples themselves would be the error.
      CHECK((*layer)["cumulative_db"].get<double>() > 20);
      CHECK((*layer)["local_db"].get<double>() > 20);
      CHECK(row["is_equalized"] == true);
      CHECK(row["local_db"].get<double>() > 20);
      CHECK(row["cumulative_db"].get<double>() ==
            doctest::Approx((*layer)["cumulative_db"].get<double>()).epsilon(0.02));
    }
  }
  CHECK(equalized > 2);
}

TEST_CASE("recommended changes are measured by quantizing anew") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "images.bin";
  const std::string model = folder.path() / "low.nrw";
  write_cifar(images, kImages);
  run_narrow({"quantize", default_checkpoint(), "--arch", "cifar_resnet20b", "--calibrate", images, "--weights", "3",
              "--activations", "4", "--effort", "fast", "-o", model});
  const std::vector<std::string> arguments{"report",          model,        "--against", default_checkpoint(), "--arch",
                                           "cifar_resnet20b", "--pictures", images,      "--duration",         "0.01",
                                           "--json"};
  CHECK(run_narrow(arguments).json()["remedies"].is_null());
  std::vector<std::string> with = arguments;
  with.insert(with.end(), {"--remedies", images});
  const nlohmann::json document = run_narrow(with).json();
  const nlohmann::json& results = document["remedies"]["results"];
  REQUIRE(results.size() >= 2);
  CHECK(results[0]["options"].empty());
  CHECK(results[0]["weight_bytes"] == document["model"]["weight_bytes"]);
  // 6 bits for the three worst layers, as the advice has them.
  const nlohmann::json& six = results[1];
  CHECK(six["is_six_bits"].get<bool>());
  CHECK_FALSE(results[0]["is_six_bits"].get<bool>());
  CHECK(six["latency_ms"]["median"].get<double>() > 0);
  CHECK(document["remedies"]["model_latency_ms"]["median"].get<double>() > 0);
  CHECK(document["remedies"]["ranges"].get<std::string>().find("12 pictures") == 0);
  // Pairs tell what the two numbers of the same answers do.
  CHECK(results[0]["gain"]["more_same"] == 0);
  CHECK(six["gain"]["more_same"].get<int>() - six["gain"]["fewer_same"].get<int>() ==
        six["agreement"]["top1"]["same"].get<int>() - results[0]["agreement"]["top1"]["same"].get<int>());
  const double gained =
      six["agreement"]["sqnr"]["db"].get<double>() - results[0]["agreement"]["sqnr"]["db"].get<double>();
  CHECK(six["gain"]["db"].get<double>() == doctest::Approx(gained).epsilon(0.001));
  CHECK(six["gain"]["interval"]["low"] <= six["gain"]["db"]);
  CHECK(six["gain"]["interval"]["high"] >= six["gain"]["db"]);
  const nlohmann::json& advised = document["advice"]["six_bits"];
  REQUIRE(!advised["changes"].empty());
  REQUIRE(six["options"].size() == 2 * advised["changes"].size());
  for (const nlohmann::json& change : advised["changes"]) {
    const std::string option = change["layer"].get<std::string>() + "=6";
    CHECK(std::find(six["options"].begin(), six["options"].end(), option) != six["options"].end());
  }
  CHECK(six["weight_bytes"] ==
        results[0]["weight_bytes"].get<std::int64_t>() + advised["more_bytes"].get<std::int64_t>());
  if (const nlohmann::json& index = document["remedies"]["as_good_with_fewer"]; !index.is_null()) {
    const nlohmann::json& other = results[index.get<std::size_t>()];
    CHECK(other["options"].size() < six["options"].size());
    CHECK(other["agreement"]["top1"]["same"].get<int>() >= six["agreement"]["top1"]["same"].get<int>());
  } else {
    CHECK(results[0]["agreement"]["top1"]["same"].get<int>() < six["agreement"]["top1"]["same"].get<int>());
  }
  // The same as narrow quantize gives with these options and evaluate measures.
  const std::string again = folder.path() / "again.nrw";
  std::vector<std::string> quantize{"quantize",
                                    default_checkpoint(),
                                    "--arch",
                                    "cifar_resnet20b",
                                    "--calibrate",
                                    images,
                                    "--weights",
                                    "3",
                                    "--activations",
                                    "4",
                                    "-o",
                                    again};
  for (const nlohmann::json& option : six["options"]) quantize.push_back(option);
  run_narrow(quantize);
  const nlohmann::json evaluated =
      run_narrow({"evaluate", default_checkpoint(), again, "--arch", "cifar_resnet20b", images, "--json"}).json();
  CHECK(six["agreement"]["top1"] == evaluated["agreement"]["top1"]);
  CHECK(six["agreement"]["kl_divergence"]["nats"] == evaluated["agreement"]["kl_divergence"]["nats"]);

  // Before anything is measured, which would take ten minutes.
  check_fails({"report", model, "--against", default_checkpoint(), "--arch", "cifar_resnet20b", "--pictures", images,
               "--remedies", images + "_missing", "--duration", "600"},
              1, {"_missing", "no such file"});
  check_fails({"report", model, "--pictures", images, "--remedies", images}, 2, {"--remedies", "--against"});
  check_fails({"report", model, "--against", model, "--pictures", images, "--remedies", images, "--duration", "0.01"},
              1, {"float network"});
}

TEST_CASE("a model against itself has no error anywhere") {
  const ReportedNetwork made;
  const nlohmann::json document = made.report({"--against", made.model, "--pictures", made.images});
  CHECK(document["agreement"]["top1"]["percent"] == 100.0);
  CHECK(document["changed"]["count"] == 0);
  CHECK(document["advice"]["layers"].empty());
  for (const nlohmann::json& layer : document["layers"]) {
    if (!layer.contains("local_db")) continue;
    CHECK(layer["local_db"].is_null());
    CHECK(layer["cumulative_db"].is_null());
    CHECK(layer["score_noise"] == 0.0);
  }
}

TEST_CASE("a report does not depend on the number of threads, but for its times") {
  const ReportedNetwork made;
  const std::vector<std::string> files{"--against", made.network, "--pictures", made.images};
  const auto without_times = [&](const char* threads) {
    std::vector<std::string> arguments = files;
    arguments.insert(arguments.end(), {"--threads", threads});
    nlohmann::json document = made.report(arguments);
    for (nlohmann::json& layer : document["layers"]) {
      layer.erase("time");
      layer.erase("step");
    }
    return nlohmann::json{document["layers"], document["advice"], document["changed"]};
  };
  CHECK(without_times("1") == without_times("2"));
}

TEST_CASE("a page is one file with the document in it, or an error says why there are no pages") {
  const ReportedNetwork made;
  const std::string page = made.folder.path() / "page.html";
  const std::size_t before = files_in(made.folder.path());
  const Ran ran = narrow_command({"report", made.model, "--duration", "0.01", "-o", page});
  if (ran.exit_code == 0) {
    CHECK(files_in(made.folder.path()) == before + 1);
    const std::string html = read_file(page);
    CHECK(has(html, "\"format\":\"narrow report\""));
    CHECK(has(html, "Mike Bostock"));
    CHECK_FALSE(has(html, "{{"));
  } else {
    CHECK(ran.exit_code == 1);
    CHECK_MESSAGE(has(ran.err, "./dev build"), ran.err);
    CHECK(files_in(made.folder.path()) == before);
  }
}

TEST_CASE("a report against a network that the model was not made of says so") {
  const ReportedNetwork made;
  const nlohmann::json right = made.report({"--against", made.model, "--pictures", made.images});
  CHECK_FALSE(has(right["model"]["notes"].dump(), "does not look like"));
  CHECK_FALSE(has(right["model"]["notes"].dump(), "not compared"));
  const std::string unlike = made.folder.path() / "unlike.nrw";
  write_float_nrw(unlike, tiny_network({.prefix = "unlike."}));
  const nlohmann::json wrong = made.report({"--against", unlike, "--pictures", made.images});
  CHECK_MESSAGE(has(wrong["model"]["notes"].dump(), "not compared"), wrong["model"]["notes"].dump());
}

TEST_CASE("a report whose layers are unlike the reference's says whether the answers are") {
  const ReportedNetwork made;
  constexpr std::ptrdiff_t kTurn = 3;
  const auto note = [&](bool has_same_answers) {
    // The same channels in another order. With other answers, each class has the score of the one before.
    auto data = std::make_shared<narrow::FloatModel::Data>(tiny_network().data());
    for (narrow::graph::Node& node : data->graph.nodes) {
      narrow::graph::Filter* filter = narrow::graph::filter_of(node);
      if (filter == nullptr) continue;
      std::vector<float>& weights = filter->weights.edit();
      if (node.name == "conv") {
        const auto depth = static_cast<std::ptrdiff_t>(weights.size() / 8);
        std::vector<float>& bias = filter->bias.edit();
        std::rotate(weights.begin(), weights.begin() + kTurn * depth, weights.end());
        std::rotate(bias.begin(), bias.begin() + kTurn, bias.end());
      } else {
        for (std::ptrdiff_t o = 0; o < 10; ++o) {
          std::rotate(weights.begin() + 8 * o, weights.begin() + 8 * o + kTurn, weights.begin() + 8 * o + 8);
        }
        if (has_same_answers) continue;
        std::rotate(weights.begin(), weights.end() - 8, weights.end());
        std::rotate(filter->bias.edit().begin(), filter->bias.edit().end() - 1, filter->bias.edit().end());
      }
    }
    const std::string reordered = made.folder.path() / "reordered.nrw";
    write_float_nrw(reordered, narrow::FloatModel(std::move(data)));
    return made.report({"--against", reordered, "--pictures", made.images})["model"]["notes"].dump();
  };
  const std::string same = note(true);
  CHECK_MESSAGE(has(same, "although the answers agree"), same);
  CHECK_FALSE(has(same, "does not look like"));
  const std::string other = note(false);
  CHECK_MESSAGE(has(other, "does not look like"), other);
  CHECK_FALSE(has(other, "although the answers agree"));
}

TEST_CASE("a report says when both networks see images that are prepared in different ways") {
  const ReportedNetwork made;
  const std::string other = made.folder.path() / "resized.nrw";
  run_narrow({"quantize", made.network, "--calibrate", made.images, "--resize", "12", "--crop", "8", "--effort", "fast",
              "-o", other});
  const std::string part = "prepared in its own way";
  const auto text = [&](const std::string& model, const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"report",     model,       "--against",  made.network,
                                       "--pictures", made.images, "--duration", "0.01"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_narrow(arguments).out;
  };
  CHECK(has(text(other, {}), part));
  CHECK_FALSE(has(text(other, {"--resize", "12", "--crop", "8"}), part));
  CHECK_FALSE(has(text(made.model, {}), part));
}

TEST_CASE("a report of a float network, and over a file that it reads, is refused") {
  const ReportedNetwork made;
  check_fails({"report", default_checkpoint(), "--arch", "cifar_resnet20b"}, 2,
              {"is a float network", "narrow quantize"});
  check_fails({"report", default_model(), "--against", made.network, "--duration", "0.01"}, 1, {"another shape"});
  const Ran over = narrow_command({"report", made.model, "-o", made.model});
  CHECK(over.exit_code == 1);
}

TEST_CASE("a report says what 6 bits in the worst layers would give, and what bounds each layer") {
  const TemporaryFolder folder;
  const std::string model = folder.path() / "model.nrw";
  const std::string images = folder.path() / "images.bin";
  write_cifar(images, kImages);
  run_narrow({"quantize", default_checkpoint(), "--arch", "cifar_resnet20b", "--calibrate", images, "--weights", "2",
              "--activations", "2", "--effort", "fast", "-o", model});
  const Ran ran = run_narrow({"report", model, "--against", default_checkpoint(), "--arch", "cifar_resnet20b",
                              "--pictures", images, "--duration", "0.01", "--json"});
  const nlohmann::json document = ran.json();
  const nlohmann::json& six = document["advice"]["six_bits"];
  REQUIRE(six["layers"].size() == 3);
  REQUIRE(!six["changes"].empty());
  double total = 0;
  for (const nlohmann::json& layer : document["layers"]) total += layer.value("score_noise", 0.0);
  double left = total;
  std::int64_t more = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(six["layers"][i] == document["advice"]["layers"][i]["layer"]);
    const nlohmann::json& layer =
        *std::find_if(document["layers"].begin(), document["layers"].end(),
                      [&](const nlohmann::json& of) { return of["name"] == six["layers"][i]; });
    double gain = 0;
    for (const nlohmann::json& change : six["changes"]) {
      if (change["layer"] != six["layers"][i]) continue;
      CHECK(change["trial"]["bits"] == 6);
      gain += layer["score_noise"].get<double>() - change["trial"]["score_noise"].get<double>();
      if (change["trial"]["of"] != "weights") continue;
      CHECK(change["trial"]["weight_bytes"].get<std::int64_t>() == 3 * layer["weight_bytes"].get<std::int64_t>());
      more += 2 * layer["weight_bytes"].get<std::int64_t>();
    }
    left -= std::min(gain, layer["score_noise"].get<double>());
  }
  CHECK(six["more_bytes"] == more);
  CHECK(std::abs(six["noise_left"].get<double>() - left / total) < 1e-3);

  CHECK(document["profile"]["read_gigabytes_per_second"].get<double>() > 0);
  for (const nlohmann::json& layer : document["layers"]) {
    if (!layer.contains("time")) continue;
    const nlohmann::json& time = layer["time"];
    CAPTURE(layer["name"].get<std::string>());
    const double arithmetic = time.value("peak_share", 0.0);
    const double memory = time["memory_share"];
    CHECK(time["bytes"].get<double>() > 0);
    CHECK(memory > 0);
    CHECK((time["bound"] == "arithmetic") == (arithmetic >= 0.5 && arithmetic >= memory));
    if (time["bound"] == "elements") CHECK(!time.contains("products_per_output"));
    if (time["bound"] == "outputs") CHECK(time["products_per_output"].get<double>() < 64);
  }
}
