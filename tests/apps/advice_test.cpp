// What a report advises for a layer.
#include "apps/run/advice.h"

#include <doctest/doctest.h>

#include <string>

namespace narrow::cli {
namespace {

// Of a layer whose weights cause its noise, and that no trial helps.
Advice advice_for(int weight_bits, int activation_bits) {
  LayerStudy study;
  study.layer = "a";
  study.score_noise = 1;
  study.parts.emplace().weights = 1;
  study.trials.push_back({.of = TrialOf::kWeights, .bits = 8, .score_noise = 1});
  NetworkStudy network;
  network.layers = {study};
  LayerInfo info;
  info.name = "a";
  info.weight_bits = weight_bits;
  info.activation_bits = activation_bits;
  return advise(network, {info});
}

}  // namespace

TEST_CASE("training is advised where something has fewer than 8 bits, because it does nothing elsewhere") {
  struct Bits {
    int weights, activations;
    bool has_fewer;
  };
  for (const Bits& bits : {Bits{4, 8, true}, Bits{8, 6, true}, Bits{8, 8, false}, Bits{32, 8, false}}) {
    CAPTURE(bits.weights);
    CAPTURE(bits.activations);
    const Advice advice = advice_for(bits.weights, bits.activations);
    REQUIRE(advice.layers.size() == 1);
    REQUIRE(advice.layers[0].cause == Cause::kWeights);
    REQUIRE(advice.layers[0].remedies.size() == 1);
    CHECK(advice.layers[0].remedies[0].option == (bits.has_fewer ? "--effort max" : ""));
  }
}

}  // namespace narrow::cli
