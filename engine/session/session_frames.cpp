// Sessions that begin with a frame, or with integers.
#include <string>

#include "base/guarded.h"
#include "base/text.h"
#include "base/try.h"
#include "engine/session/session_impl.h"
#include "kernels/cpu_features.h"
#include "kernels/elementwise.h"

namespace narrow {
inline namespace v0 {
namespace {

Error bad_input(ErrorCode code, base::Pieces message) { return {code, base::joined(message), "input"}; }

// A network whose input is not what its preprocessing makes was given a preprocessing by mistake.
Status check_channels(const Model& model) {
  if (model.input_shape().channels == model.preprocessing().channels) return {};
  return bad_input(ErrorCode::kUnsupported,
                   {"the network takes ", model.input_shape().channels, " channels, and its preprocessing makes ",
                    model.preprocessing().channels, "; preprocess images yourself and call run"});
}

}  // namespace

std::optional<Quantization> Session::input_quantization() const {
  if (impl_ == nullptr || !impl_->plan.integer_input) return std::nullopt;
  return impl_->plan.integer_input->quantization;
}

Status Session::run_integers(std::span<const std::uint8_t> input, std::span<float> scores) {
  return base::guarded([&]() -> Status {
    if (impl_ == nullptr) return engine::moved_from();
    Impl& impl = *impl_;
    if (!impl.plan.integer_input) {
      return bad_input(ErrorCode::kUnsupported,
                       {"the network does not begin with integers (input_quantization() is nothing); give floats"});
    }
    const auto elems = static_cast<std::size_t>(impl.input_elems);
    const std::size_t batch = input.size() / elems;
    if (batch < 1 || input.size() % elems != 0 || batch > static_cast<std::size_t>(impl.options.max_batch)) {
      return bad_input(ErrorCode::kInvalidArgument, {input.size(), " integers are not 1 to ", impl.options.max_batch,
                                                     " (max_batch) images of ", elems});
    }
    const engine::IntegerInput& first = *impl.plan.integer_input;
    impl.readable_batch = 0;  // what is written now may be where an output of the run before is
    // Kernels rely on the range. A multiplier of 1 only clamps.
    const auto count = static_cast<std::int64_t>(input.size());
    kernels::elementwise_kernels(impl.isa).requantize(
        {.input = input.data(),
         .output = reinterpret_cast<std::uint8_t*>(impl.arena.data() + first.offset),
         .rows = 1,
         .channels = count,
         .input_stride = count,
         .output_stride = count,
         .input_zero_point = first.quantization.zero_point,
         .multiplier = 1.0F,
         .output_zero_point = first.quantization.zero_point,
         .output_range = first.quantization.range});
    return impl.run_from(1, batch, scores, {});
  });
}

Status Session::classify(const ImageView& frame, std::span<float> scores) {
  return base::guarded([&]() -> Status {
    if (impl_ == nullptr) return engine::moved_from();
    Impl& impl = *impl_;
    if (!impl.preprocessor) {
      NARROW_TRY(check_channels(model_));
      NARROW_ASSIGN(Preprocessor made, Preprocessor::create(model_.preprocessing(), input_quantization(),
                                                            std::string(kernels::isa_name(impl.isa))));
      impl.preprocessor.emplace(std::move(made));
    }
    const auto elems = static_cast<std::size_t>(impl.input_elems);
    if (impl.plan.integer_input) {
      impl.readable_batch = 0;
      auto* const integers = reinterpret_cast<std::uint8_t*>(impl.arena.data() + impl.plan.integer_input->offset);
      NARROW_TRY(impl.preprocessor->run(frame, std::span(integers, elems)));
      return impl.run_from(1, 1, scores, {});
    }
    if (impl.frame_input.size() == 0) {
      NARROW_ASSIGN(impl.frame_input, base::AlignedBuffer::allocate(elems * sizeof(float), {"the input of a frame"},
                                                                    impl.options.allocator));
    }
    const std::span<float> input(reinterpret_cast<float*>(impl.frame_input.data()), elems);
    NARROW_TRY(impl.preprocessor->run(frame, input));
    return run(input, scores);
  });
}

Result<std::vector<float>> Session::classify(const Picture& image) {
  return base::guarded([&]() -> Result<std::vector<float>> {
    if (impl_ == nullptr) return engine::moved_from();
    NARROW_TRY(check_channels(model_));
    std::vector<float> input(static_cast<std::size_t>(impl_->input_elems));
    NARROW_TRY(preprocess(image, model_.preprocessing(), input));
    std::vector<float> scores(static_cast<std::size_t>(impl_->classes));
    NARROW_TRY(run(input, scores));
    return scores;
  });
}

}  // namespace v0
}  // namespace narrow
