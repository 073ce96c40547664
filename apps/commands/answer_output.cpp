#include "apps/commands/answer_output.h"

#include <string_view>
#include <utility>

#include "base/try.h"

namespace narrow::cli {

Result<AnswerOutput> AnswerOutput::open(const AnswerOutputOptions& options, Console& console) {
  AnswerOutput output(options, console);
  if (options.path.empty()) {
    // A reader that is gone is told from closed() as soon as there are answers.
    if (options.form == AnswerForm::kCsv) static_cast<void>(output.write(csv_header(options.top)));
    return output;
  }
  if (options.resume) {
    const auto keep = [&](std::string_view line) -> Status {
      NARROW_ASSIGN(AnswerLine answer, read_answer_line(line));
      if (answer.settings != options.settings) {
        return Error{ErrorCode::kInvalidArgument,
                     "was answered by another model, or with other options; choose another name for the output, or "
                     "remove the file",
                     {}};
      }
      ++output.kept_;
      output.kept_failed_ += answer.failed ? 1 : 0;
      ++output.answered_[std::move(answer.image)];
      return {};
    };
    NARROW_ASSIGN(output.file_, LineFile::resume(options.path, kAnswerBegin, keep));
    return output;
  }
  NARROW_ASSIGN(output.file_, LineFile::create(options.path));
  if (options.form == AnswerForm::kCsv) NARROW_TRY(output.write(csv_header(options.top)));
  return output;
}

bool AnswerOutput::has(const std::string& image) {
  const auto at = answered_.find(image);
  if (at == answered_.end()) return false;
  if (--at->second == 0) answered_.erase(at);
  return true;
}

Status AnswerOutput::write(const std::string& line) {
  if (file_) return file_->write(line);
  if (console_->stream(line)) return {};
  closed_ = true;
  return Error{ErrorCode::kIo, "can't be written", "standard output"};
}

Status AnswerOutput::add(const ClassifiedImage& image) {
  if (image.error) console_->report(*image.error);
  switch (options_.form) {
    case AnswerForm::kText:
      if (!image.error) console_->print(image_text(image));
      return {};
    case AnswerForm::kJson:
      return {};
    case AnswerForm::kJsonLines:
      return write(answer_line(image, options_.settings));
    case AnswerForm::kCsv:
      return write(csv_line(image, options_.top));
  }
  return {};
}

Status AnswerOutput::finish() { return file_ ? file_->close() : Status(); }

Result<std::string> path_of_shard(std::string path, const std::optional<Shard>& shard) {
  constexpr std::string_view kPlace = "{shard}";
  for (std::size_t at = path.find(kPlace); at != std::string::npos; at = path.find(kPlace, at)) {
    if (!shard) return Error{ErrorCode::kInvalidArgument, "has {shard} in it, which needs --shard", path};
    const std::string text = shard->text();
    path.replace(at, kPlace.size(), text);
    at += text.size();
  }
  return path;
}

}  // namespace narrow::cli
