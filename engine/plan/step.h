// One step of a plan: a kernel with everything that it needs except the tensors' addresses.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/plan/partition.h"
#include "narrow/session.h"

namespace narrow::engine {

// Where a tensor lives: at an offset in the arena, in a buffer of run's caller, or, a few rows at a time, in the
// workspace of a chain of steps or of strips (offset: which of their tensors).
struct Location {
  enum class Place { kArena, kInput, kScores, kRows, kStrip } place = Place::kArena;
  std::size_t offset = 0;
};
inline constexpr std::size_t kMostStrips = 4;  // tensors of one step

// The rows of its first input that row y of a step's output depends on: `rows` of them, from y * stride - pad; those
// outside of the picture are padding.
struct RowWindow {
  std::int64_t stride = 1;
  std::int64_t pad = 0;
  std::int64_t rows = 1;
};

// The addresses of one run.
struct RunContext {
  const std::byte* input = nullptr;
  std::byte* scores = nullptr;
  std::byte* arena = nullptr;
  std::byte* rows = nullptr;                        // where row 0 would be if all rows of a chain's tensor were there
  std::array<std::byte*, kMostStrips> strips = {};  // the same for each tensor between strips
  std::byte* workspaces = nullptr;                  // one after the other, one per slot
  std::size_t workspace_bytes = 0;                  // of one

  [[nodiscard]] const std::byte* read(const Location& location) const {
    return location.place == Location::Place::kInput ? input : write(location);
  }
  // Never the caller's input.
  [[nodiscard]] std::byte* write(const Location& location) const {
    if (location.place == Location::Place::kScores) return scores;
    if (location.place == Location::Place::kStrip) return strips[location.offset];
    return location.place == Location::Place::kRows ? rows : arena + location.offset;
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

// Work comes in rows: independent parts of the output, whatever their size is for the step (a row of pixels, a pixel,
// an element). Rows of one picture follow those of the one before.
class Step {
 public:
  Step(std::int64_t rows, std::int64_t cost_per_row, StepInfo info)
      : rows_(rows), cost_per_row_(cost_per_row), info_(std::move(info)) {}
  virtual ~Step() = default;
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

  // Computes rows [begin, end) of all pictures' rows. Different ranges may run at the same time in different slots.
  virtual void run(const RunContext& context, std::int64_t begin, std::int64_t end, int slot) const = 0;
  // Computes a part of work(). Steps whose channels can't be divided need not know.
  virtual void run_part(const RunContext& context, const Part& part, int slot) const {
    run(context, part.row_begin, part.row_end, slot);
  }
  // Pointwise steps on tensors that are all of one shape: some channels of some of all pictures' pixels, which are the
  // part's rows. Nothing else of a chain can be divided by channels.
  virtual void run_channels(const RunContext& /*context*/, const Part& /*part*/) const {}
  // Scratch for each slot.
  [[nodiscard]] virtual std::size_t workspace_bytes() const { return 0; }
  // Ranges that begin at multiples of this many rows of a picture waste least.
  [[nodiscard]] virtual std::int64_t row_step() const { return 1; }
  [[nodiscard]] virtual RowWindow row_window() const { return {}; }
  // What there is to divide among threads.
  [[nodiscard]] virtual Work work() const {
    return {.rows = rows_, .row_step = row_step(), .cost_per_row = cost_per_row_};
  }
  // What was chosen for each layer that the step computes.
  virtual void describe(std::vector<StepInfo>& steps) const { steps.push_back(info_); }

  [[nodiscard]] std::int64_t rows() const { return rows_; }  // of one picture
  // See Work.
  [[nodiscard]] std::int64_t cost_per_row() const { return cost_per_row_; }
  [[nodiscard]] const StepInfo& info() const { return info_; }

 private:
  std::int64_t rows_;
  std::int64_t cost_per_row_;
  StepInfo info_;
};

}  // namespace narrow::engine
