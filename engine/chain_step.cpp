#include <algorithm>

#include "engine/make_step.h"
#include "engine/memory_plan.h"

namespace narrow::engine {
namespace {

// A few rows at a time stay in a small L2 cache, beside what the convolution needs.
constexpr std::int64_t kChunkBytes = 128 * 1024;

// The first step writes some rows to the slot's workspace, the others change them there, the last one writes them to
// where the result lives. Bit for bit what the steps compute one after the other.
class ChainStep final : public Step {
 public:
  ChainStep(std::vector<std::unique_ptr<Step>> steps, std::int64_t row_bytes, std::size_t head_bytes)
      : Step(steps.front()->rows(), cost_of(steps), steps.front()->info()),
        steps_(std::move(steps)),
        row_bytes_(row_bytes),
        head_bytes_(head_bytes),
        chunk_rows_(chunk_rows(rows(), row_bytes, steps_.front()->row_step())) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int slot) const override {
    RunContext chained = context;
    std::byte* const buffer = context.workspace(slot) + head_bytes_;
    while (begin < end) {
      const std::int64_t next = std::min(end, chunk_end(begin));
      chained.rows = buffer - begin * row_bytes_;
      for (const auto& step : steps_) {
        const std::int64_t parts = step->rows() / rows();  // of a row of pixels
        step->run(chained, begin * parts, next * parts, slot);
      }
      begin = next;
    }
  }

  [[nodiscard]] std::size_t workspace_bytes() const override {
    return head_bytes_ + static_cast<std::size_t>(chunk_rows_ * row_bytes_);
  }
  [[nodiscard]] std::int64_t row_step() const override { return steps_.front()->row_step(); }

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

  // Whole pictures where several fit, else as many rows of one.
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
  std::int64_t row_bytes_;
  std::size_t head_bytes_;
  std::int64_t chunk_rows_;
};

}  // namespace

StepResult make_chain_step(std::vector<std::unique_ptr<Step>> steps, const TensorShape& shape) {
  NARROW_ASSIGN(const std::size_t head_bytes, align_arena(steps.front()->workspace_bytes()));
  return StepResult(std::make_unique<ChainStep>(std::move(steps), shape.width * shape.channels, head_bytes));
}

}  // namespace narrow::engine
