// The boundary of the library: no exception leaves it.
#pragma once

#include <exception>
#include <new>
#include <string>

#include "narrow/result.h"

namespace narrow::base {

// The errors of what was thrown. Making the first allocates nothing: std::string keeps so short a text in itself.
[[nodiscard]] inline Error out_of_memory() noexcept { return Error{ErrorCode::kLimit, "out of memory", {}}; }
[[nodiscard]] inline Error error_of(const std::exception& thrown) noexcept {
  try {
    return Error{ErrorCode::kInternal, thrown.what(), {}};
  } catch (...) {
    return out_of_memory();
  }
}

// The result of `work`, a function of a Result; what it throws becomes an Error. Every public function that can throw
// has its body in here.
template <class Work>
[[nodiscard]] auto guarded(Work&& work) noexcept -> decltype(work()) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::exception& thrown) {
    return error_of(thrown);
  } catch (...) {
    return Error{ErrorCode::kInternal, "unknown", {}};
  }
}

}  // namespace narrow::base
