/* The C interface: load a .nrw, run it, classify with it.
 *
 * Every function that can fail returns a narrow_status and, where `error` is not NULL, writes the reason to *error.
 * Nothing is global, nothing is thrown, nothing is printed. Handles are freed by the function with their name; NULL is
 * ignored there. A model is immutable: any number of threads and sessions may use it. A session belongs to one thread
 * at a time. A session keeps its model, so the model's handle may be freed first. Pointers must not be NULL unless the
 * text allows it.
 *
 * The interface only grows: structures begin with their size, so that a program that was compiled with older headers
 * works with a newer library of the same major version. */
#ifndef NARROW_H
#define NARROW_H

#include <stddef.h>
#include <stdint.h>

#include "narrow/detail/version_numbers.h"
#include "narrow/detail/visibility_begin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The library's version, "0.1.0" and 100 * (100 * major + minor) + patch. That of the headers are the macros
 * NARROW_VERSION_MAJOR, NARROW_VERSION_MINOR and NARROW_VERSION_PATCH. */
const char* narrow_version(void);
int32_t narrow_version_number(void);

typedef enum narrow_status {
  NARROW_OK = 0,
  NARROW_INVALID_ARGUMENT = 1, /* an option or buffer of the caller is wrong */
  NARROW_NOT_FOUND = 2,        /* a named thing (file, instruction set) does not exist */
  NARROW_IO = 3,               /* the operating system could not read */
  NARROW_MALFORMED = 4,        /* bytes from outside are not what they should be */
  NARROW_UNSUPPORTED = 5,      /* well-formed, but not supported */
  NARROW_LIMIT = 6,            /* a size is beyond the limits, or memory ran out */
  NARROW_CANCELLED = 7,        /* narrow_cancellation_cancel() was called */
  NARROW_INTERNAL = 8          /* an error in Narrow itself */
} narrow_status;

/* "ok", "invalid_argument", ...; "unknown" for a number that is no status. */
const char* narrow_status_name(narrow_status status);

/* Filled by a function that fails. The message, "where: what", ends with '\0' and is cut if it is longer. */
typedef struct narrow_error {
  narrow_status status;
  char message[1020];
} narrow_error;

typedef struct narrow_model narrow_model;
typedef struct narrow_session narrow_session;
typedef struct narrow_cancellation narrow_cancellation;

/* How scores are to be read. */
typedef enum narrow_score_kind {
  NARROW_LOGITS = 0,        /* softmax makes probabilities of them; of one score, 1 / (1 + exp(-x)) */
  NARROW_PROBABILITIES = 1, /* of the classes, which exclude each other */
  NARROW_INDEPENDENT = 2    /* each the probability that the image is of that class */
} narrow_score_kind;

/* Where large memory comes from, in place of the C++ library. Small things still use that. Initialise with
 * NARROW_ALLOCATOR_INIT and set both functions; the structure is copied. They are called by the thread that is in
 * narrow_model_load_with(), narrow_model_parse_with(), narrow_session_create(), narrow_session_clone(), the first
 * narrow_session_classify_frame() or a function that frees; never during narrow_session_run(). What context points to
 * must outlive everything that was allocated. Neither function may call Narrow. */
typedef struct narrow_allocator {
  size_t struct_size;
  void* context; /* the first argument of both */
  /* `bytes` bytes, at least 1, at a multiple of `alignment`, a power of two, at most 4096; NULL: there are none. */
  void* (*allocate)(void* context, size_t bytes, size_t alignment);
  /* Takes back what allocate returned, with the same numbers. */
  void (*deallocate)(void* context, void* memory, size_t bytes, size_t alignment);
} narrow_allocator;
#define NARROW_ALLOCATOR_INIT \
  { sizeof(narrow_allocator), NULL, NULL, NULL }

/* How a model is read. Initialise with NARROW_LOAD_OPTIONS_INIT, then change what differs. */
typedef struct narrow_load_options {
  size_t struct_size;
  uint64_t max_memory_bytes; /* 4 GiB (default): of the file, and of what is made of it */
  int32_t map;               /* not 0: the file is not read but stays mapped; it must not change until all is freed */
  int32_t reserved;          /* 0 */
  const narrow_allocator* allocator; /* NULL (default): the C++ library; else of the bytes that the model keeps */
} narrow_load_options;
#define NARROW_LOAD_OPTIONS_INIT \
  { sizeof(narrow_load_options), UINT64_C(4294967296), 0, 0, NULL }

/* Reads a .nrw file. Afterwards the file may change. *model is set only on success.
 * Errors: NARROW_NOT_FOUND, NARROW_IO, NARROW_MALFORMED, NARROW_UNSUPPORTED, NARROW_LIMIT. */
narrow_status narrow_model_load(const char* path, narrow_model** model, narrow_error* error);
/* The same of `size` bytes in memory. copy != 0: they are not needed afterwards. copy == 0: they must stay, and stay as
 * they are, until the model and all its sessions are freed. */
narrow_status narrow_model_parse(const void* bytes, size_t size, int copy, narrow_model** model, narrow_error* error);
/* The same with options; NULL for the defaults. Of parse, `map` has no effect; with copy == 0 none has. */
narrow_status narrow_model_load_with(const char* path, const narrow_load_options* options, narrow_model** model,
                                     narrow_error* error);
narrow_status narrow_model_parse_with(const void* bytes, size_t size, int copy, const narrow_load_options* options,
                                      narrow_model** model, narrow_error* error);
void narrow_model_free(narrow_model* model);

/* Height, width and channels of the input of one image. */
void narrow_model_input_shape(const narrow_model* model, int64_t* height, int64_t* width, int64_t* channels);
/* The number of floats of one image: height * width * channels. */
size_t narrow_model_input_size(const narrow_model* model);
/* The number of scores of one image. */
size_t narrow_model_classes(const narrow_model* model);
narrow_score_kind narrow_model_score_kind(const narrow_model* model);
/* The name of a class, UTF-8, valid until the model is freed; NULL where the model has no name for it. */
const char* narrow_model_label(const narrow_model* model, size_t class_index);

/* The tensors of the network by name, in the order in which they are computed, from the input to the scores; their
 * number. The name is valid until the model is freed; NULL where there is no such tensor. */
size_t narrow_model_tensors(const narrow_model* model);
const char* narrow_model_tensor(const narrow_model* model, size_t index);
/* The name of the tensor that the last layer reads: what a classifier knows of an image, for comparing images. NULL
 * where there is none. */
const char* narrow_model_embedding(const narrow_model* model);

/* Options of a session. Initialise with NARROW_SESSION_OPTIONS_INIT, then change what differs. */
typedef struct narrow_session_options {
  size_t struct_size;
  const char* isa;           /* NULL: the fastest of this CPU; or "scalar", "avx2", "avxvnni", "avx512vnni",
                                "amx", "neon", "neondot" */
  int32_t threads;           /* 1 (default): the caller's thread only; 0: the CPUs of this process */
  int32_t spin_us;           /* 0 (default) to 10000: how long helpers poll for the next run before they sleep */
  int32_t max_batch;         /* 1 (default): the most images of one run */
  int32_t reserved;          /* 0 */
  uint64_t max_memory_bytes; /* 4 GiB (default): what the session may take */
  int64_t max_operations;    /* 1e12 (default): of one image */
  const narrow_cancellation* cancellation; /* NULL (default): runs can't be cancelled; else it outlives the session */
  const char* const* outputs; /* names of tensors that each run leaves readable, see narrow_session_read_output() */
  size_t output_count;        /* 0 (default) */
  const char* core; /* NULL: the closest to this CPU; or "zen3", "zen4", "zen5": by whose costs kernels are chosen */
  const narrow_allocator* allocator; /* NULL (default): the C++ library; else of tensors and packed weights, which are
                                        shared with sessions that have the same allocator */
  const char* packed; /* NULL (default); else a file of narrow_session_save_packed() for this model, isa and core, which
                         is mapped, so that nothing is packed; it must come from where the program does */
} narrow_session_options;
#define NARROW_SESSION_OPTIONS_INIT                                                                                \
  {                                                                                                                \
    sizeof(narrow_session_options), NULL, 1, 0, 1, 0, UINT64_C(4294967296), INT64_C(1000000000000), NULL, NULL, 0, \
        NULL, NULL, NULL                                                                                           \
  }

/* Compiles the model for this CPU. options: NULL for the defaults. *session is set only on success.
 * Errors: NARROW_INVALID_ARGUMENT, NARROW_NOT_FOUND (an unknown isa, core or output), NARROW_UNSUPPORTED,
 * NARROW_LIMIT. */
narrow_status narrow_session_create(const narrow_model* model, const narrow_session_options* options,
                                    narrow_session** session, narrow_error* error);
/* Another session of the same model with the same options, for another thread. All sessions of a model on one
 * instruction set share the packed weights; each has only tensors of its own. Errors: NARROW_LIMIT. */
narrow_status narrow_session_clone(const narrow_session* session, narrow_session** clone, narrow_error* error);
void narrow_session_free(narrow_session* session);
/* Writes the packed weights for narrow_session_options.packed: for this model, instruction set, core and version of
 * Narrow. Errors: NARROW_NOT_FOUND, NARROW_IO. */
narrow_status narrow_session_save_packed(const narrow_session* session, const char* path, narrow_error* error);
/* The chosen instruction set, such as "avx2"; valid until the session is freed. */
const char* narrow_session_isa(const narrow_session* session);

/* Runs `batch` images. input: [batch, height, width, channels] preprocessed floats; scores: [batch, classes]. Allocates
 * nothing. The scores do not depend on the instruction set, the threads or the batch.
 * Errors: NARROW_INVALID_ARGUMENT (batch is not in 1..max_batch; an input is NaN or infinite), NARROW_CANCELLED. */
narrow_status narrow_session_run(narrow_session* session, const float* input, size_t batch, float* scores,
                                 narrow_error* error);
/* The height, width and channels of an output of the options, by its index there. */
narrow_status narrow_session_output_shape(const narrow_session* session, size_t index, int64_t* height, int64_t* width,
                                          int64_t* channels, narrow_error* error);
/* Of the latest run, an output as real numbers: [batch, height, width, channels], `count` floats. Allocates nothing.
 * Errors: NARROW_INVALID_ARGUMENT (no such output, another count, no run that has succeeded yet). */
narrow_status narrow_session_read_output(const narrow_session* session, size_t index, float* values, size_t count,
                                         narrow_error* error);
/* Preprocesses one image as the model says and runs it. rgb: [height, width, 3] bytes, rows from top to bottom without
 * gaps; scores: [classes]. */
narrow_status narrow_session_classify(narrow_session* session, const uint8_t* rgb, int32_t width, int32_t height,
                                      float* scores, narrow_error* error);

/* How the pixels of a frame lie in memory, 8 bits per value. The fourth byte of RGBA and BGRA is not read. NV12: a
 * plane of luma, then one of U and V in turn. I420: a plane of luma, then one of U and one of V, half as wide and high.
 */
typedef enum narrow_pixel_layout {
  NARROW_RGB = 0,
  NARROW_BGR = 1,
  NARROW_RGBA = 2,
  NARROW_BGRA = 3,
  NARROW_GRAY = 4,
  NARROW_NV12 = 5,
  NARROW_I420 = 6
} narrow_pixel_layout;

/* What luma and chroma of NV12 and I420 mean. BT.601: luma 16..235, the bytes of OpenCV's cvtColor. BT.601 full: luma
 * 0..255, as in JPEG. BT.709: luma 16..235, video of 720 lines and more. */
typedef enum narrow_yuv_coding { NARROW_BT601 = 0, NARROW_BT601_FULL = 1, NARROW_BT709 = 2 } narrow_yuv_coding;

/* A frame in the caller's memory. Initialise with NARROW_FRAME_INIT, then set data, width, height and what differs. */
typedef struct narrow_frame {
  size_t struct_size;
  const uint8_t* data; /* the first pixel of the top row, or of the plane of luma */
  int32_t width;       /* in pixels; even with NV12 and I420, and so is height */
  int32_t height;
  int64_t stride;   /* bytes from one row to the next, negative if rows go upwards; 0 (default): no gap between rows */
  int32_t layout;   /* narrow_pixel_layout; NARROW_RGB is the default */
  int32_t coding;   /* narrow_yuv_coding */
  int32_t roi_left; /* the part that counts; roi_width and roi_height 0 (default): all of it */
  int32_t roi_top;
  int32_t roi_width;
  int32_t roi_height;
  const uint8_t*
      u; /* planes of chroma; NULL (default): each follows the plane before it. NV12: u is the plane of both */
  const uint8_t* v;      /* (NV21: v is its first byte and u its second) */
  int64_t chroma_stride; /* bytes; 0 (default): NV12 as stride, I420 half of it */
} narrow_frame;
#define NARROW_FRAME_INIT \
  { sizeof(narrow_frame), NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0 }

/* Preprocesses one frame as the model says and runs it. scores: [classes]. From the second frame of a size and layout
 * on it allocates nothing. Errors: NARROW_INVALID_ARGUMENT (the frame can't be), NARROW_CANCELLED, NARROW_LIMIT. */
narrow_status narrow_session_classify_frame(narrow_session* session, const narrow_frame* frame, float* scores,
                                            narrow_error* error);

/* The probabilities of the classes, in 0..1. scores and probabilities: [classes]; they may be the same memory. */
narrow_status narrow_model_probabilities(const narrow_model* model, const float* scores, float* probabilities,
                                         narrow_error* error);
/* Writes the indices of the k largest of `count` scores to class_indices, best first; of equal ones the lower index
 * first. Returns how many: the smaller of k and count. */
size_t narrow_top_k(const float* scores, size_t count, size_t k, int32_t* class_indices);

/* Ends runs of other threads: they return NARROW_CANCELLED soon after cancel(), and so do runs that start before
 * reset(). create() returns NULL where memory is out. cancel() may be called by a signal handler. */
narrow_cancellation* narrow_cancellation_create(void);
void narrow_cancellation_cancel(narrow_cancellation* cancellation);
/* Cancels by itself after so many nanoseconds from now; of several calls the latest counts. reset() takes it back. */
void narrow_cancellation_cancel_after(narrow_cancellation* cancellation, int64_t nanoseconds);
void narrow_cancellation_reset(narrow_cancellation* cancellation);
void narrow_cancellation_free(narrow_cancellation* cancellation);

#ifdef __cplusplus
} /* extern "C" */
#endif

#include "narrow/detail/visibility_end.h"

#endif
