// The contact sheet that `narrow classify` writes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "apps/report/contact_sheet.h"
#include "apps/run/second_network.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow::cli {

class SheetOutput {
 public:
  // Before any work. Error: kInvalidArgument, the file is there and no contact sheet.
  [[nodiscard]] static Result<SheetOutput> create(std::string file, SheetOrder order);
  // Each image is shown to a second network too, `batch` at a time.
  void compare_with(SecondNetwork second, std::size_t batch);

  // scores: of the first network. Errors: those of ContactSheet::add() and SecondNetwork::answers().
  [[nodiscard]] Status add(const Picture& picture, const ClassifiedImage& answers, const ImageScores& scores);
  // After all images: writes the file. networks: see ContactSheet::drawn(). Errors: as add(); kIo.
  [[nodiscard]] Status write(const std::string& networks);
  // "wrote a contact sheet of 8 of 8 images, 2 of them with another best class: sheet.png".
  [[nodiscard]] std::string text() const;

 private:
  SheetOutput(std::string file, SheetOrder order) : file_(std::move(file)), sheet_(order) {}
  Status show_waiting();

  std::string file_;
  ContactSheet sheet_;
  std::optional<SecondNetwork> second_;
  // Images that the second network has not seen.
  struct Waiting {
    std::vector<Picture> pictures;
    std::vector<ClassifiedImage> answers;
    std::vector<std::vector<float>> scores;
    std::vector<ScoreKind> kinds;
  };
  Waiting waiting_;
  std::size_t batch_ = 1;
};

}  // namespace narrow::cli
