// The C interface: handles around the C++ classes, and errors copied into the caller's memory.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "base/text.h"
#include "base/try.h"
#include "narrow.h"
#include "narrow/inspect.h"
#include "narrow/model.h"
#include "narrow/session.h"
#include "narrow/version.h"

struct narrow_model {
  narrow::Model value;
  // What the functions below return pointers into.
  std::vector<narrow::TensorInfo> tensors = value.tensors();
  std::string embedding = value.embedding();
};

struct narrow_session {
  narrow::Session value;
  std::string isa;
};

struct narrow_cancellation {
  narrow::Cancellation value;
};

namespace narrow {
inline namespace v0 {
namespace {

narrow_status status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return NARROW_INVALID_ARGUMENT;
    case ErrorCode::kNotFound:
      return NARROW_NOT_FOUND;
    case ErrorCode::kIo:
      return NARROW_IO;
    case ErrorCode::kMalformed:
      return NARROW_MALFORMED;
    case ErrorCode::kUnsupported:
      return NARROW_UNSUPPORTED;
    case ErrorCode::kLimit:
      return NARROW_LIMIT;
    case ErrorCode::kCancelled:
      return NARROW_CANCELLED;
    case ErrorCode::kInternal:
      return NARROW_INTERNAL;
  }
  return NARROW_INTERNAL;
}

// Appends as much of `text` as fits, without half of a UTF-8 character at the end.
std::size_t append(narrow_error& out, std::size_t at, std::string_view text) {
  std::size_t count = std::min(text.size(), sizeof(out.message) - 1 - at);
  const auto continues = [&](std::size_t i) { return (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U; };
  if (count < text.size()) {
    while (count > 0 && continues(count)) --count;
  }
  std::memcpy(out.message + at, text.data(), count);
  return at + count;
}

// Allocates nothing: memory may be what is missing.
narrow_status report(const Status& status, narrow_error* out) {
  if (status.ok()) return NARROW_OK;
  const Error& error = status.error();
  if (out != nullptr) {
    out->status = status_of(error.code);
    std::size_t at = append(*out, 0, error.where);
    if (!error.where.empty()) at = append(*out, at, ": ");
    at = append(*out, at, error.message);
    out->message[at] = '\0';
  }
  return status_of(error.code);
}

// A pointer of the caller that must not be NULL, and its name.
struct Needed {
  const void* pointer;
  const char* name;
};

Error is_null(const char* name) { return Error{ErrorCode::kInvalidArgument, "is NULL", name}; }

// Runs `work`, a function of a Status, if none of `needed` is NULL, and reports its error. Nothing is thrown.
template <class Work>
narrow_status call(narrow_error* error, std::initializer_list<Needed> needed, Work&& work) noexcept {
  return report(base::guarded([&]() -> Status {
                  for (const Needed& one : needed) {
                    if (one.pointer == nullptr) return is_null(one.name);
                  }
                  return work();
                }),
                error);
}

// What the caller's structure has of T; what is newer than the caller is 0, its default. kFirst: the size of the first
// version of the structure, below which it was not initialised.
template <std::size_t kFirst, class T>
Result<T> known_part(const T& caller, const char* initialiser) {
  if (caller.struct_size < kFirst) {
    return Error{ErrorCode::kInvalidArgument,
                 "is " + std::to_string(caller.struct_size) + " instead of " + std::to_string(sizeof(T)) +
                     "; initialise the structure with " + initialiser,
                 "struct_size"};
  }
  T known{};
  std::memcpy(&known, &caller, std::min(caller.struct_size, sizeof(T)));
  if constexpr (requires { known.reserved; }) {
    // A later version may give it a meaning, which nothing must ask for before.
    if (known.reserved != 0) {
      return Error{ErrorCode::kInvalidArgument, base::joined({"is ", known.reserved, " instead of 0"}), "reserved"};
    }
  }
  return known;
}

Result<Allocator> allocator_of(const narrow_allocator* caller) {
  if (caller == nullptr) return Allocator{};
  NARROW_ASSIGN(const narrow_allocator given, known_part<sizeof(narrow_allocator)>(*caller, "NARROW_ALLOCATOR_INIT"));
  if (given.allocate == nullptr || given.deallocate == nullptr) {
    return Error{ErrorCode::kInvalidArgument, "needs both functions", "allocator"};
  }
  return Allocator{given.allocate, given.deallocate, given.context};
}

Result<LoadOptions> load_options(const narrow_load_options* caller) {
  LoadOptions options;
  if (caller == nullptr) return options;
  NARROW_ASSIGN(const narrow_load_options given,
                known_part<sizeof(narrow_load_options)>(*caller, "NARROW_LOAD_OPTIONS_INIT"));
  options.max_memory_bytes = static_cast<std::size_t>(given.max_memory_bytes);
  options.map = given.map != 0;
  NARROW_ASSIGN(options.allocator, allocator_of(given.allocator));
  return options;
}

Result<SessionOptions> session_options(const narrow_session_options* caller) {
  SessionOptions options;
  if (caller == nullptr) return options;
  // The first version of the structure ended before `outputs`. A caller's may be as old, or newer than this library.
  constexpr std::size_t kFirst = offsetof(narrow_session_options, outputs);
  NARROW_ASSIGN(const narrow_session_options given, known_part<kFirst>(*caller, "NARROW_SESSION_OPTIONS_INIT"));
  NARROW_ASSIGN(options.allocator, allocator_of(given.allocator));
  if (given.isa != nullptr) options.isa = given.isa;
  if (given.core != nullptr) options.core = given.core;
  if (given.packed != nullptr) options.packed = given.packed;
  options.threads = given.threads;
  options.spin_us = given.spin_us;
  options.max_batch = given.max_batch;
  options.max_memory_bytes = static_cast<std::size_t>(given.max_memory_bytes);
  options.max_operations = given.max_operations;
  if (given.cancellation != nullptr) options.cancellation = &given.cancellation->value;
  for (std::size_t i = 0; i < given.output_count; ++i) {
    if (given.outputs == nullptr || given.outputs[i] == nullptr) return is_null("outputs");
    options.outputs.emplace_back(given.outputs[i]);
  }
  return options;
}

std::size_t input_size(const Model& model) { return static_cast<std::size_t>(model.input_shape().elems()); }
std::size_t classes(const Model& model) { return static_cast<std::size_t>(model.classes()); }

}  // namespace
}  // namespace v0
}  // namespace narrow

using narrow::Error;
using narrow::ErrorCode;
using narrow::Status;

const char* narrow_version() { return narrow::version().data(); }

int32_t narrow_version_number() {
  return 100 * (100 * NARROW_VERSION_MAJOR + NARROW_VERSION_MINOR) + NARROW_VERSION_PATCH;
}

const char* narrow_status_name(narrow_status status) {
  if (status == NARROW_OK) return "ok";
  for (const ErrorCode code :
       {ErrorCode::kInvalidArgument, ErrorCode::kNotFound, ErrorCode::kIo, ErrorCode::kMalformed,
        ErrorCode::kUnsupported, ErrorCode::kLimit, ErrorCode::kCancelled, ErrorCode::kInternal}) {
    if (narrow::status_of(code) == status) return narrow::to_string(code).data();
  }
  return "unknown";
}

narrow_status narrow_model_load(const char* path, narrow_model** model, narrow_error* error) {
  return narrow_model_load_with(path, nullptr, model, error);
}

narrow_status narrow_model_load_with(const char* path, const narrow_load_options* options, narrow_model** model,
                                     narrow_error* error) {
  return narrow::call(error, {{path, "path"}, {model, "model"}}, [&]() -> Status {
    NARROW_ASSIGN(const narrow::LoadOptions chosen, narrow::load_options(options));
    NARROW_ASSIGN(narrow::Model loaded, narrow::Model::load(path, chosen));
    *model = new narrow_model{.value = loaded};
    return {};
  });
}

narrow_status narrow_model_parse(const void* bytes, size_t size, int copy, narrow_model** model, narrow_error* error) {
  return narrow_model_parse_with(bytes, size, copy, nullptr, model, error);
}

narrow_status narrow_model_parse_with(const void* bytes, size_t size, int copy, const narrow_load_options* options,
                                      narrow_model** model, narrow_error* error) {
  return narrow::call(error, {{model, "model"}}, [&]() -> Status {
    if (bytes == nullptr && size > 0) return narrow::is_null("bytes");
    const std::span<const std::byte> all(static_cast<const std::byte*>(bytes), size);
    NARROW_ASSIGN(const narrow::LoadOptions chosen, narrow::load_options(options));
    NARROW_ASSIGN(narrow::Model parsed,
                  copy != 0 ? narrow::Model::parse(all, "model", chosen) : narrow::Model::view(all));
    *model = new narrow_model{.value = parsed};
    return {};
  });
}

void narrow_model_free(narrow_model* model) { delete model; }

void narrow_model_input_shape(const narrow_model* model, int64_t* height, int64_t* width, int64_t* channels) {
  const narrow::TensorShape shape = model->value.input_shape();
  *height = shape.height;
  *width = shape.width;
  *channels = shape.channels;
}

size_t narrow_model_input_size(const narrow_model* model) { return narrow::input_size(model->value); }

size_t narrow_model_classes(const narrow_model* model) { return narrow::classes(model->value); }

narrow_score_kind narrow_model_score_kind(const narrow_model* model) {
  switch (model->value.score_kind()) {
    case narrow::ScoreKind::kLogits:
      return NARROW_LOGITS;
    case narrow::ScoreKind::kProbabilities:
      return NARROW_PROBABILITIES;
    case narrow::ScoreKind::kIndependent:
      return NARROW_INDEPENDENT;
  }
  return NARROW_LOGITS;
}

const char* narrow_model_label(const narrow_model* model, size_t class_index) {
  const std::vector<std::string>& labels = model->value.labels();
  return class_index < labels.size() ? labels[class_index].c_str() : nullptr;
}

size_t narrow_model_tensors(const narrow_model* model) { return model->tensors.size(); }

const char* narrow_model_tensor(const narrow_model* model, size_t index) {
  return index < model->tensors.size() ? model->tensors[index].name.c_str() : nullptr;
}

const char* narrow_model_embedding(const narrow_model* model) {
  return model->embedding.empty() ? nullptr : model->embedding.c_str();
}

narrow_status narrow_session_create(const narrow_model* model, const narrow_session_options* options,
                                    narrow_session** session, narrow_error* error) {
  return narrow::call(error, {{model, "model"}, {session, "session"}}, [&]() -> Status {
    NARROW_ASSIGN(const narrow::SessionOptions chosen, narrow::session_options(options));
    NARROW_ASSIGN(narrow::Session created, narrow::Session::create(model->value, chosen));
    std::string isa = created.isa();
    *session = new narrow_session{std::move(created), std::move(isa)};
    return {};
  });
}

narrow_status narrow_session_clone(const narrow_session* session, narrow_session** clone, narrow_error* error) {
  return narrow::call(error, {{session, "session"}, {clone, "clone"}}, [&]() -> Status {
    NARROW_ASSIGN(narrow::Session cloned, session->value.clone());
    *clone = new narrow_session{std::move(cloned), session->isa};
    return {};
  });
}

narrow_status narrow_session_save_packed(const narrow_session* session, const char* path, narrow_error* error) {
  return narrow::call(error, {{session, "session"}, {path, "path"}}, [&] { return session->value.save_packed(path); });
}

void narrow_session_free(narrow_session* session) { delete session; }

const char* narrow_session_isa(const narrow_session* session) { return session->isa.c_str(); }

narrow_status narrow_session_run(narrow_session* session, const float* input, size_t batch, float* scores,
                                 narrow_error* error) {
  return narrow::call(error, {{session, "session"}, {input, "input"}, {scores, "scores"}}, [&]() -> Status {
    const narrow::Model& model = session->value.model();
    // So large a batch is refused by its size; only the products must not overflow.
    constexpr std::size_t kMost = std::size_t{1} << 20;
    if (batch == 0 || batch > kMost) {
      return Error{ErrorCode::kInvalidArgument,
                   narrow::base::joined({batch, " is no batch that the session was created for"}), "batch"};
    }
    return session->value.run({input, batch * narrow::input_size(model)}, {scores, batch * narrow::classes(model)});
  });
}

narrow_status narrow_session_output_shape(const narrow_session* session, size_t index, int64_t* height, int64_t* width,
                                          int64_t* channels, narrow_error* error) {
  return narrow::call(
      error, {{session, "session"}, {height, "height"}, {width, "width"}, {channels, "channels"}}, [&]() -> Status {
        const std::vector<narrow::TensorInfo> outputs = session->value.outputs();
        if (index >= outputs.size()) {
          return Error{ErrorCode::kInvalidArgument,
                       narrow::base::joined({index, " is none of the ", outputs.size(), " outputs of the session"}),
                       "output"};
        }
        *height = outputs[index].shape.height;
        *width = outputs[index].shape.width;
        *channels = outputs[index].shape.channels;
        return {};
      });
}

narrow_status narrow_session_read_output(const narrow_session* session, size_t index, float* values, size_t count,
                                         narrow_error* error) {
  return narrow::call(error, {{session, "session"}, {values, "values"}}, [&] {
    return session->value.read_output(index, {values, count});
  });
}

narrow_status narrow_session_classify(narrow_session* session, const uint8_t* rgb, int32_t width, int32_t height,
                                      float* scores, narrow_error* error) {
  return narrow::call(error, {{session, "session"}, {rgb, "rgb"}, {scores, "scores"}}, [&]() -> Status {
    if (width < 1 || height < 1) {
      return Error{ErrorCode::kInvalidArgument, narrow::base::joined({width, " x ", height, " is no size of an image"}),
                   "image"};
    }
    const std::size_t bytes = std::size_t{3} * static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
    if (bytes > static_cast<std::size_t>(PTRDIFF_MAX)) {  // more than any memory, and than a vector may ask for
      return Error{ErrorCode::kLimit,
                   narrow::base::joined({width, " x ", height, " pixels are more than there can be"}), "image"};
    }
    narrow::Picture image{.width = width, .height = height, .rgb = {rgb, rgb + bytes}};
    NARROW_ASSIGN(const std::vector<float> all, session->value.classify(image));
    std::copy(all.begin(), all.end(), scores);
    return {};
  });
}

narrow_status narrow_session_classify_frame(narrow_session* session, const narrow_frame* frame, float* scores,
                                            narrow_error* error) {
  return narrow::call(error, {{session, "session"}, {frame, "frame"}, {scores, "scores"}}, [&]() -> Status {
    if (frame->struct_size < sizeof(narrow_frame)) {
      return Error{ErrorCode::kInvalidArgument, "struct_size is too small; initialise with NARROW_FRAME_INIT", "frame"};
    }
    narrow::ImageView view;
    view.data = frame->data;
    view.width = frame->width;
    view.height = frame->height;
    view.stride = frame->stride;
    view.layout = static_cast<narrow::PixelLayout>(frame->layout);
    view.coding = static_cast<narrow::YuvCoding>(frame->coding);
    if (frame->roi_width != 0 || frame->roi_height != 0) {
      view.roi = narrow::PixelRect{frame->roi_left, frame->roi_top, frame->roi_width, frame->roi_height};
    }
    view.u = frame->u;
    view.v = frame->v;
    view.chroma_stride = frame->chroma_stride;
    return session->value.classify(view, {scores, narrow::classes(session->value.model())});
  });
}

narrow_status narrow_model_probabilities(const narrow_model* model, const float* scores, float* probabilities,
                                         narrow_error* error) {
  return narrow::call(error, {{model, "model"}, {scores, "scores"}, {probabilities, "probabilities"}}, [&]() -> Status {
    const std::vector<float> all =
        narrow::probabilities({scores, narrow::classes(model->value)}, model->value.score_kind());
    std::copy(all.begin(), all.end(), probabilities);
    return {};
  });
}

size_t narrow_top_k(const float* scores, size_t count, size_t k, int32_t* class_indices) {
  const auto key = [&](std::size_t i) {
    return std::isnan(scores[i]) ? -std::numeric_limits<float>::infinity() : scores[i];
  };
  const auto is_before = [&](std::size_t a, std::size_t b) { return key(a) > key(b) || (key(a) == key(b) && a < b); };
  const std::size_t kept = std::min(k, count);
  // k is small; this allocates nothing, so that it can't fail.
  for (std::size_t rank = 0; rank < kept; ++rank) {
    std::size_t best = count;
    for (std::size_t i = 0; i < count; ++i) {
      if (rank > 0 && !is_before(static_cast<std::size_t>(class_indices[rank - 1]), i)) continue;
      if (best == count || is_before(i, best)) best = i;
    }
    class_indices[rank] = static_cast<int32_t>(best);
  }
  return kept;
}

narrow_cancellation* narrow_cancellation_create() { return new (std::nothrow) narrow_cancellation; }
void narrow_cancellation_cancel(narrow_cancellation* cancellation) { cancellation->value.cancel(); }
void narrow_cancellation_cancel_after(narrow_cancellation* cancellation, int64_t nanoseconds) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point now = Clock::now();
  const std::chrono::nanoseconds longest = Clock::time_point::max() - now;
  cancellation->value.cancel_at(now + std::min(std::chrono::nanoseconds(nanoseconds), longest));
}
void narrow_cancellation_reset(narrow_cancellation* cancellation) { cancellation->value.reset(); }
void narrow_cancellation_free(narrow_cancellation* cancellation) { delete cancellation; }
