// What is in a model and what was chosen for a session: Model::layers(), Session::steps(), Session::memory().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "narrow/types.h"

namespace narrow {

// One row of `narrow inspect`.
struct LayerInfo {
  std::string name;
  std::string op;                                    // "Convolution", "Add", ...
  TensorShape output;                                // shape of one picture's output
  std::string detail;                                // "3x3 s2 p1 g1", empty where there is nothing to say
  bool computes = true;                              // false: only moves numbers or changes their representation
  int weight_bits = 0;                               // 0: no weights, 32: float
  int activation_bits = 0;                           // of the output; 32: float
  Quantization quantization;                         // of the output, where activation_bits < 32
  float clamp_lo = 0, clamp_hi = 0;                  // real range of the output, where activation_bits < 32
  float weight_scale_min = 0, weight_scale_max = 0;  // over channels
  std::size_t weight_bytes = 0;                      // as stored
  std::int64_t macs = 0;                             // per picture
};

// A kernel that could have been chosen.
struct KernelCandidate {
  std::string kernel;
  bool accepted = false;    // it is exact for this layer: a proof on shape, ranges and weights
  double cost_cycles = 0;   // estimated, for one picture on one thread; where accepted
  std::string reason = {};  // where refused: why, in plain words, without the end of the sentence
};

// What was chosen for one layer.
struct StepInfo {
  std::string layer;
  std::string kernel;  // e.g. "convolution_s16_6x16_avx2"
  std::size_t packed_bytes = 0;
  std::string fused_with = {};  // the layer that it is computed with, a few rows at a time; empty: a step of its own
  // Integer convolutions and linear layers: those that accept, cheapest (the chosen one) first, the scalar reference as
  // the last of them; then those that refuse. Nothing is timed: the same model and ISA make the same choice.
  std::vector<KernelCandidate> candidates = {};
  // Of a step of its own, for max_batch pictures: into how many parts it is divided, and the share of its estimated
  // cost that the thread with the most gets, at best 1 / threads; 1 where it is not divided.
  int parts = 1;
  double busiest_share = 1.0;
};

// What a session holds besides the packed weights of its steps.
struct MemoryInfo {
  std::size_t tensor_bytes = 0;        // planned for the tensors of max_batch pictures
  std::size_t largest_live_bytes = 0;  // what no plan can go below: the tensors that are needed at the same time
  std::size_t workspace_bytes = 0;     // scratch of the kernels, for all threads
};

}  // namespace narrow
