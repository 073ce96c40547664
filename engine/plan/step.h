// One step of a plan: a kernel with everything it needs but the addresses of tensors.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "engine/plan/partition.h"
#include "narrow/inspect.h"
#include "narrow/session.h"

namespace narrow::engine {

// Where a tensor is: all of it in the arena, or in one of the buffers that the caller of Session::run gives.
struct InArena {
  std::size_t offset = 0;  // in bytes
};
struct InInput {};
struct InScores {};
// Some of its rows at a time: in the workspace of a fused chain, or in that of a step that works in row tiles.
struct InChain {};
struct BetweenStages {
  std::size_t tensor = 0;  // tensor i is what stage i writes
};
using Location = std::variant<InArena, InInput, InScores, InChain, BetweenStages>;

inline constexpr std::size_t kMostStageTensors = 4;  // most tensors between the stages of one step

// The input rows that row y of a step's output depends on: `rows` rows of the first input, from y * stride - pad on.
// Rows outside the image are padding.
struct RowWindow {
  std::int64_t stride = 1;
  std::int64_t pad = 0;
  std::int64_t rows = 1;
};

// The addresses of tensors and workspaces during one run.
struct RunContext {
  const std::byte* input = nullptr;
  std::byte* scores = nullptr;
  std::byte* arena = nullptr;
  // Where row 0 of a fused chain's tensor would be if all its rows were in memory.
  std::byte* chain_rows = nullptr;
  std::array<std::byte*, kMostStageTensors> stage_rows = {};  // the same for each tensor between stages
  std::byte* workspaces = nullptr;                            // one per slot, one after the other
  std::size_t workspace_bytes = 0;                            // of one slot

  [[nodiscard]] const std::byte* read(const Location& location) const {
    return std::holds_alternative<InInput>(location) ? input : write(location);
  }
  // location: not InInput.
  [[nodiscard]] std::byte* write(const Location& location) const {
    if (const auto* in_arena = std::get_if<InArena>(&location)) return arena + in_arena->offset;
    if (const auto* between = std::get_if<BetweenStages>(&location)) return stage_rows[between->tensor];
    return std::holds_alternative<InChain>(location) ? chain_rows : scores;
  }
  [[nodiscard]] std::byte* workspace(int slot) const {
    return workspaces + static_cast<std::size_t>(slot) * workspace_bytes;
  }

  [[nodiscard]] const std::uint8_t* read_u8(const Location& location) const {
    return reinterpret_cast<const std::uint8_t*>(read(location));
  }
  [[nodiscard]] std::uint8_t* write_u8(const Location& location) const {
    return reinterpret_cast<std::uint8_t*>(write(location));
  }
  [[nodiscard]] const float* read_f32(const Location& location) const {
    return reinterpret_cast<const float*>(read(location));
  }
  [[nodiscard]] float* write_f32(const Location& location) const { return reinterpret_cast<float*>(write(location)); }
};

// A step divides its output into work rows that can be computed independently. Each kind of step defines its work row:
// a row of pixels, a pixel or an element. The rows of an image follow those of the image before it.
class Step {
 public:
  Step(std::int64_t rows, std::int64_t cost_per_row, StepInfo info)
      : rows_(rows), cost_per_row_(cost_per_row), info_(std::move(info)) {}
  virtual ~Step() = default;
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

  // Computes rows [begin, end), counted over all images. Disjoint ranges may run at the same time in different slots.
  virtual void run(const RunContext& context, std::int64_t begin, std::int64_t end, int slot) const = 0;
  // Computes a part of work(). Override it only if the step can be divided by channels.
  virtual void run_part(const RunContext& context, const Part& part, int slot) const {
    run(context, part.row_begin, part.row_end, slot);
  }
  // Size of the workspace of one slot.
  [[nodiscard]] virtual std::size_t workspace_bytes() const { return 0; }
  // The row granule: ranges that begin at multiples of it, within an image, waste least.
  [[nodiscard]] virtual std::int64_t row_step() const { return 1; }
  [[nodiscard]] virtual RowWindow row_window() const { return {}; }
  // The work that can be divided among threads.
  [[nodiscard]] virtual Work work() const {
    return {.rows = rows_, .row_step = row_step(), .cost_per_row = cost_per_row_};
  }
  // Appends what was chosen for each layer of the step.
  virtual void describe(std::vector<StepInfo>& steps) const { steps.push_back(info_); }

  [[nodiscard]] std::int64_t rows() const { return rows_; }  // of one image
  // See Work.
  [[nodiscard]] std::int64_t cost_per_row() const { return cost_per_row_; }
  [[nodiscard]] const StepInfo& info() const { return info_; }

 private:
  std::int64_t rows_;
  std::int64_t cost_per_row_;
  StepInfo info_;
};

// The step of an operator with kElementwise (graph/operators.h) on uint8. Such a step can continue a fused chain.
class ElementwiseStep : public Step {
 public:
  using Step::Step;

  // Computes some channels of some pixels, where all tensors have one shape. The part's rows are pixels, counted over
  // all images.
  virtual void run_channels(const RunContext& context, const Part& part) const = 0;
};

}  // namespace narrow::engine
