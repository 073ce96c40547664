// Names that are given out once.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>

namespace narrow::base {

class UniqueNames {
 public:
  // Marks a name as taken. False: it was taken before.
  bool take(const std::string& name) { return taken_.insert(name).second; }

  // Takes and returns the first of name, name_2, name_3, ... that is free.
  [[nodiscard]] std::string with_number(const std::string& name) {
    if (take(name)) return name;
    // Names stay taken, so the search goes on where the last one for this name ended: a file may have one name for all
    // of its nodes.
    int& number = numbers_.try_emplace(name, 2).first->second;
    std::string candidate;
    do {
      candidate = name + "_" + std::to_string(number++);
    } while (!take(candidate));
    return candidate;
  }
  // Takes and returns the first of name, name_, name__, ... that is free.
  [[nodiscard]] std::string with_underscores(std::string name) {
    while (!take(name)) name += "_";
    return name;
  }

 private:
  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, int> numbers_;  // the next one to try for each name that was taken twice
};

}  // namespace narrow::base
