// Texts are broken into lines that fit a terminal.
#include "apps/text/wrap.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using narrow::cli::longest_part;
using narrow::cli::with_broken_lines;
using narrow::cli::wrapped;

TEST_CASE("lines are broken at spaces, and words that are longer than a line stay whole") {
  CHECK(wrapped("", 10) == std::vector<std::string>{""});
  CHECK(wrapped("one two three", 13) == std::vector<std::string>{"one two three"});
  CHECK(wrapped("one two three", 12) == std::vector<std::string>{"one two", "three"});
  CHECK(wrapped("0123456789abc de", 5) == std::vector<std::string>{"0123456789abc", "de"});
  CHECK(wrapped("in 0123456789abc", 5) == std::vector<std::string>{"in", "0123456789abc"});
}

TEST_CASE("a long name is broken between its parts, but not the name of a file or a number") {
  CHECK(wrapped("com.microsoft.QLinearConv", 14) == std::vector<std::string>{"com.microsoft.", "QLinearConv"});
  CHECK(longest_part("com.microsoft.QLinearConv: yes") == 10);  // "microsoft."
  CHECK(wrapped("some/network.onnx", 14) == std::vector<std::string>{"some/network.onnx"});
  CHECK(longest_part("some/network.onnx") == 17);
  CHECK(longest_part("12345.678") == 9);
}

TEST_CASE("a broken line goes on below its text") {
  CHECK(with_broken_lines("images         a folder of images\n", 40) == "images         a folder of images\n");
  CHECK(with_broken_lines("images         a folder with many images in it\nspeed          3\n", 40) ==
        "images         a folder with many images\n               in it\nspeed          3\n");
  CHECK(with_broken_lines("note: a text that is longer than the line\n", 30) ==
        "note: a text that is longer\n  than the line\n");
  CHECK(with_broken_lines("    a text that is longer than the line\n", 30) ==
        "    a text that is longer than\n      the line\n");
}

TEST_CASE("nothing is broken without a terminal, and neither are commands, options and lines with styles") {
  const std::string text = "a text that is longer than the line of a narrow terminal\n";
  CHECK(with_broken_lines(text, 0) == text);
  CHECK(with_broken_lines("", 30).empty());
  for (const std::string line :
       {"  narrow quantize net.onnx --calibrate images/ -o net.nrw",
        "    --layer-weights features.0.0=6 --layer-activations features.0.0=6",
        "options of 2: --layer-weights features.0.0=6", "\x1b[1m  layer      operator   local   cumulative\x1b[0m"}) {
    CHECK(with_broken_lines(line, 30) == line);
  }
}
