// Passes errors on to the caller. These macros are private: the public headers define none of them.
#pragma once

#include <utility>

#include "narrow/result.h"

#define NARROW_CONCAT_INNER(a, b) a##b
#define NARROW_CONCAT(a, b) NARROW_CONCAT_INNER(a, b)

// Returns the error of `expression` (a Status or Result) from the function, if it has one.
#define NARROW_TRY(expression)                                    \
  do {                                                            \
    if (auto narrow_status = (expression); !narrow_status.ok()) { \
      return std::move(narrow_status).error();                    \
    }                                                             \
  } while (false)

// `NARROW_ASSIGN(auto x, f())` declares x with the value of f(), or returns the error of f() from the function.
#define NARROW_ASSIGN(declaration, expression) \
  NARROW_ASSIGN_INNER(NARROW_CONCAT(narrow_result_, __LINE__), declaration, expression)
#define NARROW_ASSIGN_INNER(temporary, declaration, expression) \
  auto temporary = (expression);                                \
  if (!temporary.ok()) return std::move(temporary).error();     \
  declaration = *std::move(temporary)
