// `narrow classify` as a part of a pipe: lines as answers, images and paths on standard input, trees of folders.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <sstream>

#include "tests/apps/command.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using namespace narrow::testing;

namespace {

std::vector<nlohmann::json> json_lines(const std::string& text) {
  std::vector<nlohmann::json> documents;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    documents.push_back(nlohmann::json::parse(line, nullptr, false));
    CHECK_MESSAGE(documents.back().is_object(), line);
  }
  return documents;
}

// The names of the images that were answered.
std::vector<std::string> answered_names(const std::string& text) {
  std::vector<std::string> names;
  for (const nlohmann::json& line : json_lines(text)) names.push_back(line["picture"]);
  return names;
}

// The cells of CSV text, as RFC 4180 says.
std::vector<std::vector<std::string>> csv_rows(const std::string& text) {
  std::vector<std::vector<std::string>> rows(1, {""});
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      rows.back().back() += text[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == ',') {
      rows.back().emplace_back();
    } else if (!quoted && c == '\n') {
      rows.push_back({""});
    } else {
      rows.back().back() += c;
    }
  }
  CHECK(rows.back() == std::vector<std::string>{""});
  rows.pop_back();
  return rows;
}

Ran with_input(const std::vector<std::string>& arguments, const std::string& path) {
  return narrow_command(arguments, {.environment = {}, .stdout_path = "", .stdin_path = path});
}

}  // namespace

TEST_CASE("lines of JSON hold the answers of the document") {
  const TemporaryFolder folder;
  for (int i = 0; i < 11; ++i) write_image(folder.path() / (std::to_string(10 + i) + ".ppm"), 32, 32, i);
  const nlohmann::json document = run_narrow({"classify", "--json", "--top", "3", folder.path()}).json();
  const std::vector<nlohmann::json> lines =
      json_lines(run_narrow({"classify", "--jsonl", "--top", "3", folder.path()}).out);
  REQUIRE(lines.size() == 11);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CHECK(lines[i]["index"] == i);
    CHECK(lines[i]["settings"] == lines[0]["settings"]);
    CHECK(lines[i]["picture"] == document["pictures"][i]["picture"]);
    CHECK(lines[i]["top"] == document["pictures"][i]["top"]);
    CHECK(lines[i]["top"].size() == 3);
  }
}

TEST_CASE("an unreadable image is a line with the error and the others are answered") {
  const TemporaryFolder folder;
  write_image(folder.path() / "a.ppm", 32, 32);
  write_file(folder.path() / "b.png", "\x89PNG\r\n\x1a\nand then something else");
  write_image(folder.path() / "c.ppm", 32, 32);
  const std::vector<std::string> images{folder.path() / "a.ppm", folder.path() / "b.png", folder.path() / "c.ppm",
                                        folder.path() / "missing.ppm"};
  std::vector<std::string> arguments{"classify", "--jsonl"};
  arguments.insert(arguments.end(), images.begin(), images.end());
  const Ran ran = narrow_command(arguments);
  CHECK(ran.exit_code == 3);
  CHECK(answered_names(ran.out) == images);
  const std::vector<nlohmann::json> lines = json_lines(ran.out);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CHECK(lines[i].contains("top") == (i == 0 || i == 2));
    CHECK(lines[i].contains("error") == (i == 1 || i == 3));
  }
  CHECK(lines[3]["error"]["code"] == "not_found");
  CHECK(narrow_command({"classify", "--jsonl", images[3]}).exit_code == 1);

  arguments[1] = "--csv";
  const std::vector<std::vector<std::string>> rows = csv_rows(narrow_command(arguments).out);
  REQUIRE(rows.size() == 5);
  for (const auto& row : rows) CHECK(row.size() == 2 + 5 * 4);
  CHECK(rows[0][1] == "error");
  for (std::size_t i = 0; i < images.size(); ++i) {
    CHECK(rows[i + 1][0] == images[i]);
    CHECK(rows[i + 1][1].empty() == (i == 0 || i == 2));
    CHECK(rows[i + 1][2].empty() == (i == 1 || i == 3));
  }
}

TEST_CASE("names with commas and quotes and line breaks are one cell") {
  const TemporaryFolder folder;
  const std::string path = folder.path() / "a \"big\",\nand\r\n, small .ppm";
  write_image(path, 32, 32);
  write_file(folder.path() / "names", "\"\n\",\n c\n4\n5\n6\n7\n8\n9\n10\n");
  const Ran ran = run_narrow({"classify", "--csv", "--top", "100", "--labels", folder.path() / "names", path});
  const std::vector<std::vector<std::string>> rows = csv_rows(ran.out);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].size() == 2 + 10 * 4);
  REQUIRE(rows[1].size() == 2 + 10 * 4);
  CHECK(rows[1][0] == path);
  double sum = 0;
  bool quote = false;
  for (std::size_t rank = 0; rank < 10; ++rank) {
    quote = quote || (rows[1][2 + rank * 4] == "0" && rows[1][3 + rank * 4] == "\"");
    sum += std::stod(rows[1][4 + rank * 4]);
  }
  CHECK(quote);
  CHECK(sum == doctest::Approx(1.0).epsilon(1e-5));
}

TEST_CASE("scores that stay raw have no probabilities") {
  const TemporaryFolder folder;
  write_image(folder.path() / "a.ppm", 32, 32);
  const auto rows = csv_rows(run_narrow({"classify", "--csv", "--top", "1", "--scores", "raw", folder.path()}).out);
  CHECK(rows[0] == std::vector<std::string>{"picture", "error", "class_1", "label_1", "probability_1", "score_1"});
  CHECK(rows[1][4].empty());
  CHECK(!rows[1][5].empty());
}

TEST_CASE("an image on standard input is answered as its file is") {
  const TemporaryFolder folder;
  const std::string image = folder.path() / "a.ppm";
  write_image(image, 50, 40, 1);
  const nlohmann::json of_file = run_narrow({"classify", "--json", image}).json();
  for (const char* kind : {"auto", "image"}) {
    const nlohmann::json piped = with_input({"classify", "--json", "-", "--stdin", kind}, image).json();
    CHECK(piped["pictures"][0]["picture"] == "-");
    CHECK(piped["pictures"][0]["top"] == of_file["pictures"][0]["top"]);
  }
  for (const auto& entry : std::filesystem::directory_iterator(source_folder() / "models" / "demo")) {
    if (entry.path().extension() != ".png" && entry.path().extension() != ".jpg") continue;
    const nlohmann::json piped = with_input({"classify", "--json", "-"}, entry.path()).json();
    CHECK(piped["pictures"][0]["top"] == run_narrow({"classify", "--json", entry.path()}).json()["pictures"][0]["top"]);
  }
}

TEST_CASE("a list of paths on standard input is answered line by line") {
  const TemporaryFolder folder;
  std::vector<std::string> images;
  for (const char* name : {"P6 not an image.ppm", "BMW.ppm", " space .ppm"}) {
    images.push_back(folder.path() / name);
    write_image(images.back(), 32, 32, name[0]);
  }
  std::string text;
  for (const std::string& image : images) text += image + "\n\n";
  for (const std::string& ending : {std::string(), std::string("/missing.ppm")}) {
    write_file(folder.path() / "list", text + ending);
    const Ran ran = with_input({"classify", "--jsonl", "-"}, folder.path() / "list");
    CHECK(ran.exit_code == (ending.empty() ? 0 : 3));
    std::vector<std::string> expected = images;
    if (!ending.empty()) expected.push_back(ending);
    CHECK(answered_names(ran.out) == expected);
  }
  // Lists that Windows made.
  write_file(folder.path() / "list", images[1] + "\r\n" + images[2] + "\r\n");
  CHECK(answered_names(with_input({"classify", "--jsonl", "-"}, folder.path() / "list").out) ==
        std::vector<std::string>{images[1], images[2]});
  // find -print0.
  const std::string broken = folder.path() / "a\nb.ppm";
  write_image(broken, 32, 32);
  write_file(folder.path() / "list", broken + '\0' + images[0] + '\0');
  CHECK(answered_names(with_input({"classify", "--jsonl", "-", "--stdin", "paths0"}, folder.path() / "list").out) ==
        std::vector<std::string>{broken, images[0]});
  // Among others.
  write_file(folder.path() / "list", images[0]);
  CHECK(answered_names(with_input({"classify", "--jsonl", images[1], "-", images[2]}, folder.path() / "list").out) ==
        std::vector<std::string>{images[1], images[0], images[2]});
}

TEST_CASE("standard input that is empty or unreadable or no list is an unreadable image") {
  const TemporaryFolder folder;
  Ran ran = narrow_command({"classify", "-"});
  CHECK(ran.exit_code == 1);
  CHECK_MESSAGE(has(ran.err, "standard input: is empty"), ran.err);
  ran = with_input({"classify", "--jsonl", "-"}, folder.path());
  CHECK(ran.exit_code == 1);
  CHECK_MESSAGE(has(ran.err, "standard input: can't read it"), ran.err);
  CHECK(json_lines(ran.out).size() == 1);
  write_file(folder.path() / "long", std::string(200000, 'a'));
  ran = with_input({"classify", "--jsonl", "-"}, folder.path() / "long");
  CHECK(ran.exit_code == 1);
  // A format that is not read is named.
  write_file(folder.path() / "heic", std::string("\0\0\0\x18"
                                                 "ftypavif\0\0\0\0avifmif1",
                                                 24));
  ran = with_input({"classify", "-"}, folder.path() / "heic");
  CHECK(ran.exit_code == 1);
  CHECK_MESSAGE(has(ran.err, "AVIF"), ran.err);
}

TEST_CASE("a path with a zero byte on standard input is an error that names the option for such lists") {
  const TemporaryFolder folder;
  const std::string image = folder.path() / "a.ppm";
  write_image(image, 32, 32);
  // Opened as the system would, it is its first part.
  std::string list = image;
  list.append(1, '\0').append(image).append(1, '\0');
  write_file(folder.path() / "list", list);
  Ran ran = with_input({"classify", "--jsonl", "-"}, folder.path() / "list");
  CHECK(ran.exit_code == 1);
  CHECK_MESSAGE(has(ran.err, "--stdin paths0"), ran.err);
  CHECK(json_lines(ran.out).size() == 1);
  ran = with_input({"classify", "--jsonl", "--stdin", "paths0", "-"}, folder.path() / "list");
  CHECK(ran.exit_code == 0);
  CHECK(json_lines(ran.out).size() == 2);
}

TEST_CASE("a reader that is gone before the first line ends the work") {
  const TemporaryFolder folder;
  write_image(folder.path() / "a.ppm", 32, 32);
  for (const char* form : {"--jsonl", "--csv"}) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    ::close(ends[0]);
    const pid_t child = start_narrow({"classify", form, folder.path()}, ends[1]);
    ::close(ends[1]);
    const int status = wait_for(child);
    REQUIRE_MESSAGE(WIFEXITED(status), form);
    CHECK_MESSAGE(WEXITSTATUS(status) == 0, form);
  }
}

TEST_CASE("a path that arrives is answered before the next one is there") {
  const TemporaryFolder folder;
  const std::string image = folder.path() / "a.ppm";
  write_image(image, 32, 32);
  // The second path is written once the first is answered.
  const std::string script = "cd '" + folder.path().string() + "' && mkfifo paths && : >answers && { '" +
                             (build_folder() / "narrow").string() +
                             "' classify --jsonl - <paths >answers & exec 3>paths; echo a.ppm >&3; i=0; "
                             "while [ $(wc -l <answers) -lt 1 ] && [ $i -lt 500 ]; do sleep 0.02; i=$((i+1)); done; "
                             "wc -l <answers; echo a.ppm >&3; exec 3>&-; wait; wc -l <answers; }";
  FILE* pipe = ::popen(script.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  std::array<char, 4096> buffer{};
  while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) out += buffer.data();
  ::pclose(pipe);
  CHECK(out == "1\n2\n");
}

TEST_CASE("a reader of lines that has seen enough ends the work") {
  const TemporaryFolder folder;
  write_cifar(folder.path() / "pictures.bin", 20000);
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const pid_t child = start_narrow({"classify", "--jsonl", "--isa", "scalar", folder.path() / "pictures.bin"}, ends[1]);
  ::close(ends[1]);
  char first = 0;
  CHECK(::read(ends[0], &first, 1) == 1);
  ::close(ends[0]);
  // All 20,000 would take minutes.
  const int status = wait_for(child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("lines that find no room are an error") {
  const TemporaryFolder folder;
  write_image(folder.path() / "a.ppm", 32, 32);
  for (const char* form : {"--jsonl", "--csv"}) {
    const Ran ran = narrow_command({"classify", form, folder.path()}, {{}, "/dev/full"});
    CHECK(ran.exit_code == 1);
    CHECK_MESSAGE(has(ran.err, "No space left on device"), ran.err);
  }
}

TEST_CASE("a tree of folders is taken as one where that is asked for") {
  const TemporaryFolder folder;
  for (const char* name : {"2021/may", "2022", ".hidden"}) {
    std::filesystem::create_directories(folder.path() / "photos" / name);
  }
  const std::filesystem::path photos = folder.path() / "photos";
  for (const char* name : {"z.ppm", "2021/may/b.ppm", "2021/a.ppm", "2022/c.ppm", ".hidden/d.ppm"}) {
    write_image(photos / name, 32, 32);
  }
  const Ran refused = narrow_command({"classify", "--jsonl", photos});
  CHECK(refused.exit_code == 1);
  CHECK_MESSAGE(has(refused.err, "--recursive"), refused.err);
  const Ran ran = run_narrow({"classify", "--jsonl", "--recursive", photos});
  CHECK(answered_names(ran.out) == std::vector<std::string>{photos / "2021/a.ppm", photos / "2021/may/b.ppm",
                                                            photos / "2022/c.ppm", photos / "z.ppm"});
}

TEST_CASE("options of lines that do not go together are wrong usage") {
  for (const std::vector<std::string>& options : std::vector<std::vector<std::string>>{
           {"--jsonl", "--csv"},
           {"--json", "--jsonl"},
           {"--csv", "--json"},
           {"--output", "a.jsonl"},
           {"--jsonl", "--resume"},
           {"--csv", "--output", "a.csv", "--resume"},
           {"--stdin", "paths"},
           {"-", "-"},
           {"--stdin", "lines", "-"},
       }) {
    std::vector<std::string> arguments{"classify", "a.ppm"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    CAPTURE(options.front());
    CHECK(narrow_command(arguments).exit_code == 2);
  }
}
