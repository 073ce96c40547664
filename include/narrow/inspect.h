// Descriptions of a model's layers and of what was chosen for a session: Model::layers(), Session::steps(),
// Session::memory().
#pragma once

#include "narrow/detail/needs_cxx20.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "narrow/types.h"

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// One row of `narrow inspect`.
struct LayerInfo {
  std::string name;
  std::string op;                                    // "Convolution", "Add", ...
  TensorShape output;                                // output shape for one image
  std::string detail;                                // "3x3 s2 p1 g1"; empty if there are no attributes to show
  bool computes = true;                              // false: only moves numbers, or changes their representation
  int weight_bits = 0;                               // 0: no weights; 32: float
  int activation_bits = 0;                           // of the output; 32: float
  Quantization quantization;                         // of the output, if activation_bits < 32
  float clamp_lo = 0, clamp_hi = 0;                  // real range of the output, if activation_bits < 32
  float weight_scale_min = 0, weight_scale_max = 0;  // over channels
  std::size_t weight_bytes = 0;                      // as stored
  std::int64_t macs = 0;                             // multiply-adds for one image
};

// A tensor of a network, of one image.
struct TensorInfo {
  std::string name;
  TensorShape shape;  // [height, width, channels]
  // Nothing: float32. Else uint8, and the real number of q is scale * (q - zero_point).
  std::optional<Quantization> quantization;
};

// A kernel that could serve a layer.
struct KernelCandidate {
  std::string kernel;
  bool accepted = false;    // whether the kernel is exact for this layer, proved from its shape, ranges and weights
  double cost_cycles = 0;   // if accepted: estimated cost for one image on one thread, in core cycles
  std::string reason = {};  // if refused: the reason, as the end of a sentence
};

// What was chosen for one layer of a session.
struct StepInfo {
  std::string layer;
  std::string kernel;  // such as "convolution_s16_6x16_avx2"
  std::size_t packed_bytes = 0;
  // The layer with which this one is computed, a few rows at a time. Empty: it is a step of its own.
  std::string fused_with = {};
  // For integer convolutions and linear layers: first the kernels that accept, from the cheapest (the chosen one) to
  // the scalar reference, then those that refuse. Nothing is timed: the same model, ISA and core
  // make the same choice.
  std::vector<KernelCandidate> candidates = {};
  // For a step of its own and max_batch images: parts is the number of parts that it is divided into. busiest_share is
  // the share of the estimated cost that the busiest thread has. It is at least 1 / threads, and 1 for a step that is
  // not divided.
  int parts = 1;
  double busiest_share = 1.0;
};

// The memory of a session, without the packed weights of its steps.
struct MemoryInfo {
  std::size_t tensor_bytes = 0;        // for the tensors of max_batch images
  std::size_t largest_live_bytes = 0;  // a lower bound for tensor_bytes: the tensors that exist at the same time
  std::size_t workspace_bytes = 0;     // workspace of the kernels, for all threads
};

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
