// The time that a camera frame takes to become the network's input.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "apps/run/statistics.h"
#include "narrow/image_view.h"
#include "narrow/session.h"

namespace narrow::cli {

struct FrameSize {
  int width = 0;
  int height = 0;
  PixelLayout layout = PixelLayout::kBgr;
};
// "640x480" or "640x480,nv12": width, height, layout (rgb, bgr, rgba, bgra, gray, nv12, i420). Nothing for other texts.
[[nodiscard]] std::optional<FrameSize> parse_frame(const std::string& text);
[[nodiscard]] std::string to_text(const FrameSize& frame);

struct FrameTimes {
  FrameSize frame;
  TensorShape input;      // of the network
  bool integers = false;  // the frame becomes the network's first integers; otherwise floats
  Summary prepare;        // in seconds
  Summary run;            // of the network, from there on, in seconds
};

// Prepares a frame of random bytes on one thread and runs it, at most `runs` times and for `seconds`, but at least
// once.
[[nodiscard]] Result<FrameTimes> time_frames(Session& session, const FrameSize& frame, std::size_t runs,
                                             double seconds);

}  // namespace narrow::cli
