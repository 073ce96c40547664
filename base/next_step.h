// What a user can do about a file that a reader refuses.
#pragma once

#include <string_view>
#include <utility>

#include "narrow/result.h"

namespace narrow::base {

// Readers say what is wrong, "the header has 3 bytes". Where they know what to do about it, they say that too, behind a
// semicolon: "not a pickle; write it again with torch.save". These are for all other errors of a reader.
struct NextSteps {
  std::string_view malformed;  // a file that is not what it should be
  std::string_view limit;      // one that is beyond the limits
};

// The error with what to do about it behind a semicolon, unless it has that already. Errors of other codes than
// kMalformed and kLimit stay as they are.
[[nodiscard]] Error with_next_step(Error error, const NextSteps& steps);

template <class T>
[[nodiscard]] Result<T> with_next_step(Result<T> result, const NextSteps& steps) {
  if (result.ok()) return result;
  return with_next_step(std::move(result).error(), steps);
}

}  // namespace narrow::base
