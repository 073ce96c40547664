// One program of a command and a model, and a model as source text.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdio>
#include <string>

#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using namespace narrow::testing;

namespace {

constexpr std::size_t kTrailer = 68;  // apps/run/bundle.cpp

// A model that is not the built-in one, and an image.
struct Inputs {
  TemporaryFolder folder;
  std::string model = (folder.path() / "tiny-net.nrw").string();
  std::string image = (folder.path() / "a.ppm").string();
  std::string bundle = (folder.path() / "classify-tiny").string();
  Inputs() {
    write_float_nrw(model, tiny_network());
    write_image(image, 40, 30, 3);
  }
};

// The program at `path`, which may be anywhere.
Ran run_program(const std::string& path, const std::vector<std::string>& arguments) {
  return narrow_command(arguments, {.environment = {}, .stdout_path = "", .program = path});
}

std::string make_bundle(const Inputs& inputs, const std::string& command) {
  const Ran ran = run_program((build_folder() / command).string(), {"bundle", inputs.model, "-o", inputs.bundle});
  REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
  return inputs.bundle;
}

// The bytes that the string literals of a source file stand for.
std::string literal_bytes(const std::string& source) {
  std::string bytes;
  std::size_t at = source.find("kModel[] =\n");
  REQUIRE(at != std::string::npos);
  const std::size_t end = source.find("\";\n", at);
  REQUIRE(end != std::string::npos);
  bool within = false;
  for (; at < end; ++at) {
    const char c = source[at];
    if (c == '"') {
      within = !within;
    } else if (within && c == '\\') {
      bytes += static_cast<char>(std::stoi(source.substr(at + 1, 3), nullptr, 8));
      at += 3;
    } else if (within) {
      bytes += c;
    }
  }
  return bytes;
}

}  // namespace

TEST_CASE("a bundle of either command classifies with its model from any folder under any name") {
  const Inputs inputs;
  const nlohmann::json expected = run_narrow({"classify", "--model", inputs.model, inputs.image, "--json"}).json();
  for (const char* command : {"narrow", "narrow-small"}) {
    make_bundle(inputs, command);
    const TemporaryFolder elsewhere;
    const std::filesystem::path moved = elsewhere.path() / "birds";
    std::filesystem::rename(inputs.bundle, moved);
    const Ran ran = run_program(moved, {inputs.image, "--json"});
    REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
    CHECK(ran.json()["pictures"] == expected["pictures"]);
    CHECK(ran.json()["model"]["architecture"] == "tiny");
    const Ran help = run_program(moved, {"--help"});
    CHECK(help.exit_code == 0);
    for (const char* part : {"birds [OPTIONS]", "PICTURE", "--top", "narrow bundle"}) CHECK(has(help.out, part));
    for (const char* absent : {"--model", "--arch"}) CHECK_FALSE(has(help.out, absent));
    CHECK(has(run_program(moved, {"--version"}).out, "birds, narrow "));
  }
}

TEST_CASE("a bundle names itself and its own help in errors") {
  const Inputs inputs;
  make_bundle(inputs, "narrow-small");
  const auto check = [&](const std::vector<std::string>& arguments, int code, const std::string& part) {
    const Ran ran = run_program(inputs.bundle, arguments);
    CHECK(ran.exit_code == code);
    CHECK_MESSAGE(has(ran.err, "classify-tiny: "), ran.err);
    CHECK_MESSAGE(has(ran.err, part), ran.err);
  };
  check({}, 2, "PICTURE is required (see classify-tiny --help)");
  check({"--modl", "x", inputs.image}, 2, "unknown option '--modl' (see classify-tiny --help)");
  check({"--model", "x", inputs.image}, 2, "unknown option '--model' (see classify-tiny --help)");
  check({inputs.model}, 2, "this program has one of its own");
  check({"no-such.png"}, 1, "no-such.png");
}

TEST_CASE("who may read a bundle may run it and the umask holds") {
  const Inputs inputs;
  const mode_t before = ::umask(027);
  make_bundle(inputs, "narrow-small");
  ::umask(before);
  struct stat status {};
  REQUIRE(::stat(inputs.bundle.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0750);
}

TEST_CASE("a bundle replaces another bundle and nothing else") {
  const Inputs inputs;
  make_bundle(inputs, "narrow-small");
  const std::string first = read_file(inputs.bundle);
  make_bundle(inputs, "narrow-small");
  CHECK(read_file(inputs.bundle) == first);  // the same inputs make the same bytes
  write_file(inputs.bundle, first.substr(0, first.size() - kTrailer) + std::string(3, 'x') +
                                first.substr(first.size() - kTrailer));  // a damaged one
  make_bundle(inputs, "narrow-small");
  CHECK(read_file(inputs.bundle) == first);

  const std::string other = (inputs.folder.path() / "other").string();
  write_file(other, "a file that someone needs");
  check_fails({"bundle", inputs.model, "-o", other}, 1, {"is not a program of narrow bundle", "choose another name"});
  CHECK(read_file(other) == "a file that someone needs");
  const std::string model = read_file(inputs.model);
  check_fails({"bundle", inputs.model, "-o", inputs.model}, 1, {"is an input of this command"});
  CHECK(read_file(inputs.model) == model);
}

TEST_CASE("a bundle whose end is damaged says so and reads no more than there is") {
  const Inputs inputs;
  make_bundle(inputs, "narrow-small");
  const std::string good = read_file(inputs.bundle);
  const std::size_t trailer = good.size() - kTrailer;
  REQUIRE(good.substr(trailer, 17) == "\nnarrow bundle 1 ");
  const auto check = [&](std::size_t at, const std::string& text, const std::string& part) {
    std::string bytes = good;
    bytes.replace(at, text.size(), text);
    write_file(inputs.bundle, bytes);
    const Ran ran = run_program(inputs.bundle, {inputs.image, "--json"});
    CHECK(ran.exit_code == 1);
    CHECK_MESSAGE(has(ran.err, part), ran.err);
    CHECK_MESSAGE(has(ran.err, inputs.bundle + ": is a program with a model in it"), ran.err);
    CHECK_MESSAGE(has(ran.err, "narrow bundle"), ran.err);
    CHECK(ran.json()["error"]["code"] == "malformed");
  };
  const std::size_t offset = trailer + 17;
  const std::size_t size = offset + 17;
  const std::string most(16, 'f');
  check(offset, most, "do not end where the file does");
  check(size, most, "do not end where the file does");
  check(offset, std::string(16, '0'), "do not end where the file does");
  check(offset, most + " " + "0000000000000001", "do not end where the file does");  // their sum overflows
  check(offset, "no number", "is damaged");
  check(offset, "-000000000000001", "is damaged");
  check(size + 17, std::string(16, '0'), "not the one that was put there");
  check(trailer - 1, std::string(1, static_cast<char>(good[trailer - 1] ^ 1)), "not the one that was put there");
}

TEST_CASE("a trailer around something else is refused as a model") {
  // The hash is right: it is no protection. What is no model is refused as a file of a model is.
  const Inputs inputs;
  make_bundle(inputs, "narrow-small");
  const std::string good = read_file(inputs.bundle);
  const std::string trailer = good.substr(good.size() - kTrailer);
  const std::size_t offset = std::stoull(trailer.substr(17, 16), nullptr, 16);
  char numbers[64];
  std::snprintf(numbers, sizeof(numbers), "%016zx %016x %016llx\n", offset, 0, 0xcbf29ce484222325ULL);
  write_file(inputs.bundle, good.substr(0, offset) + trailer.substr(0, 17) + numbers);
  const Ran ran = run_program(inputs.bundle, {inputs.image});
  CHECK(ran.exit_code == 1);
  CHECK_MESSAGE(has(ran.err, "classify-tiny: "), ran.err);
}

TEST_CASE("only narrow commands and .nrw models become bundles") {
  const Inputs inputs;
  check_fails({"bundle", inputs.model, "-o", inputs.bundle, "--command", "/bin/true"}, 1,
              {"/bin/true", "is not a narrow command"});
  check_fails({"bundle", inputs.model, "-o", inputs.bundle, "--command", inputs.image}, 1, {"is not a narrow command"});
  check_fails({"bundle", inputs.model, "-o", inputs.bundle, "--command", "/no/such"}, 1, {"/no/such"});
  check_fails({"bundle", default_checkpoint(), "-o", inputs.bundle}, 1, {"is no .nrw", "narrow quantize"});
  CHECK_FALSE(std::filesystem::exists(inputs.bundle));
  make_bundle(inputs, "narrow-small");
  check_fails({"bundle", inputs.model, "-o", inputs.bundle + "2", "--command", inputs.bundle}, 1,
              {"has a model in it already"});
  const Ran small = narrow_command(
      {"bundle", inputs.model, "-o", inputs.bundle, "--command", (build_folder() / "narrow-small").string(), "--json"});
  REQUIRE_MESSAGE(small.exit_code == 0, small.err);
  CHECK(small.json()["output_bytes"] == std::filesystem::file_size(inputs.bundle));
  CHECK(run_program(inputs.bundle, {inputs.image}).exit_code == 0);
}

TEST_CASE("source text holds the bytes of the model and a function that is named as the file") {
  const Inputs inputs;
  const std::string source = (inputs.folder.path() / "tiny.cpp").string();
  const nlohmann::json written = run_narrow({"embed-source", inputs.model, "-o", source, "--json"}).json();
  CHECK(written["function"] == "tiny_net_model");
  const std::string text = read_file(source);
  CHECK(literal_bytes(text) == read_file(inputs.model));
  CHECK(has(text, "narrow::Result<narrow::Model> tiny_net_model();"));
  // The larger one has every byte value, and what ends an escape beside digits.
  run_narrow({"embed-source", default_model(), "-o", source, "--function", "birds"});
  CHECK(literal_bytes(read_file(source)) == read_file(default_model()));
  CHECK(has(read_file(source), "narrow::Result<narrow::Model> birds() {"));
  for (const char* name : {"", "1st", "a b", "_a", "a__b", "a::b", "class", "main", "co_await"}) {
    CHECK(narrow_command({"embed-source", inputs.model, "-o", source, "--function", name}).exit_code == 2);
  }
  const std::string other = (inputs.folder.path() / "own.cpp").string();
  write_file(other, "int main() {}\n");
  check_fails({"embed-source", inputs.model, "-o", other}, 1, {"will not be replaced"});
  check_fails({"embed-source", inputs.image, "-o", source}, 1, {inputs.image});
}
