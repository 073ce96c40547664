// narrow embed writes the tensor of each image that the library reads, as a file for numpy.load.
#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "narrow/image.h"
#include "narrow/inspect.h"
#include "narrow/model.h"
#include "narrow/session.h"
#include "tests/apps/command.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace narrow::testing;

namespace {

// The tensors of all images, as the library reads them.
std::vector<float> tensors_of(const Model& model, const std::string& name, const std::string& images) {
  SessionOptions options;
  options.outputs = {name};
  Session session = Session::create(model, options).value();
  const PictureSet set = PictureSet::open({images}).value();
  std::vector<float> all;
  for (std::size_t i = 0; i < set.size(); ++i) {
    REQUIRE(session.classify(set.get(i).value().picture).ok());
    std::vector<float> values(static_cast<std::size_t>(session.outputs().front().shape.elems()));
    session.read_output(0, values).value();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

}  // namespace

TEST_CASE("embed writes what the last layer reads of each image, or the named tensor") {
  const TemporaryFolder folder;
  const std::string images = (folder.path() / "images.bin").string();
  write_cifar(images, 11);  // more than one run of the network, and the last one is not full
  const Model model = Model::load(default_model()).value();
  const std::string other = model.tensors().at(2).name;
  for (const std::string& layer : {std::string(), other}) {
    CAPTURE(layer);
    const std::string output = (folder.path() / ("v" + layer.substr(0, 1) + ".npy")).string();
    std::vector<std::string> arguments{"embed", default_model().string(), images, "-o", output, "--json"};
    if (!layer.empty()) arguments.insert(arguments.end(), {"--layer", layer});
    const Ran ran = run_narrow(arguments);
    REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
    const std::string name = layer.empty() ? model.embedding() : layer;
    CHECK(ran.json()["layer"] == name);
    CHECK(ran.json()["pictures"].size() == 11);
    const std::vector<float> expected = tensors_of(model, name, images);
    const std::size_t columns = expected.size() / 11;
    CHECK(ran.json()["shape"][0] == 11);
    CHECK(ran.json()["shape"][1] == columns);
    const std::string file = read_file(output);
    const std::size_t header = file.size() - expected.size() * sizeof(float);
    REQUIRE(header % 64 == 0);
    CHECK(file.substr(0, 8) == std::string("\x93NUMPY\x01\x00", 8));
    CHECK(file.find("'shape': (11, " + std::to_string(columns) + "), }") < header);
    CHECK(file[header - 1] == '\n');
    CHECK(std::memcmp(file.data() + header, expected.data(), expected.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("embed says what it can't write, and leaves files as they are") {
  const TemporaryFolder folder;
  const std::string images = (folder.path() / "images.bin").string();
  write_cifar(images, 2);
  const std::string output = (folder.path() / "v.npy").string();
  const std::string model = default_model().string();
  check_fails({"embed", model, images, "-o", output, "--layer", "nothing"}, 1, {"nothing"});
  check_fails({"embed", model, images, "-o", images}, 1, {images});
  // Float weights need one step more, which either of two commands is.
  check_fails({"embed", default_checkpoint().string(), images, "-o", output}, 1,
              {"is a float network", "narrow quantize or narrow convert"});
  CHECK_FALSE(std::filesystem::exists(output));
  CHECK(run_narrow({"embed", "--help"}).out.find("A .nrw file, or a pre-quantized ONNX file") != std::string::npos);
  const std::string converted = (folder.path() / "float.nrw").string();
  run_narrow({"convert", default_checkpoint().string(), "-o", converted});
  run_narrow({"embed", converted, images, "-o", output});
  CHECK(std::filesystem::exists(output));
}

TEST_CASE("embed and report go on after an image that can't be read, count it, and end with code 3") {
  const TemporaryFolder folder;
  const std::filesystem::path images = folder.path() / "images";
  std::filesystem::create_directory(images);
  for (int i = 0; i < 12; ++i) write_image(images / ("a" + std::to_string(10 + i) + ".ppm"), 32, 32, i);
  const std::string output = (folder.path() / "v.npy").string();
  const std::string model = default_model().string();
  const auto row_of = [&](std::size_t row, std::size_t rows) {
    const std::string file = read_file(output);
    const std::size_t bytes = 64 * sizeof(float);
    REQUIRE(file.size() > rows * bytes);
    const std::size_t header = file.size() - rows * bytes;
    CHECK(header % 64 == 0);
    CHECK(file.find("'shape': (" + std::to_string(rows) + ", 64), }") < header);
    return file.substr(header + row * bytes, bytes);
  };
  CHECK(run_narrow({"embed", model, images.string(), "-o", output}).exit_code == 0);
  const std::string last = row_of(11, 12);

  for (const char* broken : {"a10.ppm", "a13.ppm", "a20.ppm"}) write_file(images / broken, "P6\n32 32\n255\nabc");
  const Ran ran = narrow_command({"embed", model, images.string(), "-o", output, "--json"});
  CHECK(ran.exit_code == 3);
  CHECK(ran.json()["pictures"].size() == 9);
  CHECK(ran.json()["shape"][0] == 9);
  REQUIRE(ran.json()["unreadable"].size() == 3);
  CHECK(ran.json()["unreadable"][0]["where"].get<std::string>().find("a10.ppm") != std::string::npos);
  CHECK(row_of(8, 9) == last);
  const Ran text = narrow_command({"embed", model, images.string(), "-o", output});
  CHECK_MESSAGE(text.out.find("3 images could not be read and have no row") != std::string::npos, text.out);
  CHECK(text.err.find("a13.ppm: broken PNM") != std::string::npos);

  const std::vector<std::string> report{"report", model, "--pictures", images.string(), "--duration", "0.01", "--json"};
  const Ran reported = narrow_command(report);
  CHECK(reported.exit_code == 3);
  const std::string notes = reported.json()["model"]["notes"].dump();
  CHECK_MESSAGE(notes.find("3 images could not be read, and the numbers are of the others") != std::string::npos,
                notes);
  CHECK(notes.find("a20.ppm") != std::string::npos);

  // None that can be read: nothing is written.
  std::filesystem::remove(output);
  const std::string only = (images / "a10.ppm").string();
  check_fails({"embed", model, only, "-o", output}, 1, {"none of the images"});
  check_fails({"report", model, "--pictures", only}, 1, {"none of the images"});
  CHECK_FALSE(std::filesystem::exists(output));
}

TEST_CASE("embed and report replace what they wrote before, and no other file, one of the images least of all") {
  const TemporaryFolder folder;
  const std::string image = (folder.path() / "cat.ppm").string();
  narrow::testing::write_image(image, 40, 36);
  const std::string before = read_file(image);
  const std::string vectors = (folder.path() / "v.npy").string();
  const std::string model = default_model().string();
  for (const std::string& images : {image, folder.path().string()}) {
    CHECK(narrow_command({"embed", model, images, "-o", image}).exit_code == 1);
    CHECK(narrow_command({"report", model, "--pictures", images, "-o", image}).exit_code == 1);
  }
  CHECK(read_file(image) == before);
  CHECK(narrow_command({"embed", model, image, "-o", vectors}).exit_code == 0);
  CHECK(narrow_command({"embed", model, image, "-o", vectors}).exit_code == 0);
}
