// The names of classes that are built in, and the networks that have them without being asked.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using namespace narrow::testing;

namespace {

TinyNetwork of_classes(int classes, const std::string& architecture = "tiny") {
  TinyNetwork tiny;
  tiny.classes = classes;
  tiny.architecture = architecture;
  return tiny;
}

// The labels that quantizing stores.
std::vector<std::string> stored_labels(const std::filesystem::path& folder, const std::string& set, int classes) {
  write_onnx(folder / "net.onnx", tiny_network(of_classes(classes)));
  write_image(folder / "a.ppm", 8, 8);
  run_narrow(
      {"quantize", folder / "net.onnx", "--calibrate", folder / "a.ppm", "--labels", set, "-o", folder / "net.nrw"});
  return run_narrow({"inspect", folder / "net.nrw", "--json"}).json()["labels"];
}

}  // namespace

TEST_CASE("each set has its classes once and in the order of its indices") {
  struct Set {
    const char* name;
    int classes;
    std::vector<std::pair<std::size_t, const char*>> known;
  };
  const std::vector<Set> sets = {
      {"imagenet", 1000, {{0, "tench"}, {1, "goldfish"}, {134, "crane bird"}, {517, "crane"}, {999, "toilet tissue"}}},
      {"cifar10", 10, {{0, "airplane"}, {1, "automobile"}, {9, "truck"}}},
      {"cifar100", 100, {{0, "apple"}, {1, "aquarium_fish"}, {50, "mouse"}, {99, "worm"}}},
      {"mnist", 10, {{0, "0"}, {9, "9"}}},
      {"fashion-mnist", 10, {{0, "T-shirt/top"}, {8, "Bag"}, {9, "Ankle boot"}}},
  };
  for (const Set& set : sets) {
    const TemporaryFolder folder;
    const std::vector<std::string> labels = stored_labels(folder.path(), set.name, set.classes);
    CAPTURE(set.name);
    REQUIRE(labels.size() == static_cast<std::size_t>(set.classes));
    CHECK(std::set<std::string>(labels.begin(), labels.end()).size() == labels.size());
    for (const auto& [index, name] : set.known) CHECK(labels[index] == name);
    if (std::string(set.name).starts_with("cifar")) CHECK(std::is_sorted(labels.begin(), labels.end()));
  }
}

TEST_CASE("a set of another number of classes and a set that does not exist are errors") {
  const TemporaryFolder folder;
  write_image(folder.path() / "a.ppm", 8, 8);
  check_fails({"classify", folder.path() / "a.ppm", "--labels", "imagenet"}, 1, {"imagenet", "1000", "10"});
  check_fails({"classify", folder.path() / "a.ppm", "--labels", "imagnet"}, 1,
              {"did you mean 'imagenet'?", "cifar100"});
}

TEST_CASE("a file with the name of a set is named by its folder") {
  const TemporaryFolder folder;
  write_image(folder.path() / "a.ppm", 8, 8);
  write_file(folder.path() / "cifar10", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
  const nlohmann::json top =
      run_narrow({"classify", "--json", "--top", "10", "--labels", folder.path() / "cifar10", folder.path() / "a.ppm"})
          .json()["pictures"][0]["top"];
  for (const nlohmann::json& best : top) CHECK(best["label"].get<std::string>().size() == 1);
}

TEST_CASE("a torchvision network of 1000 classes has the names of ImageNet and folders of any name") {
  const TemporaryFolder folder;
  const std::string image = folder.path() / "images" / "mine" / "a.ppm";
  std::filesystem::create_directories(folder.path() / "images" / "mine");
  write_image(image, 8, 8);
  const std::string named = folder.path() / "named.nrw";
  write_float_nrw(named, tiny_network(of_classes(1000, "resnet18")));
  const nlohmann::json document = run_narrow({"classify", "--json", "--model", named, folder.path() / "images"}).json();
  CHECK(has(document["notes"].dump(), "ImageNet"));
  const nlohmann::json& best = document["pictures"][0]["top"][0];
  CHECK(!has(best["label"].get<std::string>(), "class"));
  // The same names as with the option.
  const nlohmann::json asked =
      run_narrow({"classify", "--json", "--model", named, "--labels", "imagenet", image}).json();
  CHECK(asked["pictures"][0]["top"] == document["pictures"][0]["top"]);
  CHECK(asked["notes"].empty());
  // Other architectures, and other numbers of classes, have none.
  for (const TinyNetwork& other : {of_classes(1000, "tiny"), of_classes(999, "resnet18")}) {
    write_float_nrw(folder.path() / "other.nrw", tiny_network(other));
    const nlohmann::json unnamed =
        run_narrow({"classify", "--json", "--model", folder.path() / "other.nrw", image}).json();
    CHECK(has(unnamed["pictures"][0]["top"][0]["label"].get<std::string>(), "class "));
    CHECK(has(unnamed["notes"].dump(), "--labels imagenet") == (other.classes == 1000));
  }
}

TEST_CASE("folders of ImageNet are found by WordNet identifiers even where some are missing") {
  const TemporaryFolder folder;
  const std::string model = folder.path() / "net.nrw";
  const std::string image = folder.path() / "a.ppm";
  write_float_nrw(model, tiny_network(of_classes(1000)));
  write_image(image, 8, 8);
  const std::size_t best =
      run_narrow({"classify", "--json", "--model", model, image}).json()["pictures"][0]["top"][0]["class"];
  std::vector<std::string> lines;
  std::istringstream names(read_file(source_folder() / "apps" / "text" / "class_names" / "imagenet.txt"));
  for (std::string line; std::getline(names, line);) lines.push_back(line.substr(0, line.find(' ')));
  REQUIRE(lines.size() == 1000);
  CHECK(std::is_sorted(lines.begin(), lines.end()));
  // One folder is that of the answer.
  const std::filesystem::path images = folder.path() / "images";
  for (const std::string& name : {lines[best], lines[best == 7 ? 8 : 7]}) {
    std::filesystem::create_directories(images / name);
    write_image(images / name / "a.ppm", 8, 8);
  }
  const nlohmann::json evaluated = run_narrow({"evaluate", model, images, "--labels", "imagenet", "--json"}).json();
  CHECK(evaluated["top1"]["right"] == 1);
  CHECK(evaluated["pictures"]["count"] == 2);
  // A name that is no identifier is an error.
  std::filesystem::create_directories(images / "n00000000");
  write_image(images / "n00000000" / "a.ppm", 8, 8);
  check_fails({"evaluate", model, images, "--labels", "imagenet"}, 1, {"n00000000"});
}

TEST_CASE("a real network names what real images show") {
  NARROW_NEED_DATA(data);
  const std::string weights =
      data / "models" / "mobilenet_v2_100_224_imagenet_recon" / "mobilenet_v2_100_224_imagenet_recon.pth";
  const nlohmann::json document = run_narrow({"classify", "--json", "--top", "1", "--model", weights, "--arch",
                                              "mobilenet_v2", data / "imagenet_samples" / "n01443537_goldfish.JPEG",
                                              data / "imagenet_samples" / "n01558993_robin.JPEG"})
                                      .json();
  CHECK(document["pictures"][0]["top"][0]["label"] == "goldfish");
  CHECK(document["pictures"][1]["top"][0]["label"] == "robin");
}
