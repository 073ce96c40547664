// The floating-point environment that the numerics assume.
#pragma once

#include <cfenv>

namespace narrow::base {

// Round to nearest even and no flushing of denormals while it lives, whatever the calling program has set; a library
// built with -ffast-math sets the latter for the whole process. One per thread that computes.
// Whatever rounds numbers that end up in a model has one: importing, quantizing, running.
class DefaultFloatEnvironment {
 public:
  DefaultFloatEnvironment() {
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~DefaultFloatEnvironment() { std::fesetenv(&saved_); }
  DefaultFloatEnvironment(const DefaultFloatEnvironment&) = delete;
  DefaultFloatEnvironment& operator=(const DefaultFloatEnvironment&) = delete;

 private:
  std::fenv_t saved_{};
};

}  // namespace narrow::base
