#include "apps/commands/annotate.h"

#include <cctype>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "apps/files/output_file.h"
#include "apps/files/output_names.h"
#include "apps/report/annotation.h"
#include "base/try.h"
#include "narrow/image.h"

namespace narrow::cli {
namespace {

// Where encode_png() writes the name of the software: after the signature, the header, and a chunk's length.
constexpr std::size_t kSoftwareOffset = 8 + 25 + 4;

Status check_own(const std::string& file) { return check_own_png(file, kAnnotationSoftware); }

// "answer.JPG": ".jpg".
std::string extension_of(const std::string& path) {
  std::string extension = std::filesystem::path(path).extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension;
}

}  // namespace

Status check_own_png(const std::string& file, std::string_view software) {
  return check_replaces_own(file, "tEXtSoftware" + std::string(1, '\0') + std::string(software),
                            "an image of " + std::string(software), kSoftwareOffset);
}

Status write_png(const std::string& file, const Picture& picture, std::string_view software) {
  NARROW_TRY(check_own_png(file, software));
  NARROW_ASSIGN(const std::vector<std::byte> png, encode_png(picture, software));
  NARROW_ASSIGN(OutputFile output, OutputFile::create(file));
  NARROW_TRY(output.write(png));
  return output.commit();
}

AnnotationFiles::AnnotationFiles(std::string path) : path_(std::move(path)), is_file_(extension_of(path_) == ".png") {}

Status AnnotationFiles::prepare() const {
  if (is_file_) return check_own(path_);
  std::error_code error;
  NARROW_TRY(check_output_name(path_, OutputKind::kImage));
  std::filesystem::create_directory(path_, error);
  if (std::filesystem::is_directory(path_)) return {};
  return Error{ErrorCode::kInvalidArgument,
               "is no folder and can't be made one" + (error ? ": " + error.message() : std::string()) +
                   "; a file for one image ends in .png",
               path_};
}

Status AnnotationFiles::check_room_for(std::size_t images) const {
  if (!is_file_ || images <= 1) return {};
  return Error{ErrorCode::kInvalidArgument, "is a file for one image, and there are more; name a folder", path_};
}

Status AnnotationFiles::write(const Picture& picture, const ClassifiedImage& answers) {
  NARROW_TRY(check_room_for(written_ + 1));
  const std::string file = is_file_ ? path_ : (std::filesystem::path(path_) / annotation_name(answers)).string();
  NARROW_TRY(check_own(file));
  NARROW_ASSIGN(const Picture drawn, annotated(picture, answers));
  NARROW_TRY(write_png(file, drawn, kAnnotationSoftware));
  ++written_;
  return {};
}

}  // namespace narrow::cli
