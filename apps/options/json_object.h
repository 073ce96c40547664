// Reads the values of a JSON object one by one. Errors name the file and the key. The library that parses JSON takes
// seconds to compile; so only json_object.cpp includes it.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow::cli {

// A side in pixels, or a height and a width.
struct Sides {
  int first = 0;  // the side, or the height
  std::optional<int> width;
  [[nodiscard]] int width_or_side() const { return width.value_or(first); }
};

// The longest side of an image and of a network's input, in pixels.
inline constexpr int kMaxSidePixels = 8192;

class JsonObject {
 public:
  // Errors: kNotFound, kIo, kLimit (more than 1 MB), kMalformed (not JSON, with the byte; no object).
  [[nodiscard]] static Result<JsonObject> read(const std::string& path);

  [[nodiscard]] Error wrong(std::string message) const { return {ErrorCode::kMalformed, std::move(message), path_}; }

  // Error for a key that is neither known nor ignored, with the nearest known one. A key whose value is null says
  // nothing, and is no error.
  [[nodiscard]] Status check_keys(std::span<const std::string> known, std::span<const std::string> ignored) const;

  // Whether the key is there, and not null.
  [[nodiscard]] bool has(const char* key) const;
  [[nodiscard]] bool has_any(std::initializer_list<const char*> keys) const;
  // The keys whose values are not null.
  [[nodiscard]] std::vector<std::string> keys() const;

  // Whether the value is an object, and that object. The key must be there.
  [[nodiscard]] bool is_object(const char* key) const;
  [[nodiscard]] Result<JsonObject> object(const char* key) const;
  [[nodiscard]] bool is_text(const char* key) const;

  [[nodiscard]] Result<bool> flag(const char* key, bool otherwise) const;
  [[nodiscard]] Result<double> number(const char* key, double otherwise) const;
  // The text, or an empty one.
  [[nodiscard]] Result<std::string> text(const char* key) const;
  // A whole number of 1..kMaxSidePixels. The key must be there.
  [[nodiscard]] Result<int> side(const char* key) const;
  // A list of `count` such numbers. The key must be there.
  [[nodiscard]] Result<std::vector<int>> list_of_sides(const char* key, std::size_t count) const;
  // A side, a list of it, or a list of height and width. The key must be there.
  [[nodiscard]] Result<Sides> sides(const char* key) const;
  // One number per channel, or one for all; the key must be there. Error: it is no such list, or a number is too large
  // for a float.
  [[nodiscard]] Result<std::vector<double>> channels(const char* key, int channels) const;
  // A name of to_string(Interpolation), "box", or one after "InterpolationMode."; in any case.
  [[nodiscard]] Result<Interpolation> interpolation(const char* key, Interpolation otherwise) const;

 private:
  struct Value;
  JsonObject(std::shared_ptr<const Value> value, std::string path);

  std::shared_ptr<const Value> value_;
  std::string path_;
};

// The interpolation of this name, in any case. Also known are "box", and the prefixes of Pillow and torchvision, as
// "PIL.Image.BICUBIC" and "InterpolationMode.BICUBIC".
[[nodiscard]] std::optional<Interpolation> parse_interpolation(std::string text);
[[nodiscard]] std::vector<std::string> interpolation_names();

}  // namespace narrow::cli
