#include <algorithm>

#include "base/try.h"
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
  ChainStep(std::unique_ptr<Step> first, std::vector<std::unique_ptr<ElementwiseStep>> followers,
            const TensorShape& shape, std::size_t head_bytes)
      : Step(first->rows(), cost_of(*first, followers), first->info()),
        first_(std::move(first)),
        followers_(std::move(followers)),
        shape_(shape),
        row_bytes_(shape.width * shape.channels),
        head_bytes_(head_bytes),
        chunk_rows_(chunk_rows(rows(), row_bytes_, first_->row_step())) {}

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
      chained.chain_rows = buffer - begin * row_bytes_;
      first_->run_part(chained, chunk, slot);
      for (const auto& follower : followers_) {
        if (whole) {
          const std::int64_t parts = follower->rows() / rows();  // work rows in a row of pixels
          follower->run(chained, begin * parts, end * parts, slot);
        } else {
          follower->run_channels(chained,
                                 {begin * shape_.width, end * shape_.width, part.channel_begin, part.channel_end});
        }
      }
      begin = end;
    }
  }

  // The work of the first step, with the cost of all steps.
  [[nodiscard]] Work work() const override {
    Work work = first_->work();
    work.cost_per_row += cost_per_row() - first_->cost_per_row();
    return work;
  }

  [[nodiscard]] std::size_t workspace_bytes() const override {
    return head_bytes_ + static_cast<std::size_t>(chunk_rows_ * row_bytes_);
  }
  [[nodiscard]] std::int64_t row_step() const override { return first_->row_step(); }
  [[nodiscard]] RowWindow row_window() const override { return first_->row_window(); }

  void describe(std::vector<StepInfo>& all) const override {
    first_->describe(all);
    for (const auto& follower : followers_) {
      follower->describe(all);
      all.back().fused_with = info().layer;
    }
  }

 private:
  static std::int64_t cost_of(const Step& first, const std::vector<std::unique_ptr<ElementwiseStep>>& followers) {
    std::int64_t cost = first.cost_per_row();
    for (const auto& follower : followers) cost += follower->cost_per_row() * (follower->rows() / first.rows());
    return cost;
  }

  // Whole images if several fit, else some rows of one image.
  static std::int64_t chunk_rows(std::int64_t image_rows, std::int64_t row_bytes, std::int64_t row_step) {
    const std::int64_t rows = std::max<std::int64_t>(1, kChunkBytes / row_bytes);
    if (rows >= image_rows) return rows / image_rows * image_rows;
    return rows > row_step ? rows / row_step * row_step : rows;
  }

  [[nodiscard]] std::int64_t chunk_end(std::int64_t begin) const {
    const std::int64_t y = begin % rows();
    if (chunk_rows_ >= rows()) return begin - y + chunk_rows_;
    return std::min(begin - y + rows(), begin - y % row_step() + chunk_rows_);
  }

  std::unique_ptr<Step> first_;
  std::vector<std::unique_ptr<ElementwiseStep>> followers_;
  TensorShape shape_;
  std::int64_t row_bytes_;
  std::size_t head_bytes_;
  std::int64_t chunk_rows_;
};

}  // namespace

StepResult make_chain_step(std::unique_ptr<Step> first, std::vector<std::unique_ptr<ElementwiseStep>> followers,
                           const TensorShape& shape) {
  NARROW_ASSIGN(const std::size_t head_bytes, align_arena(first->workspace_bytes()));
  return StepResult(std::make_unique<ChainStep>(std::move(first), std::move(followers), shape, head_bytes));
}

}  // namespace narrow::engine
