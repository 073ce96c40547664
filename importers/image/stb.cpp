#include "importers/image/stb.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace {

// The largest block of memory that the image that this thread decodes may need.
thread_local std::size_t stb_block_limit = 0;

void* stb_allocate(std::size_t bytes) { return bytes > stb_block_limit ? nullptr : std::calloc(1, bytes); }

void* stb_reallocate(void* block, std::size_t old_bytes, std::size_t bytes) {
  if (bytes > stb_block_limit) return nullptr;
  void* grown = std::realloc(block, bytes);
  if (grown != nullptr && bytes > old_bytes) std::memset(static_cast<char*>(grown) + old_bytes, 0, bytes - old_bytes);
  return grown;
}

}  // namespace

#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_MAX_DIMENSIONS (1 << 26)
// stb_image asserts things about its input. An image must not end the host's process.
#define STBI_ASSERT(condition) static_cast<void>(0)
#define STBI_MALLOC(bytes) stb_allocate(bytes)
#define STBI_REALLOC_SIZED(block, old_bytes, bytes) stb_reallocate(block, old_bytes, bytes)
#define STBI_FREE(block) std::free(block)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#include <stb_image.h>
#pragma GCC diagnostic pop

namespace narrow::image {

Result<Picture> decode_with_stb(const char* format, Bytes checked, std::uint64_t width, std::uint64_t height) {
  if (checked.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return Error{ErrorCode::kLimit, std::string(format) + " of more than 2 GiB", {}};
  }
  // Four channels of 16 bits, twice as much while a buffer grows by doubling, rounded up to the largest JPEG block. At
  // least the size of its tables and the compressed bytes.
  stb_block_limit = (std::size_t{1} << 20) + 2 * checked.size() +
                    16 * static_cast<std::size_t>(width + 64) * static_cast<std::size_t>(height + 64);
  stbi__g_failure_reason = nullptr;
  int decoded_width = 0;
  int decoded_height = 0;
  int channels = 0;
  stbi_uc* pixels = stbi_load_from_memory(checked.data(), static_cast<int>(checked.size()), &decoded_width,
                                          &decoded_height, &channels, 3);
  if (pixels == nullptr) {
    const char* reason = stbi_failure_reason();
    if (reason == nullptr) reason = "invalid data";
    if (std::strcmp(reason, "outofmem") == 0) {
      return Error{
          ErrorCode::kLimit, std::string(format) + " needs more memory than its size in pixels allows for", {}};
    }
    return broken(format, reason);
  }
  const auto free_pixels = [pixels] { stbi_image_free(pixels); };
  if (decoded_width < 1 || decoded_height < 1 || static_cast<std::uint64_t>(decoded_width) != width ||
      static_cast<std::uint64_t>(decoded_height) != height) {
    free_pixels();
    return Error{ErrorCode::kInternal, std::string(format) + " decoded to another size than its header says", {}};
  }
  try {
    const std::size_t bytes = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3;
    Picture image{decoded_width, decoded_height, {pixels, pixels + bytes}};
    free_pixels();
    return image;
  } catch (...) {
    free_pixels();
    throw;
  }
}

}  // namespace narrow::image
