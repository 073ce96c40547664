// Errors as values. The library never prints or aborts, and no exception leaves it.
#pragma once

#include "narrow/detail/needs_cxx20.h"

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

enum class ErrorCode {
  kInvalidArgument,  // an option or buffer of the caller is wrong
  kNotFound,         // a named thing (file, architecture, ISA, layer) does not exist
  kIo,               // the operating system could not read or write
  kMalformed,        // bytes from outside are not what they should be
  kUnsupported,      // well-formed, but not supported by Narrow
  kLimit,            // a size is beyond the limits that protect from hostile input, or memory ran out
  kCancelled,        // the caller cancelled the work, see cancellation.h
  kInternal,         // an error in Narrow itself
};

// The name of the code in `--json`, such as "malformed".
[[nodiscard]] std::string_view to_string(ErrorCode code) noexcept;

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // a sentence that the user can act on
  std::string where;    // file with offset, node name, option; may be empty

  // "where: message".
  [[nodiscard]] std::string text() const { return where.empty() ? message : where + ": " + message; }
};

// The exception that `.value()` throws.
class Failure : public std::runtime_error {
 public:
  explicit Failure(Error error) : std::runtime_error(error.text()), error_(std::move(error)) {}
  [[nodiscard]] const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};

// A T or an Error.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  // Precondition: ok(). It is not checked here; `value()` checks it.
  [[nodiscard]] T& operator*() & noexcept { return *std::get_if<0>(&state_); }
  [[nodiscard]] const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
  [[nodiscard]] T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
  [[nodiscard]] T* operator->() noexcept { return std::get_if<0>(&state_); }
  [[nodiscard]] const T* operator->() const noexcept { return std::get_if<0>(&state_); }

  // Precondition: !ok().
  [[nodiscard]] const Error& error() const& noexcept { return *std::get_if<1>(&state_); }
  [[nodiscard]] Error&& error() && noexcept { return std::move(*std::get_if<1>(&state_)); }

#ifdef __cpp_exceptions
  // Throws Failure if this holds an error. Only where exceptions are enabled.
  [[nodiscard]] T& value() & { return check(), **this; }
  [[nodiscard]] const T& value() const& { return check(), **this; }
  [[nodiscard]] T value() && { return check(), *std::move(*this); }
#endif

 private:
#ifdef __cpp_exceptions
  void check() const {
    if (!ok()) throw Failure(error());
  }
#endif
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  explicit operator bool() const noexcept { return ok_; }
  [[nodiscard]] const Error& error() const& noexcept { return error_; }
  [[nodiscard]] Error&& error() && noexcept { return std::move(error_); }
#ifdef __cpp_exceptions
  void value() const {
    if (!ok_) throw Failure(error_);
  }
#endif

 private:
  Error error_;
  bool ok_ = true;
};

using Status = Result<void>;

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
