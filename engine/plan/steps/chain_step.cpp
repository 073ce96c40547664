#include <algorithm>

#include "engine/plan/make_step.h"
#include "engine/plan/memory_plan.h"
#include "narrow/inspect.h"

namespace narrow::engine {
namespace {

// Rows of this size stay in a small L2 cache, together with the convolution's data.
constexpr std::int64_t kChunkBytes = 128 * 1024;

// A fused chain. The first step writes some rows to the slot's workspace, the next ones change them there, and the last
// one writes them to the location of the output. The result equals that of the steps one after the other, bit for bit.
class ChainStep final : public Step {
 public:
  ChainStep(std::vector<std::unique_ptr<Step>> steps, const TensorShape& shape, std::size_t head_bytes)
      : Step(steps.front()->rows(), cost_of(steps), steps.front()->info()),
        steps_(std::move(steps)),
        shape_(shape),
        row_bytes_(shape.width * shape.channels),
        head_bytes_(head_bytes),
        chunk_rows_(chunk_rows(rows(), row_bytes_, steps_.front()->row_step())) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int slot) const override {
    run_part(context, {begin, end, 0, work().channels}, slot);
  }

  void run_part(const RunContext& context, const Part& part, int slot) const override {
    RunContext chained = context;
    std::byte* const buffer = context.workspace(slot) + head_bytes_;
    const bool whole = part.channel_end - part.channel_begin == work().channels;
    for (std::int64_t begin = part.row_begin; begin < part.row_end;) {
      const std::int64_t end = std::min(part.row_end, chunk_end(begin));
      const Part chunk{begin, end, part.channel_begin, part.channel_end};
      chained.rows = buffer - begin * row_bytes_;
      steps_.front()->run_part(chained, chunk, slot);
      for (std::size_t i = 1; i < steps_.size(); ++i) {
        if (whole) {
          const std::int64_t parts = steps_[i]->rows() / rows();  // work rows in a row of pixels
          steps_[i]->run(chained, begin * parts, end * parts, slot);
        } else {
          steps_[i]->run_channels(chained,
                                  {begin * shape_.width, end * shape_.width, part.channel_begin, part.channel_end});
        }
      }
      begin = end;
    }
  }

  // The work of the first step, with the cost of all steps.
  [[nodiscard]] Work work() const override {
    Work work = steps_.front()->work();
    work.cost_per_row += cost_per_row() - steps_.front()->cost_per_row();
    return work;
  }

  [[nodiscard]] std::size_t workspace_bytes() const override {
    return head_bytes_ + static_cast<std::size_t>(chunk_rows_ * row_bytes_);
  }
  [[nodiscard]] std::int64_t row_step() const override { return steps_.front()->row_step(); }
  [[nodiscard]] RowWindow row_window() const override { return steps_.front()->row_window(); }

  void describe(std::vector<StepInfo>& all) const override {
    for (const auto& step : steps_) {
      step->describe(all);
      if (step != steps_.front()) all.back().fused_with = info().layer;
    }
  }

 private:
  static std::int64_t cost_of(const std::vector<std::unique_ptr<Step>>& steps) {
    std::int64_t cost = 0;
    for (const auto& step : steps) cost += step->cost_per_row() * (step->rows() / steps.front()->rows());
    return cost;
  }

  // Whole images if several fit, else some rows of one image.
  static std::int64_t chunk_rows(std::int64_t picture_rows, std::int64_t row_bytes, std::int64_t row_step) {
    const std::int64_t rows = std::max<std::int64_t>(1, kChunkBytes / row_bytes);
    if (rows >= picture_rows) return rows / picture_rows * picture_rows;
    return rows > row_step ? rows / row_step * row_step : rows;
  }

  [[nodiscard]] std::int64_t chunk_end(std::int64_t begin) const {
    const std::int64_t y = begin % rows();
    if (chunk_rows_ >= rows()) return begin - y + chunk_rows_;
    return std::min(begin - y + rows(), begin - y % row_step() + chunk_rows_);
  }

  std::vector<std::unique_ptr<Step>> steps_;
  TensorShape shape_;
  std::int64_t row_bytes_;
  std::size_t head_bytes_;
  std::int64_t chunk_rows_;
};

}  // namespace

StepResult make_chain_step(std::vector<std::unique_ptr<Step>> steps, const TensorShape& shape) {
  NARROW_ASSIGN(const std::size_t head_bytes, align_arena(steps.front()->workspace_bytes()));
  return StepResult(std::make_unique<ChainStep>(std::move(steps), shape, head_bytes));
}

}  // namespace narrow::engine
