// Names that are given out once.
#pragma once

#include <string>
#include <unordered_set>

namespace narrow::base {

class UniqueNames {
 public:
  // Marks a name as taken. False: it was taken before.
  bool take(const std::string& name) { return taken_.insert(name).second; }

  // Takes and returns the first of name, name_2, name_3, ... that is free.
  [[nodiscard]] std::string with_number(const std::string& name) {
    std::string candidate = name;
    for (int number = 2; !take(candidate); ++number) candidate = name + "_" + std::to_string(number);
    return candidate;
  }
  // Takes and returns the first of name, name_, name__, ... that is free.
  [[nodiscard]] std::string with_underscores(std::string name) {
    while (!take(name)) name += "_";
    return name;
  }

 private:
  std::unordered_set<std::string> taken_;
};

}  // namespace narrow::base
