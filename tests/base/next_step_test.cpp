#include "base/next_step.h"

#include <doctest/doctest.h>

#include <string>

using namespace narrow;
using base::NextSteps;
using base::with_next_step;

namespace {

std::string said_of(ErrorCode code, const std::string& message) {
  return with_next_step(Error{code, message, "file"}, NextSteps{"copy it again", "make it smaller"}).message;
}

}  // namespace

TEST_CASE("an error that names no next step gets that of its code") {
  CHECK(said_of(ErrorCode::kMalformed, "is cut off") == "is cut off; copy it again");
  CHECK(said_of(ErrorCode::kLimit, "has 10 GB") == "has 10 GB; make it smaller");
  CHECK(said_of(ErrorCode::kLimit, "not enough memory to read it").find("ulimit -v") != std::string::npos);
}

TEST_CASE("an error that names its next step, and one that the file is not to blame for, stay as they are") {
  CHECK(said_of(ErrorCode::kMalformed, "no pickle; write it again") == "no pickle; write it again");
  for (const ErrorCode code : {ErrorCode::kInvalidArgument, ErrorCode::kNotFound, ErrorCode::kIo,
                               ErrorCode::kUnsupported, ErrorCode::kCancelled, ErrorCode::kInternal}) {
    CHECK(said_of(code, "is not there") == "is not there");
  }
  CHECK(with_next_step(Error{ErrorCode::kLimit, "is large", "file"}, NextSteps{}).message == "is large");
}

TEST_CASE("a result keeps its value, and its error the place") {
  CHECK(*with_next_step(Result<int>(7), NextSteps{"a", "b"}) == 7);
  const Result<int> failed =
      with_next_step(Result<int>(Error{ErrorCode::kMalformed, "is cut off", "byte 3"}), {"a", "b"});
  CHECK(failed.error().text() == "byte 3: is cut off; a");
}
