#include "apps/text/class_names.h"

#include <cstddef>
#include <string_view>

extern "C" {
// Begin and end of the text that class_names.S includes.
extern const char narrow_imagenet_names_begin[];
extern const char narrow_imagenet_names_end[];
}

namespace narrow::cli {
namespace {

constexpr std::string_view kCifar10 = "airplane automobile bird cat deer dog frog horse ship truck";
constexpr std::string_view kCifar100 =
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle "
    "caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant "
    "flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man "
    "maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree "
    "plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper "
    "snail "
    "snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout "
    "tulip turtle wardrobe whale willow_tree wolf woman worm";
constexpr std::string_view kMnist = "0 1 2 3 4 5 6 7 8 9";
// Names with spaces are separated by line breaks.
constexpr std::string_view kFashionMnist =
    "T-shirt/top\nTrouser\nPullover\nDress\nCoat\nSandal\nShirt\nSneaker\nBag\nAnkle boot";

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

std::vector<std::string> imagenet_lines() {
  return split(
      {narrow_imagenet_names_begin, static_cast<std::size_t>(narrow_imagenet_names_end - narrow_imagenet_names_begin)},
      '\n');
}

}  // namespace

std::vector<std::string> class_name_sets() { return {"imagenet", "cifar10", "cifar100", "mnist", "fashion-mnist"}; }

std::optional<std::vector<std::string>> class_names(const std::string& set) {
  if (set == "cifar10") return split(kCifar10, ' ');
  if (set == "cifar100") return split(kCifar100, ' ');
  if (set == "mnist") return split(kMnist, ' ');
  if (set == "fashion-mnist") return split(kFashionMnist, '\n');
  if (set != "imagenet") return std::nullopt;
  std::vector<std::string> names = imagenet_lines();
  for (std::string& name : names) name.erase(0, name.find(' ') + 1);
  return names;
}

std::vector<std::string> imagenet_identifiers() {
  std::vector<std::string> identifiers = imagenet_lines();
  for (std::string& identifier : identifiers) identifier.resize(identifier.find(' '));
  return identifiers;
}

}  // namespace narrow::cli
