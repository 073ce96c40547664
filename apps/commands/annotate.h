// The PNG files that `narrow classify` writes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "apps/report/classify_report.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow::cli {

// Error: kInvalidArgument, the file is there and no PNG of this software.
[[nodiscard]] Status check_own_png(const std::string& file, std::string_view software);
// The file is complete or not there. Errors: that of check_own_png(); kIo.
[[nodiscard]] Status write_png(const std::string& file, const Picture& picture, std::string_view software);

// Files of annotated images, each complete or not there. A file is replaced only if it is one of these.
class AnnotationFiles {
 public:
  // path: a file (it ends in .png) for a single image; else a folder, which is made if it is not there.
  explicit AnnotationFiles(std::string path);

  // Before any work. Errors: kInvalidArgument, the file or folder can't be written or holds something else.
  [[nodiscard]] Status prepare() const;
  // Error: kInvalidArgument, so many images are too many for a file.
  [[nodiscard]] Status check_room_for(std::size_t images) const;
  // Errors: those of check_room_for(); kInvalidArgument, what is there is something else; kIo.
  [[nodiscard]] Status write(const Picture& picture, const ClassifiedImage& answers);
  [[nodiscard]] std::size_t written() const { return written_; }

 private:
  std::string path_;
  bool is_file_;
  std::size_t written_ = 0;
};

}  // namespace narrow::cli
