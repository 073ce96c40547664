#include <algorithm>
#include <array>

#include "base/arithmetic.h"
#include "base/try.h"
#include "engine/plan/make_step.h"
#include "engine/plan/memory_plan.h"
#include "narrow/inspect.h"

namespace narrow::engine {
namespace {

// Most of a small L2 cache. Larger row tiles are better, because kernels prepare their first rows again for each of
// them.
constexpr std::int64_t kTileBytes = 192 * 1024;
// Kernels may load whole vectors, beyond the rows that they use.
constexpr std::size_t kSlackBytes = 64;

struct Rows {
  std::int64_t begin = 0, end = 0;  // of an image

  [[nodiscard]] std::int64_t count() const { return end - begin; }
};

// A tensor between two stages. The workspace holds a row tile of it: the rows that the next rows of the reader depend
// on. Rows that the reader will read again are moved to the front, and then the writer appends the others. So nothing
// is computed twice.
struct Tensor {
  std::int64_t rows;  // of an image
  std::int64_t row_bytes;
  RowWindow window;        // of the reader
  std::size_t offset = 0;  // in the workspace

  [[nodiscard]] Rows read_by(const Rows& output) const {
    const std::int64_t begin = std::clamp<std::int64_t>(output.begin * window.stride - window.pad, 0, rows);
    const std::int64_t end = (output.end - 1) * window.stride - window.pad + window.rows;
    return {begin, std::clamp(end, begin, rows)};
  }
  // The most rows that are read for `count` rows of the reader's output.
  [[nodiscard]] std::int64_t rows_read(std::int64_t count) const {
    return std::min(rows, (count - 1) * window.stride + window.rows);
  }
};

class RowTileStep final : public Step {
 public:
  RowTileStep(std::vector<std::unique_ptr<Step>> steps, std::vector<Tensor> tensors, std::size_t inner_bytes)
      : Step(steps.back()->rows(), cost_of(steps), steps.front()->info()),
        steps_(std::move(steps)),
        tensors_(std::move(tensors)),
        tile_rows_(tile_rows(rows(), tensors_)),
        workspace_bytes_(inner_bytes) {
    std::int64_t count = tile_rows_;
    for (auto tensor = tensors_.rbegin(); tensor != tensors_.rend(); ++tensor) {
      count = tensor->rows_read(count);
      tensor->offset = workspace_bytes_ + kSlackBytes;
      const std::size_t bytes = static_cast<std::size_t>(count * tensor->row_bytes) + 2 * kSlackBytes;
      workspace_bytes_ += base::round_up(bytes, kArenaAlignment);
    }
  }

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int slot) const override {
    while (begin < end) {
      const std::int64_t image = begin / rows();
      const std::int64_t now = std::min(end, (image + 1) * rows());
      run_image(context, image, {begin - image * rows(), now - image * rows()}, slot);
      begin = now;
    }
  }

  // Channels can't be divided. Each part computes the rows around its own rows once more.
  [[nodiscard]] Work work() const override {
    Work work;
    work.rows = rows();
    work.cost_per_row = cost_per_row();
    std::int64_t around = 1;
    for (std::size_t i = tensors_.size(); i-- > 0;) {
      around = tensors_[i].rows_read(around);
      work.channel_setup += (around - 1) * steps_[i]->cost_per_row();
    }
    return work;
  }

  [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_bytes_; }

  void describe(std::vector<StepInfo>& all) const override {
    for (const auto& step : steps_) {
      const std::size_t first = all.size();
      step->describe(all);
      for (std::size_t i = first; i < all.size(); ++i) {
        if (i > first || step != steps_.front()) all[i].fused_with = info().layer;
      }
    }
  }

 private:
  void run_image(const RunContext& context, std::int64_t image, const Rows& all, int slot) const {
    RunContext staged = context;
    std::array<Rows, kMostStageTensors> present{};
    for (Rows now{all.begin, 0}; now.begin < all.end; now.begin = now.end) {
      now.end = std::min(all.end, now.begin - now.begin % tile_rows_ + tile_rows_);
      std::array<Rows, kMostStageTensors> needed{};
      for (std::size_t i = tensors_.size(); i-- > 0;) {
        needed[i] = tensors_[i].read_by(i + 1 < tensors_.size() ? needed[i + 1] : now);
      }
      for (std::size_t i = 0; i < tensors_.size(); ++i) {
        const Tensor& tensor = tensors_[i];
        std::byte* const buffer = context.workspace(slot) + tensor.offset;
        const Rows kept{needed[i].begin, std::max(needed[i].begin, present[i].end)};
        if (kept.count() > 0) {
          const std::byte* const from = buffer + (kept.begin - present[i].begin) * tensor.row_bytes;
          std::copy(from, from + kept.count() * tensor.row_bytes, buffer);
        }
        staged.stage_rows[i] = buffer - (image * tensor.rows + needed[i].begin) * tensor.row_bytes;
        if (kept.end < needed[i].end) {
          steps_[i]->run(staged, image * tensor.rows + kept.end, image * tensor.rows + needed[i].end, slot);
        }
        present[i] = {needed[i].begin, std::max(kept.end, needed[i].end)};
      }
      steps_.back()->run(staged, image * rows() + now.begin, image * rows() + now.end, slot);
    }
  }

  static std::int64_t cost_of(const std::vector<std::unique_ptr<Step>>& steps) {
    std::int64_t cost = 0;
    for (const auto& step : steps) cost += step->cost_per_row() * step->rows();
    return std::max<std::int64_t>(1, cost / steps.back()->rows());
  }

  // An even number if there is more than one, because some kernels compute two rows at a time.
  static std::int64_t tile_rows(std::int64_t rows, const std::vector<Tensor>& tensors) {
    std::int64_t fit = 1;
    for (std::int64_t count = 2; count <= rows; count += 2) {
      std::int64_t bytes = 0;
      std::int64_t read = count;
      for (auto tensor = tensors.rbegin(); tensor != tensors.rend(); ++tensor) {
        read = tensor->rows_read(read);
        bytes += read * tensor->row_bytes;
      }
      if (bytes > kTileBytes) break;
      fit = count;
    }
    return fit;
  }

  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<Tensor> tensors_;  // step i writes tensor i
  std::int64_t tile_rows_;
  std::size_t workspace_bytes_;
};

}  // namespace

StepResult make_row_tile_step(std::vector<std::unique_ptr<Step>> steps, const std::vector<TensorShape>& shapes) {
  std::vector<Tensor> tensors;
  std::size_t inner_bytes = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    inner_bytes = std::max(inner_bytes, steps[i]->workspace_bytes());
    if (i == shapes.size()) break;
    tensors.push_back({shapes[i].height, shapes[i].width * shapes[i].channels, steps[i + 1]->row_window()});
  }
  NARROW_ASSIGN(inner_bytes, align_arena(inner_bytes));
  return StepResult(std::make_unique<RowTileStep>(std::move(steps), std::move(tensors), inner_bytes));
}

}  // namespace narrow::engine
