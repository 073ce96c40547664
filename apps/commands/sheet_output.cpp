#include "apps/commands/sheet_output.h"

#include <utility>

#include "apps/commands/annotate.h"
#include "apps/text/words.h"
#include "base/try.h"

namespace narrow::cli {

Result<SheetOutput> SheetOutput::create(std::string file, SheetOrder order) {
  NARROW_TRY(check_own_png(file, kSheetSoftware));
  return SheetOutput(std::move(file), order);
}

void SheetOutput::compare_with(SecondNetwork second, std::size_t batch) {
  second_ = std::move(second);
  batch_ = batch;
}

Status SheetOutput::add(const Picture& picture, const ClassifiedImage& answers, const ImageScores& scores) {
  if (!second_) return sheet_.add(picture, answers);
  waiting_.pictures.push_back(picture);
  waiting_.answers.push_back(answers);
  waiting_.scores.emplace_back(scores.scores.begin(), scores.scores.end());
  waiting_.kinds.push_back(scores.kind);
  return waiting_.pictures.size() == batch_ ? show_waiting() : Status();
}

Status SheetOutput::show_waiting() {
  const Waiting waiting = std::exchange(waiting_, {});
  if (waiting.pictures.empty()) return {};
  std::vector<ImageScores> first;
  for (std::size_t i = 0; i < waiting.pictures.size(); ++i) first.push_back({waiting.scores[i], waiting.kinds[i]});
  NARROW_ASSIGN(const std::vector<SecondAnswer> second, second_->answers(waiting.pictures, first));
  for (std::size_t i = 0; i < waiting.pictures.size(); ++i) {
    NARROW_TRY(sheet_.add(waiting.pictures[i], waiting.answers[i], second[i]));
  }
  return {};
}

Status SheetOutput::write(const std::string& networks) {
  NARROW_TRY(show_waiting());
  return write_png(file_, sheet_.drawn(networks), kSheetSoftware);
}

std::string SheetOutput::text() const {
  return "wrote a contact sheet of " + std::to_string(sheet_.shown()) + " of " + plural(sheet_.seen(), "image") +
         (second_ ? ", " + std::to_string(sheet_.changed()) + " with another best class" : std::string()) + ": " +
         name_text(file_) + "\n";
}

}  // namespace narrow::cli
