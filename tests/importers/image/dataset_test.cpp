// PictureSet: every kind of path to images, and the errors of each.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/importers/image/image_bytes.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

namespace {

namespace fs = std::filesystem;
using narrow::ErrorCode;
using narrow::PictureSet;
using narrow::testing::has;
using narrow::testing::one_pixel;
using narrow::testing::TemporaryFolder;
using narrow::testing::write_file;

constexpr std::size_t kCifarRecord = 3073;

// What went wrong when opening: "where: message", or nothing.
std::string problem(const std::vector<fs::path>& paths, const std::vector<std::string>& class_names = {}) {
  const auto set = PictureSet::open(paths, class_names);
  return set.ok() ? std::string() : set.error().text();
}

// "name without folder=label" of every image; ? where there is no label.
std::vector<std::string> content(const PictureSet& set) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const auto image = set.get(i).value();
    CHECK(set.name(i) == image.name);
    const std::string label = image.label ? std::to_string(*image.label) : "?";
    all.push_back(image.name.substr(image.name.rfind('/') + 1) + "=" + label);
  }
  return all;
}

using Names = std::vector<std::string>;

std::string cifar(const std::vector<int>& labels) {
  std::string bytes;
  for (const int label : labels) {
    bytes.push_back(static_cast<char>(label));
    for (std::size_t i = 0; i < kCifarRecord - 1; ++i)
      bytes.push_back(static_cast<char>((i + static_cast<std::size_t>(label)) * 7));
  }
  return bytes;
}

}  // namespace

TEST_CASE("a folder with a subfolder per class is labelled by the sorted names") {
  const TemporaryFolder folder;
  const fs::path& root = folder.path();
  write_file(root / "dog" / "2.ppm", one_pixel('2'));
  write_file(root / "dog" / "10.PPM", one_pixel('1'));
  write_file(root / "cat" / "deep" / "b.ppm", one_pixel('b'));
  write_file(root / "cat" / "a.ppm", one_pixel('a'));
  write_file(root / "cat" / "README.txt", std::string("no picture"));
  write_file(root / "cat" / ".hidden.ppm", std::string("no picture"));
  write_file(root / ".git" / "x.ppm", one_pixel('x'));
  write_file(root / "labels.tsv", std::string("whatever"));

  const PictureSet set = PictureSet::open({root}).value();
  CHECK(set.labelled());
  CHECK(content(set) == Names{"a.ppm=0", "b.ppm=0", "10.PPM=1", "2.ppm=1"});
  CHECK(int{set.get(0).value().picture.rgb[0]} == 'a');
  // The caller's order of classes.
  CHECK(content(PictureSet::open({root}, {"bird", "dog", "cat"}).value()) ==
        Names{"a.ppm=2", "b.ppm=2", "10.PPM=1", "2.ppm=1"});
  const std::string unknown = problem({root}, {"cat", "bird"});
  CHECK(has(unknown, "'dog'"));
  CHECK(has(unknown, "'bird'"));
  CHECK(has(unknown, root.string()));
}

TEST_CASE("two folders share the classes of both") {
  const TemporaryFolder folder;
  write_file(folder.path() / "one" / "cat" / "a.ppm", one_pixel('a'));
  write_file(folder.path() / "one" / "dog" / "b.ppm", one_pixel('b'));
  write_file(folder.path() / "two" / "dog" / "c.ppm", one_pixel('c'));
  write_file(folder.path() / "two" / "bird" / "d.ppm", one_pixel('d'));
  CHECK(content(PictureSet::open({folder.path() / "one", folder.path() / "two"}).value()) ==
        Names{"a.ppm=1", "b.ppm=2", "d.ppm=0", "c.ppm=2"});
}

TEST_CASE("a folder of images has no labels") {
  const TemporaryFolder folder;
  write_file(folder.path() / "b.ppm", one_pixel('b'));
  write_file(folder.path() / "a.ppm", one_pixel('a'));
  write_file(folder.path() / "notes.md", std::string("no picture"));
  fs::create_directories(folder.path() / "empty");
  const PictureSet set = PictureSet::open({folder.path()}).value();
  CHECK(!set.labelled());
  CHECK(content(set) == Names{"a.ppm=?", "b.ppm=?"});
}

TEST_CASE("a tree of folders has the images at any depth and no labels") {
  const TemporaryFolder folder;
  const fs::path& root = folder.path();
  write_file(root / "z.ppm", one_pixel('z'));
  write_file(root / "b" / "deep" / "2.ppm", one_pixel('2'));
  write_file(root / "b" / "1.ppm", one_pixel('1'));
  write_file(root / "b" / "notes.md", std::string("no picture"));
  write_file(root / ".git" / "x.ppm", one_pixel('x'));
  fs::create_directories(root / "empty");
  fs::create_directory_symlink(root, root / "b" / "cycle");
  CHECK(has(problem({root}), "both in the folder"));
  const PictureSet set = PictureSet::open({root}, {"cat", "dog"}, narrow::FolderKind::kTree).value();
  CHECK(!set.labelled());
  CHECK(content(set) == Names{"1.ppm=?", "2.ppm=?", "z.ppm=?"});
  CHECK(set.left_out().size() == 2);  // the notes and the link
  const auto none = PictureSet::open({root / "empty"}, {}, narrow::FolderKind::kTree);
  REQUIRE(!none.ok());
  CHECK(none.error().code == ErrorCode::kNotFound);
}

TEST_CASE("folders that hold nothing or too much are errors") {
  const TemporaryFolder folder;
  const fs::path& root = folder.path();
  CHECK(has(problem({root / "missing"}), "missing"));
  fs::create_directories(root / "empty" / "sub");
  CHECK(has(problem({root / "empty"}), "no image in this folder"));
  write_file(root / "listed" / "labels.tsv", std::string("x"));
  CHECK(has(problem({root / "listed"}), "labels.tsv"));
  write_file(root / "both" / "a.ppm", one_pixel('a'));
  write_file(root / "both" / "cat" / "b.ppm", one_pixel('b'));
  CHECK(has(problem({root / "both"}), "both"));
  // An empty class shifts the indices of the others, unless names are given.
  write_file(root / "gap" / "cat" / "b.ppm", one_pixel('b'));
  fs::create_directories(root / "gap" / "bird");
  CHECK(has(problem({root / "gap"}), "'bird'"));
  CHECK(problem({root / "gap"}, {"bird", "cat"}).empty());
  CHECK(has(problem({}), "no images given"));
}

TEST_CASE("a list of paths and labels") {
  const TemporaryFolder folder;
  const fs::path& root = folder.path();
  write_file(root / "pictures" / "a b.ppm", one_pixel('a'));
  write_file(root / "c.ppm", one_pixel('c'));
  const std::string absolute = (root / "c.ppm").string();
  write_file(root / "list.tsv",
             "\xEF\xBB\xBFpictures/a b.ppm\t3\r\n\r\n# a comment\n   \nc.ppm\t 0 \n" + absolute + "\t7");
  const PictureSet set = PictureSet::open({root / "list.tsv"}).value();
  CHECK(set.labelled());
  CHECK(content(set) == Names{"a b.ppm=3", "c.ppm=0", "c.ppm=7"});
  CHECK(int{set.get(0).value().picture.rgb[0]} == 'a');

  write_file(root / "names.txt", std::string("c.ppm\tdog\nc.ppm\t0\nc.ppm\n"));
  const PictureSet named = PictureSet::open({root / "names.txt"}, {"cat", "dog"}).value();
  CHECK(!named.labelled());
  CHECK(content(named) == Names{"c.ppm=1", "c.ppm=0", "c.ppm=?"});
  // Without a known file extension the content decides.
  write_file(root / "list", std::string("c.ppm\t1\n"));
  CHECK(content(PictureSet::open({root / "list"}).value()) == Names{"c.ppm=1"});
}

TEST_CASE("a wrong line of a list is an error with its number") {
  const TemporaryFolder folder;
  const fs::path list = folder.path() / "list.tsv";
  write_file(folder.path() / "c.ppm", one_pixel('c'));
  const auto with = [&](const std::string& line, const std::vector<std::string>& class_names) {
    write_file(list, "c.ppm\t0\n\n" + line + "\n");
    return problem({list}, class_names);
  };
  const std::vector<std::string> two{"cat", "dog"};
  CHECK(has(with("missing.ppm\t0", two), "list.tsv:3: no such image"));
  CHECK(has(with("c.ppm 1", two), "tab"));
  CHECK(has(with("c.ppm\t2", two), "list.tsv:3: the label 2 is out of range, it must be 0..1"));
  CHECK(has(with("c.ppm\t-1", two), "out of range"));
  CHECK(has(with("c.ppm\t-1", {}), "out of range"));
  CHECK(has(with("c.ppm\t99999999999999999999", two), "out of range"));
  CHECK(has(with("c.ppm\tbird", two), "unknown class 'bird'; known are 'cat', 'dog'"));
  CHECK(has(with("c.ppm\tbird", {}), "no class names"));
  CHECK(has(with("c.ppm\t1x", two), "unknown class '1x'"));
  CHECK(has(with("\t1", two), "no path"));
  write_file(list, std::string("\n# nothing\n"));
  CHECK(has(problem({list}), "names no image"));
  write_file(list, std::string());
  CHECK(has(problem({list}), "names no image"));
  write_file(list, std::string("c.ppm\0\t0\n", 9));
  CHECK(has(problem({list}), "zero bytes"));
}

TEST_CASE("a CIFAR-10 file") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "test.bin";
  write_file(file, cifar({9, 0, 3}));
  const PictureSet set = PictureSet::open({file}).value();
  CHECK(set.labelled());
  CHECK(content(set) == Names{"test.bin#0=9", "test.bin#1=0", "test.bin#2=3"});
  const auto image = set.get(1).value().picture;
  CHECK(image.width == 32);
  CHECK(image.height == 32);
  // Planes become pixels: byte i of the record is channel i / 1024 of pixel i % 1024.
  bool equal = image.rgb.size() == 3072;
  for (std::size_t i = 0; equal && i < 3072; ++i)
    equal = image.rgb[i % 1024 * 3 + i / 1024] == static_cast<std::uint8_t>(i * 7);
  CHECK(equal);

  CHECK(has(problem({file}, {"a", "b", "c"}), "record 0 has the label 9"));
  write_file(file, cifar({1, 10}));
  CHECK(has(problem({file}), "record 1 has the label 10"));
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, kCifarRecord - 1, kCifarRecord + 1}) {
    write_file(file, std::string(bytes, '\0'));
    CHECK(has(problem({file}), "3073"));
  }
  // A file that shrinks under an open set.
  write_file(file, cifar({1, 2}));
  const PictureSet open = PictureSet::open({file}).value();
  fs::resize_file(file, kCifarRecord);
  CHECK(open.get(0).ok());
  CHECK(!open.get(1).ok());
}

TEST_CASE("image files and mixtures of all kinds keep the order they are given in") {
  const TemporaryFolder folder;
  const fs::path& root = folder.path();
  write_file(root / "one.ppm", one_pixel('1'));
  write_file(root / "noending", one_pixel('2'));
  write_file(root / "set" / "cat" / "a.ppm", one_pixel('a'));
  write_file(root / "list.txt", std::string("one.ppm\t5\n"));
  write_file(root / "c.bin", cifar({4}));
  const PictureSet set =
      PictureSet::open({root / "list.txt", root / "noending", root / "set", root / "c.bin", root / "one.ppm"}).value();
  CHECK(content(set) == Names{"one.ppm=5", "noending=?", "a.ppm=0", "c.bin#0=4", "one.ppm=?"});
  CHECK(!set.labelled());
  write_file(root / "noending", std::string("\x01\x02\x03"));
  CHECK(has(problem({root / "noending"}), "neither an image"));
}

TEST_CASE("a broken image in a set is an error of that image alone") {
  const TemporaryFolder folder;
  write_file(folder.path() / "a.ppm", std::string("P6 1 1 255\n"));
  write_file(folder.path() / "b.ppm", one_pixel('b'));
  const PictureSet set = PictureSet::open({folder.path()}).value();
  const auto broken = set.get(0);
  REQUIRE(!broken.ok());
  CHECK(has(broken.error().where, "a.ppm"));
  CHECK(set.get(1).ok());
  const auto beyond = set.get(2);
  REQUIRE(!beyond.ok());
  CHECK(beyond.error().code == ErrorCode::kInvalidArgument);
}

TEST_CASE("images can be fetched by several threads at once") {
  const TemporaryFolder folder;
  std::vector<int> labels;
  labels.reserve(50);
  for (int i = 0; i < 50; ++i) labels.push_back(i % 10);
  write_file(folder.path() / "c.bin", cifar(labels));
  const PictureSet set = PictureSet::open({folder.path() / "c.bin"}).value();
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < set.size(); ++i) {
        const auto image = set.get(i);
        if (image.ok() && image->label == labels[i] &&
            image->picture.rgb[0] == static_cast<std::uint8_t>(labels[i] * 7)) {
          ++right;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == 200);
}

TEST_CASE("the demo images are one for each class and readable") {
  const fs::path demo = narrow::testing::source_folder() / "models" / "demo";
  const PictureSet set = PictureSet::open({demo}).value();
  CHECK(set.size() == 10);
  CHECK(!set.labelled());
  for (std::size_t i = 0; i < set.size(); ++i) {
    const auto image = set.get(i);
    REQUIRE(image.ok());
    CHECK(image->picture.width >= 128);
    CHECK(image->picture.height >= 128);
  }
}

TEST_CASE("files of a folder that are left out are named, with those that are images of another kind") {
  const TemporaryFolder folder;
  const fs::path& root = folder.path();
  write_file(root / "cat" / "a.ppm", one_pixel('a'));
  write_file(root / "cat" / "b.heic", std::string("?"));
  write_file(root / "cat" / "notes.txt", std::string("text"));
  write_file(root / "cat" / "deep" / "c.AVIF", std::string("?"));
  write_file(root / "cat" / "d", std::string("\0\0\0\x1C"
                                             "ftypheic",
                                             12));
  write_file(root / "cat" / ".hidden.heic", std::string("?"));
  write_file(root / "dog" / "a.ppm", one_pixel('a'));
  write_file(root / "list.tsv", std::string("?"));
  fs::create_directory_symlink(root / "dog", root / "cat" / "linked");
  fs::create_symlink("gone.txt", root / "cat" / "gone");
  const PictureSet set = PictureSet::open({root}).value();
  CHECK(content(set) == Names{"a.ppm=0", "a.ppm=1"});
  Names left_out;
  for (const narrow::LeftOutFile& file : set.left_out()) {
    left_out.push_back(file.path.lexically_relative(root).string() + (file.is_image ? " image" : ""));
  }
  CHECK(left_out == Names{"cat/b.heic image", "cat/d image", "cat/deep/c.AVIF image", "cat/gone", "cat/linked",
                          "cat/notes.txt", "list.tsv"});
  CHECK(PictureSet::open({root / "dog"}).value().left_out().empty());
  CHECK(PictureSet::open({root / "dog" / "a.ppm"}).value().left_out().empty());
  CHECK(has(problem({root / "cat" / "deep"}), "'c.AVIF' look like images; convert them to PNG"));
}

TEST_CASE("a link without a target is an image that can't be read where its name says image") {
  const TemporaryFolder folder;
  const fs::path& root = folder.path();
  write_file(root / "cat" / "a.ppm", one_pixel('a'));
  fs::create_symlink("gone.ppm", root / "cat" / "b.ppm");
  const PictureSet set = PictureSet::open({root}).value();
  CHECK(set.left_out().empty());
  REQUIRE(set.size() == 2);
  CHECK(set.get(0).ok());
  const auto gone = set.get(1);
  REQUIRE_FALSE(gone.ok());
  CHECK(has(gone.error().text(), "b.ppm"));
}

TEST_CASE("images are found by every usual extension and by their first bytes") {
  const TemporaryFolder folder;
  const fs::path& root = folder.path();
  const auto& jpeg = narrow::testing::image_golden("jpeg_baseline").file;
  const auto& png = narrow::testing::image_golden("png_rgb").file;
  for (const char* name : {"a.jfif", "b.JPE", "c.jpg_large", "d.pjpeg", "e"}) write_file(root / name, jpeg);
  for (const char* name : {"f.png", "g.PNG", "h"}) write_file(root / name, png);
  // First bytes of a bitmap and of a plain PPM, which texts may have, too.
  write_file(root / "x", std::string("BM is no image"));
  write_file(root / "y", std::string("P1 is no image"));
  const PictureSet set = PictureSet::open({root}).value();
  CHECK(content(set) == Names{"a.jfif=?", "b.JPE=?", "c.jpg_large=?", "d.pjpeg=?", "e=?", "f.png=?", "g.PNG=?", "h=?"});
  CHECK(set.left_out().size() == 2);
}

TEST_CASE("WebP, TIFF and GIF in a folder are images where their libraries are there and left out elsewhere") {
  const TemporaryFolder folder;
  const fs::path& root = folder.path();
  write_file(root / "a.ppm", one_pixel('a'));
  std::size_t readable = 1;
  for (const char* name : {"webp_lossless", "tiff_rgb", "gif"}) {
    const narrow::testing::ImageGolden& golden = narrow::testing::image_golden(name);
    write_file(root / (std::string("b.") + std::string(name).substr(0, std::string(name).find('_'))), golden.file);
    readable += narrow::testing::is_readable(golden) ? 1 : 0;
  }
  const PictureSet set = PictureSet::open({root}).value();
  CHECK(set.size() == readable);
  CHECK(set.left_out().size() == 4 - readable);
  for (const narrow::LeftOutFile& file : set.left_out()) CHECK(file.is_image);
}
