// Tables fit into the terminal, and have colours there alone.
#include "apps/text/table.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <sstream>

#include "tests/apps/command.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using namespace narrow::testing;
using narrow::cli::columns_of;
using narrow::cli::shortened_in_the_middle;
using narrow::cli::Style;
using narrow::cli::Table;

namespace {

std::vector<std::string> lines_in(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  for (const std::string& line : lines_in(text)) widest = std::max(widest, columns_of(line));
  return widest;
}

Table layer_names() {
  Table table({"~layer", "detail", ">size", "|why"});
  table.may_leave_out({"detail", "size"});
  table.add({"features.denseblock3.denselayer12.conv2", "3x3 s1 p1 g1", "36.9 kB",
             "refuses: it has more than one filter per channel and no group"});
  table.add({"conv1", "7x7 s2 p3 g1", "9.4 kB", "chosen"}, Style::kWarning);
  return table;
}

// What the command prints on a terminal of so many columns. more: "NAME=value".
std::string on_terminal(unsigned short columns, const std::vector<std::string>& arguments,
                        const std::vector<std::string>& more = {}) {
  const int parent = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  REQUIRE(parent >= 0);
  REQUIRE(::grantpt(parent) == 0);
  REQUIRE(::unlockpt(parent) == 0);
  std::array<char, 128> name{};
  REQUIRE(::ptsname_r(parent, name.data(), name.size()) == 0);
  const int child_end = ::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  REQUIRE(child_end >= 0);
  winsize size{};
  size.ws_col = columns;
  size.ws_row = 24;
  REQUIRE(::ioctl(child_end, TIOCSWINSZ, &size) == 0);

  std::vector<std::string> before{"env", "-u", "NO_COLOR", "TERM=xterm"};
  before.insert(before.end(), more.begin(), more.end());
  const pid_t child = start_narrow(arguments, child_end, before);
  ::close(child_end);
  std::string out;
  std::array<char, 4096> buffer{};
  // Reading fails once the other end is closed.
  for (ssize_t count = 0; (count = ::read(parent, buffer.data(), buffer.size())) > 0;) {
    out.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(parent);
  CHECK(wait_for(child) == 0);
  std::erase(out, '\r');
  return out;
}

}  // namespace

TEST_CASE("a name loses its middle and no more than it must") {
  CHECK(shortened_in_the_middle("layer", 5) == "layer");
  CHECK(shortened_in_the_middle("layers", 5) == "la~rs");
  CHECK(shortened_in_the_middle("features.3.conv.0", 10) == "feat~onv.0");
  CHECK(shortened_in_the_middle("layer", 1) == "l");
  CHECK(shortened_in_the_middle("layer", 0).empty());
  // Characters of several bytes stay whole.
  CHECK(shortened_in_the_middle("äöüßéè", 5) == "äö~éè");
  CHECK(columns_of("äöüßéè") == 6);
}

TEST_CASE("a table without a limit has every cell whole") {
  const std::string text = layer_names().text({});
  CHECK(has(text, "features.denseblock3.denselayer12.conv2  3x3 s1 p1 g1  36.9 kB  refuses: it has more than one"));
  CHECK(lines_in(text).size() == 3);
  CHECK(!has(text, "\x1b"));
}

TEST_CASE("a table fits into every width that has room for it") {
  const Table table = layer_names();
  const std::size_t whole = widest_line(table.text({}));
  for (std::size_t width = 40; width <= whole + 1; ++width) {
    const std::string text = table.text({width, false});
    CHECK(widest_line(text) <= width);
    // What can give way gives way before columns go.
    CHECK((has(text, "columns have no room for: detail") == !has(text, "3x3")));
    CHECK(has(text, "conv1"));
    CHECK(has(text, "chosen"));
  }
  CHECK(table.text({whole, false}) == table.text({}));
  CHECK(table.text({whole - 1, false}) != table.text({}));
  CHECK(lines_in(table.text({40, false})).front() == "  layer             why");
  CHECK(has(table.text({40, false}), "40 columns have no room for: detail,\n  size"));
  // No endless work on a terminal without room.
  for (std::size_t width = 1; width < 40; ++width) CHECK(has(table.text({width, false}), "conv1"));
}

TEST_CASE("columns of texts are as narrow as their longest words where a table has no room else") {
  Table table({"|operator", "|how", "|limits"});
  table.add(
      {std::string(38, 'o'), "table of 256 entries or quantization", "one of DynamicQuantizeLinear; no dilations"});
  CHECK(widest_line(table.text({.columns = 80, .colours = false})) <= 80);
  CHECK(widest_line(table.text({.columns = 200, .colours = false})) > 80);
  // Words stay whole.
  CHECK(has(table.text({.columns = 40, .colours = false}), std::string(38, 'o')));
}

TEST_CASE("styles are sequences around whole lines where there are colours") {
  const std::string text = layer_names().text({0, true});
  CHECK(has(text, "\x1b[1m  layer"));
  CHECK(has(text, "\x1b[33m  conv1"));
  CHECK(widest_line(layer_names().text({60, false})) <= 60);
}

TEST_CASE("the tables of layers and of what is known fit into 80 columns and have colours on a terminal") {
  const std::string model = default_model();
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"inspect", model, "--layers"}, std::vector<std::string>{"inspect", model, "--why"},
        std::vector<std::string>{"operators"}, std::vector<std::string>{"architectures"},
        std::vector<std::string>{"compare", default_checkpoint(), model, "--layers"}}) {
    const std::string plain = on_terminal(80, arguments, {"NO_COLOR=1"});
    CHECK(!has(plain, "\x1b"));
    const bool has_layers = arguments.size() > 1;
    if (has_layers) CHECK(has(plain, "layer3.2.conv2"));
    for (const std::string& line : lines_in(plain)) {
      // Lines that are not of a table begin with a file's name.
      if (!has(line, "SQNR of each layer") && !has(line, model)) CHECK_MESSAGE(columns_of(line) <= 80, line);
    }
    CHECK(has(on_terminal(80, arguments), has_layers ? "\x1b[1m  layer" : "\x1b[1m  "));
    CHECK(!has(on_terminal(80, arguments, {"TERM=dumb"}), "\x1b"));
    CHECK(has(on_terminal(80, arguments, {"NO_COLOR="}), "\x1b[1m"));
    CHECK(!has(run_narrow(arguments).out, "\x1b"));
  }
  CHECK(has(on_terminal(80, {"inspect", model, "--layers"}), "80 columns have no room for: w scales"));
  CHECK(!has(on_terminal(250, {"inspect", model, "--layers"}), "no room"));
  CHECK(has(on_terminal(80, {"compare", default_checkpoint(), model, "--layers"}), "\x1b[33m"));
}

TEST_CASE("what commands print fits into 80 and into 60 columns, but for the names of files") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "images.bin";
  write_cifar(images, 24);
  const std::string model = default_model();
  const std::string checkpoint = default_checkpoint();
  for (const unsigned short columns : {80, 60}) {
    const std::string here = folder.path() / std::to_string(columns);
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"inspect", model}, std::vector<std::string>{"inspect", model, "--layers"},
          std::vector<std::string>{"inspect", model, "--why"}, std::vector<std::string>{"operators"},
          std::vector<std::string>{"architectures"},
          std::vector<std::string>{"compare", checkpoint, model, images, "--layers"},
          std::vector<std::string>{"evaluate", checkpoint, model, images},
          std::vector<std::string>{"bench", model, "--layers", "--duration", "0.01"},
          std::vector<std::string>{"trace", model, images, "--against", checkpoint, "-o", here + "_tensors"},
          std::vector<std::string>{"report", model, "--against", checkpoint, "--pictures", images, "--duration",
                                   "0.01"},
          std::vector<std::string>{"quantize", checkpoint, "--calibrate", images, "--weights", "4", "--effort", "fast",
                                   "-o", here + ".nrw"},
          std::vector<std::string>{"sweep", checkpoint, "--bits", "8", "3", "--effort", "fast", "--calibrate", images,
                                   "--evaluate", images, "-o", here + "_study"}}) {
      CAPTURE(arguments.front());
      const std::string text = on_terminal(columns, arguments, {"NO_COLOR=1"});
      CHECK(lines_in(text).size() > 3);
      for (const std::string& line : lines_in(text)) {
        const std::string shown = line.substr(line.rfind("\x1b[K") == std::string::npos ? 0 : line.rfind("\x1b[K") + 3);
        if (!has(shown, "/") && !has(shown, "     --layer-")) CHECK_MESSAGE(columns_of(shown) <= columns, shown);
      }
    }
  }
}

TEST_CASE("names from outside bring no escapes to a terminal with colours") {
  const TemporaryFolder folder;
  write_image(folder.path() / "a\x1b[31mb\x1b[2J.ppm", 8, 8);
  write_file(folder.path() / "names", "\x1b[31mred\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
  const std::string out =
      on_terminal(80, {"classify", folder.path(), "--recursive", "--labels", folder.path() / "names", "--top", "10"});
  CHECK(has(out, "\\x1B[2J"));
  CHECK(!has(out, "\x1b[2J"));
  CHECK(!has(out, "\x1b[31m"));
}

TEST_CASE("inspect shows the table of layers alone where that is asked for") {
  const std::string model = default_model();
  const std::string all = run_narrow({"inspect", model}).out;
  const std::string table = run_narrow({"inspect", model, "--layers"}).out;
  CHECK(has(all, table));
  CHECK(lines_in(table).front().find("  layer") == 0);
  CHECK(!has(table, "preprocessing"));
  CHECK(run_narrow({"inspect", model, "--layers", "--json"}).out == run_narrow({"inspect", model, "--json"}).out);
  CHECK(narrow_command({"inspect", model, "--layers", "--why"}).exit_code == 2);
}
