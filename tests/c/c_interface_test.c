/* The C interface from a C program: every function, with right and wrong arguments. Prints what was wrong; exit code 1. */
#define _POSIX_C_SOURCE 200112L /* posix_memalign */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "narrow.h"

static int failures = 0;

#define CHECK(condition)                                                \
  do {                                                                  \
    if (!(condition)) {                                                 \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      ++failures;                                                       \
    }                                                                   \
  } while (0)

static void* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  void* bytes = NULL;
  long length = 0;
  if (file == NULL) exit(2);
  fseek(file, 0, SEEK_END);
  length = ftell(file);
  fseek(file, 0, SEEK_SET);
  bytes = malloc((size_t)length);
  if (bytes == NULL || fread(bytes, 1, (size_t)length, file) != (size_t)length) exit(2);
  fclose(file);
  *size = (size_t)length;
  return bytes;
}

static void check_versions(void) {
  char text[64];
  snprintf(text, sizeof text, "%d.%d.%d", NARROW_VERSION_MAJOR, NARROW_VERSION_MINOR, NARROW_VERSION_PATCH);
  CHECK(strcmp(narrow_version(), text) == 0);
  CHECK(narrow_version_number() == 10000 * NARROW_VERSION_MAJOR + 100 * NARROW_VERSION_MINOR + NARROW_VERSION_PATCH);
  CHECK(strcmp(narrow_status_name(NARROW_OK), "ok") == 0);
  CHECK(strcmp(narrow_status_name(NARROW_MALFORMED), "malformed") == 0);
  CHECK(strcmp(narrow_status_name((narrow_status)77), "unknown") == 0);
}

static void check_errors(const void* bytes, size_t size) {
  narrow_model* model = NULL;
  narrow_error error;
  memset(&error, 'x', sizeof error);
  CHECK(narrow_model_load("/no/such/file.nrw", &model, &error) == NARROW_NOT_FOUND);
  CHECK(model == NULL);
  CHECK(error.status == NARROW_NOT_FOUND);
  CHECK(strstr(error.message, "/no/such/file.nrw: ") == error.message);
  CHECK(narrow_model_load("/no/such/file.nrw", &model, NULL) == NARROW_NOT_FOUND);
  CHECK(narrow_model_parse(bytes, size - 1, 1, &model, &error) == NARROW_MALFORMED);
  CHECK(narrow_model_parse(bytes, 0, 0, &model, &error) == NARROW_MALFORMED);
  CHECK(model == NULL);
  {
    /* A message that is longer than the memory for it is cut. */
    char path[3000];
    memset(path, 'p', sizeof path);
    path[sizeof path - 1] = '\0';
    CHECK(narrow_model_load(path, &model, &error) != NARROW_OK);
    CHECK(strlen(error.message) == sizeof error.message - 1);
  }
  narrow_model_free(NULL);
  narrow_session_free(NULL);
  narrow_cancellation_free(NULL);
}

/* Each pointer that must not be NULL is named by the error; nothing is written. */
static void check_null(const char* path, const void* bytes, size_t size) {
  narrow_model* model = NULL;
  narrow_model* none = NULL;
  narrow_session* session = NULL;
  narrow_session* other = NULL;
  narrow_error error;
  narrow_session_options options = NARROW_SESSION_OPTIONS_INIT;
  narrow_load_options load = NARROW_LOAD_OPTIONS_INIT;
  narrow_frame frame = NARROW_FRAME_INIT;
  const char* no_name = NULL;
  float input[32 * 32 * 3] = {0};
  float scores[10] = {0};
  uint8_t rgb[3] = {1, 2, 3};
  int64_t side = 0;

#define CHECK_NULL(call, name)                      \
  do {                                              \
    CHECK((call) == NARROW_INVALID_ARGUMENT);       \
    CHECK(strcmp(error.message, name ": is NULL") == 0); \
  } while (0)

  CHECK_NULL(narrow_model_load(NULL, &none, &error), "path");
  CHECK_NULL(narrow_model_load(path, NULL, &error), "model");
  CHECK_NULL(narrow_model_parse(NULL, size, 1, &none, &error), "bytes");
  CHECK_NULL(narrow_model_parse(NULL, size, 0, &none, &error), "bytes");
  CHECK_NULL(narrow_model_parse(bytes, size, 1, NULL, &error), "model");
  CHECK(narrow_model_parse(NULL, 0, 1, &none, &error) == NARROW_MALFORMED);
  CHECK(narrow_model_load(path, &model, &error) == NARROW_OK);
  CHECK_NULL(narrow_session_create(none, NULL, &other, &error), "model");
  CHECK_NULL(narrow_session_create(model, NULL, NULL, &error), "session");
  CHECK(narrow_session_create(none, NULL, &other, NULL) == NARROW_INVALID_ARGUMENT);
  options.output_count = 1;
  CHECK_NULL(narrow_session_create(model, &options, &other, &error), "outputs");
  options.outputs = &no_name;
  CHECK_NULL(narrow_session_create(model, &options, &other, &error), "outputs");
  CHECK(other == NULL && none == NULL);
  options.output_count = 0;
  options.reserved = 1;
  CHECK(narrow_session_create(model, &options, &other, &error) == NARROW_INVALID_ARGUMENT);
  load.reserved = -1;
  CHECK(narrow_model_load_with(path, &load, &none, &error) == NARROW_INVALID_ARGUMENT);
  CHECK(strstr(error.message, "reserved: is -1 ") == error.message);

  CHECK(narrow_session_create(model, NULL, &session, &error) == NARROW_OK);
  CHECK_NULL(narrow_session_clone(other, &other, &error), "session");
  CHECK_NULL(narrow_session_clone(session, NULL, &error), "clone");
  CHECK_NULL(narrow_session_save_packed(other, path, &error), "session");
  CHECK_NULL(narrow_session_save_packed(session, NULL, &error), "path");
  CHECK_NULL(narrow_session_run(other, input, 1, scores, &error), "session");
  CHECK_NULL(narrow_session_run(session, NULL, 1, scores, &error), "input");
  CHECK_NULL(narrow_session_run(session, input, 1, NULL, &error), "scores");
  CHECK_NULL(narrow_session_output_shape(other, 0, &side, &side, &side, &error), "session");
  CHECK_NULL(narrow_session_output_shape(session, 0, NULL, &side, &side, &error), "height");
  CHECK_NULL(narrow_session_output_shape(session, 0, &side, NULL, &side, &error), "width");
  CHECK_NULL(narrow_session_output_shape(session, 0, &side, &side, NULL, &error), "channels");
  CHECK_NULL(narrow_session_read_output(other, 0, scores, 10, &error), "session");
  CHECK_NULL(narrow_session_read_output(session, 0, NULL, 10, &error), "values");
  CHECK_NULL(narrow_session_classify(other, rgb, 1, 1, scores, &error), "session");
  CHECK_NULL(narrow_session_classify(session, NULL, 1, 1, scores, &error), "rgb");
  CHECK_NULL(narrow_session_classify(session, rgb, 1, 1, NULL, &error), "scores");
  CHECK(narrow_session_classify(session, rgb, INT32_MAX, INT32_MAX, scores, &error) == NARROW_LIMIT);
  CHECK_NULL(narrow_session_classify_frame(other, &frame, scores, &error), "session");
  CHECK_NULL(narrow_session_classify_frame(session, NULL, scores, &error), "frame");
  CHECK_NULL(narrow_session_classify_frame(session, &frame, NULL, &error), "scores");
  CHECK_NULL(narrow_model_probabilities(none, scores, scores, &error), "model");
  CHECK_NULL(narrow_model_probabilities(model, NULL, scores, &error), "scores");
  CHECK_NULL(narrow_model_probabilities(model, scores, NULL, &error), "probabilities");
  narrow_session_free(session);
  narrow_model_free(model);
}

static void check_session(const narrow_model* model, const float* expected) {
  const size_t classes = narrow_model_classes(model);
  const size_t input_size = narrow_model_input_size(model);
  float* input = calloc(2 * input_size, sizeof(float));
  float* scores = calloc(2 * classes, sizeof(float));
  int32_t* best = calloc(classes, sizeof(int32_t));
  narrow_session* session = NULL;
  narrow_error error;
  narrow_session_options options = NARROW_SESSION_OPTIONS_INIT;
  narrow_cancellation* cancellation = narrow_cancellation_create();
  size_t i = 0;
  if (input == NULL || scores == NULL || best == NULL) exit(2);
  for (i = 0; i < 2 * input_size; ++i) input[i] = 0.5F;

  options.isa = "mmx";
  CHECK(narrow_session_create(model, &options, &session, &error) == NARROW_NOT_FOUND);
  CHECK(strstr(error.message, "mmx") != NULL);
  options.isa = "scalar";
  options.struct_size = 8;
  CHECK(narrow_session_create(model, &options, &session, &error) == NARROW_INVALID_ARGUMENT);
  options.struct_size = sizeof options;
  options.max_memory_bytes = 1000;
  CHECK(narrow_session_create(model, &options, &session, &error) == NARROW_LIMIT);
  CHECK(session == NULL);
  options.max_memory_bytes = 1 << 30;
  options.max_batch = 2;
  options.cancellation = cancellation;
  CHECK(narrow_session_create(model, &options, &session, &error) == NARROW_OK);
  CHECK(strcmp(narrow_session_isa(session), "scalar") == 0);
  CHECK(narrow_session_run(session, input, 0, scores, &error) == NARROW_INVALID_ARGUMENT);
  CHECK(narrow_session_run(session, input, 3, scores, &error) == NARROW_INVALID_ARGUMENT);
  CHECK(narrow_session_run(session, input, (size_t)-1, scores, &error) == NARROW_INVALID_ARGUMENT);
  CHECK(narrow_session_run(session, input, 2, scores, &error) == NARROW_OK);
  CHECK(memcmp(scores, expected, classes * sizeof(float)) == 0);
  CHECK(memcmp(scores, scores + classes, classes * sizeof(float)) == 0);

  {
    narrow_session* clone = NULL;
    CHECK(narrow_session_clone(session, &clone, NULL) == NARROW_OK);
    CHECK(strcmp(narrow_session_isa(clone), "scalar") == 0);
    memset(scores, 0, 2 * classes * sizeof(float));
    CHECK(narrow_session_run(clone, input, 2, scores, &error) == NARROW_OK);
    CHECK(memcmp(scores, expected, classes * sizeof(float)) == 0);
    narrow_session_free(clone);
  }

  {
    const char* const embedding = narrow_model_embedding(model);
    const size_t tensors = narrow_model_tensors(model);
    narrow_session_options with_output = NARROW_SESSION_OPTIONS_INIT;
    narrow_session* reading = NULL;
    int64_t height = 0, width = 0, channels = 0;
    float* values = NULL;
    int found = 0;
    CHECK(embedding != NULL);
    for (i = 0; i < tensors; ++i) found += strcmp(narrow_model_tensor(model, i), embedding) == 0;
    CHECK(found == 1);
    CHECK(narrow_model_tensor(model, tensors) == NULL);
    with_output.outputs = &embedding;
    with_output.output_count = 1;
    CHECK(narrow_session_create(model, &with_output, &reading, &error) == NARROW_OK);
    CHECK(narrow_session_output_shape(reading, 1, &height, &width, &channels, &error) == NARROW_INVALID_ARGUMENT);
    CHECK(narrow_session_output_shape(reading, 0, &height, &width, &channels, &error) == NARROW_OK);
    CHECK(height >= 1 && width >= 1 && channels > 1);
    values = calloc((size_t)(height * width * channels), sizeof(float));
    CHECK(narrow_session_read_output(reading, 0, values, (size_t)(height * width * channels), &error) ==
          NARROW_INVALID_ARGUMENT);
    CHECK(narrow_session_run(reading, input, 1, scores, &error) == NARROW_OK);
    CHECK(memcmp(scores, expected, classes * sizeof(float)) == 0);
    CHECK(narrow_session_read_output(reading, 0, values, 1, &error) == NARROW_INVALID_ARGUMENT);
    CHECK(narrow_session_read_output(reading, 0, values, (size_t)(height * width * channels), &error) == NARROW_OK);
    found = 0;
    for (i = 0; i < (size_t)(height * width * channels); ++i) found += values[i] != 0;
    CHECK(found > 0);
    narrow_session_free(reading);
    /* The structure of the first version was shorter. */
    with_output.struct_size = offsetof(narrow_session_options, outputs);
    with_output.output_count = 1000;
    CHECK(narrow_session_create(model, &with_output, &reading, &error) == NARROW_OK);
    CHECK(narrow_session_output_shape(reading, 0, &height, &width, &channels, &error) == NARROW_INVALID_ARGUMENT);
    narrow_session_free(reading);
    free(values);
  }
  narrow_cancellation_cancel_after(cancellation, -1);
  CHECK(narrow_session_run(session, input, 1, scores, &error) == NARROW_CANCELLED);
  narrow_cancellation_reset(cancellation);
  narrow_cancellation_cancel_after(cancellation, INT64_MAX);
  CHECK(narrow_session_run(session, input, 1, scores, &error) == NARROW_OK);
  input[1] = NAN;
  CHECK(narrow_session_run(session, input, 1, scores, &error) == NARROW_INVALID_ARGUMENT);
  CHECK(strstr(error.message, "channel 1") != NULL);
  input[1] = input[0];

  narrow_cancellation_cancel(cancellation);
  CHECK(narrow_session_run(session, input, 1, scores, &error) == NARROW_CANCELLED);
  narrow_cancellation_reset(cancellation);
  CHECK(narrow_session_run(session, input, 1, scores, &error) == NARROW_OK);

  CHECK(narrow_top_k(scores, classes, classes + 5, best) == classes);
  for (i = 1; i < classes; ++i) CHECK(scores[best[i - 1]] >= scores[best[i]]);
  {
    const float ties[] = {1.0F, NAN, 2.0F, 2.0F, 1.0F};
    int32_t order[5];
    CHECK(narrow_top_k(ties, 5, 5, order) == 5);
    CHECK(order[0] == 2 && order[1] == 3 && order[2] == 0 && order[3] == 4 && order[4] == 1);
    CHECK(narrow_top_k(ties, 5, 0, order) == 0);
  }
  CHECK(narrow_model_probabilities(model, scores, scores, &error) == NARROW_OK);
  {
    float sum = 0;
    for (i = 0; i < classes; ++i) sum += scores[i];
    CHECK(fabsf(sum - 1) < 1e-5F);
  }
  narrow_session_free(session);
  narrow_cancellation_free(cancellation);
  free(best);
  free(scores);
  free(input);
}

/* Scores of a session whose packed weights are in a file. */
static void check_packed(const char* path) {
  char file[64];
  float input[32 * 32 * 3];
  float expected[10];
  float scores[10];
  narrow_model* model = NULL;
  narrow_session* session = NULL;
  narrow_session* mapped = NULL;
  narrow_error error;
  narrow_session_options options = NARROW_SESSION_OPTIONS_INIT;
  size_t i = 0;
  snprintf(file, sizeof file, "c_interface_test.%ld.packed", (long)getpid());
  for (i = 0; i < sizeof input / sizeof *input; ++i) input[i] = 0.25F;
  CHECK(narrow_model_load(path, &model, &error) == NARROW_OK);
  CHECK(narrow_session_create(model, NULL, &session, &error) == NARROW_OK);
  CHECK(narrow_session_run(session, input, 1, expected, &error) == NARROW_OK);
  options.packed = file;
  CHECK(narrow_session_create(model, &options, &mapped, &error) == NARROW_NOT_FOUND);
  CHECK(narrow_session_save_packed(session, "/no/such/folder/file", &error) != NARROW_OK);
  CHECK(narrow_session_save_packed(session, file, &error) == NARROW_OK);
  CHECK(narrow_session_create(model, &options, &mapped, &error) == NARROW_OK);
  remove(file);
  CHECK(narrow_session_run(mapped, input, 1, scores, &error) == NARROW_OK);
  CHECK(memcmp(scores, expected, sizeof scores) == 0);
  narrow_session_free(mapped);
  narrow_session_free(session);
  narrow_model_free(model);
}

/* rgb: [36, 40, 3], whose scores are `expected`. */
static void check_frames(narrow_session* session, const uint8_t* rgb, const float* expected, size_t classes) {
  uint8_t bgra[4 * 44 * 38];
  float* scores = calloc(classes, sizeof(float));
  narrow_error error;
  narrow_frame frame = NARROW_FRAME_INIT;
  size_t x = 0;
  size_t y = 0;
  if (scores == NULL) exit(2);
  frame.data = rgb;
  frame.width = 40;
  frame.height = 36;
  CHECK(narrow_session_classify_frame(session, &frame, scores, &error) == NARROW_OK);
  CHECK(memcmp(scores, expected, classes * sizeof(float)) == 0);

  /* The same pixels within a larger frame of another layout. */
  memset(bgra, 255, sizeof bgra);
  memset(scores, 0, classes * sizeof(float));
  for (y = 0; y < 36; ++y) {
    for (x = 0; x < 40; ++x) {
      const uint8_t* from = rgb + 3 * (40 * y + x);
      uint8_t* to = bgra + 4 * (44 * (y + 2) + x + 1);
      to[0] = from[2];
      to[1] = from[1];
      to[2] = from[0];
    }
  }
  frame.data = bgra;
  frame.layout = NARROW_BGRA;
  frame.width = 44;
  frame.height = 38;
  frame.roi_left = 1;
  frame.roi_top = 2;
  frame.roi_width = 40;
  frame.roi_height = 36;
  CHECK(narrow_session_classify_frame(session, &frame, scores, &error) == NARROW_OK);
  CHECK(memcmp(scores, expected, classes * sizeof(float)) == 0);

  frame.roi_width = 44;
  CHECK(narrow_session_classify_frame(session, &frame, scores, &error) == NARROW_INVALID_ARGUMENT);
  frame.roi_width = 40;
  frame.layout = 9;
  CHECK(narrow_session_classify_frame(session, &frame, scores, NULL) == NARROW_INVALID_ARGUMENT);
  frame.layout = NARROW_BGRA;
  frame.data = NULL;
  CHECK(narrow_session_classify_frame(session, &frame, scores, &error) == NARROW_INVALID_ARGUMENT);
  frame.data = bgra;
  frame.struct_size = 8;
  CHECK(narrow_session_classify_frame(session, &frame, scores, &error) == NARROW_INVALID_ARGUMENT);
  free(scores);
}

static void check_images(const narrow_model* model) {
  uint8_t rgb[3 * 40 * 36];
  const size_t classes = narrow_model_classes(model);
  float* scores = calloc(classes, sizeof(float));
  narrow_session* session = NULL;
  narrow_error error;
  size_t i = 0;
  if (scores == NULL) exit(2);
  for (i = 0; i < sizeof rgb; ++i) rgb[i] = (uint8_t)(i % 251);
  CHECK(narrow_session_create(model, NULL, &session, &error) == NARROW_OK);
  CHECK(narrow_session_classify(session, rgb, 0, 36, scores, &error) == NARROW_INVALID_ARGUMENT);
  CHECK(narrow_session_classify(session, rgb, 40, -1, scores, &error) == NARROW_INVALID_ARGUMENT);
  CHECK(narrow_session_classify(session, rgb, 40, 36, scores, &error) == NARROW_OK);
  for (i = 0; i < classes; ++i) CHECK(isfinite(scores[i]));
  check_frames(session, rgb, scores, classes);
  narrow_session_free(session);
  free(scores);
}

typedef struct counter {
  size_t allocations;
  size_t bytes;
  size_t grant; /* how many allocations succeed */
} counter;

static void* count_allocate(void* context, size_t bytes, size_t alignment) {
  counter* const count = context;
  void* memory = NULL;
  if (count->allocations == count->grant) return NULL;
  if (posix_memalign(&memory, alignment, bytes) != 0) return NULL;
  ++count->allocations;
  count->bytes += bytes;
  return memory;
}

static void count_deallocate(void* context, void* memory, size_t bytes, size_t alignment) {
  (void)alignment;
  ((counter*)context)->bytes -= bytes;
  free(memory);
}

static void check_allocator(const char* path, const void* bytes, size_t size) {
  counter count = {0, 0, (size_t)-1};
  narrow_allocator allocator = NARROW_ALLOCATOR_INIT;
  narrow_load_options load = NARROW_LOAD_OPTIONS_INIT;
  narrow_session_options options = NARROW_SESSION_OPTIONS_INIT;
  narrow_model* model = NULL;
  narrow_session* session = NULL;
  narrow_session* clone = NULL;
  narrow_error error;
  size_t of_model = 0;

  load.allocator = &allocator;
  options.allocator = &allocator;
  CHECK(narrow_model_load_with(path, &load, &model, &error) == NARROW_INVALID_ARGUMENT); /* no functions */
  allocator.allocate = count_allocate;
  allocator.deallocate = count_deallocate;
  allocator.context = &count;
  allocator.struct_size = 8;
  CHECK(narrow_model_load_with(path, &load, &model, &error) == NARROW_INVALID_ARGUMENT);
  CHECK(strstr(error.message, "NARROW_ALLOCATOR_INIT") != NULL);
  allocator.struct_size = sizeof allocator;
  load.struct_size = 8;
  CHECK(narrow_model_load_with(path, &load, &model, &error) == NARROW_INVALID_ARGUMENT);
  CHECK(strstr(error.message, "NARROW_LOAD_OPTIONS_INIT") != NULL);
  load.struct_size = sizeof load;

  CHECK(narrow_model_load_with(path, &load, &model, &error) == NARROW_OK);
  CHECK(count.bytes == size);
  narrow_model_free(model);
  CHECK(count.bytes == 0);
  load.max_memory_bytes = size - 1;
  CHECK(narrow_model_load_with(path, &load, &model, &error) == NARROW_LIMIT);
  CHECK(narrow_model_parse_with(bytes, size, 1, &load, &model, &error) == NARROW_LIMIT);
  load.max_memory_bytes = size;
  load.map = 1;
  CHECK(narrow_model_load_with(path, &load, &model, &error) == NARROW_OK);
  CHECK(count.bytes == 0);
  narrow_model_free(model);
  CHECK(narrow_model_parse_with(bytes, size, 1, &load, &model, &error) == NARROW_OK);
  of_model = count.bytes;
  CHECK(of_model > 0 && of_model < size);

  count.grant = count.allocations + 1;
  CHECK(narrow_session_create(model, &options, &session, &error) == NARROW_LIMIT);
  CHECK(session == NULL && count.bytes == of_model);
  count.grant = (size_t)-1;
  CHECK(narrow_session_create(model, &options, &session, &error) == NARROW_OK);
  CHECK(narrow_session_clone(session, &clone, &error) == NARROW_OK);
  /* The structures may go: they were copied. */
  memset(&allocator, 0, sizeof allocator);
  memset(&load, 0, sizeof load);
  memset(&options, 0, sizeof options);
  narrow_model_free(model);
  CHECK(count.bytes > of_model);
  narrow_session_free(session);
  CHECK(count.bytes > of_model);
  narrow_session_free(clone);
  CHECK(count.bytes == 0);
}

int main(int argc, char** argv) {
  narrow_model* model = NULL;
  narrow_model* parsed = NULL;
  narrow_session* session = NULL;
  narrow_error error;
  size_t size = 0;
  size_t i = 0;
  void* bytes = NULL;
  if (argc != 2) {
    fprintf(stderr, "usage: c_interface_test MODEL.nrw\n");
    return 2;
  }
  bytes = read_file(argv[1], &size);
  check_versions();
  check_errors(bytes, size);
  check_null(argv[1], bytes, size);
  check_allocator(argv[1], bytes, size);
  check_packed(argv[1]);
  CHECK(narrow_model_load(argv[1], &model, &error) == NARROW_OK);
  {
    int64_t height = 0;
    int64_t width = 0;
    int64_t channels = 0;
    narrow_model_input_shape(model, &height, &width, &channels);
    CHECK(height == 32 && width == 32 && channels == 3);
    CHECK(narrow_model_input_size(model) == 32 * 32 * 3);
    CHECK(narrow_model_classes(model) == 10);
    CHECK(narrow_model_score_kind(model) == NARROW_LOGITS);
    CHECK(strcmp(narrow_model_label(model, 0), "airplane") == 0);
    CHECK(narrow_model_label(model, 10) == NULL);
  }
  {
    float input[32 * 32 * 3];
    float scores[10];
    for (i = 0; i < sizeof input / sizeof *input; ++i) input[i] = 0.5F;
    CHECK(narrow_session_create(model, NULL, &session, &error) == NARROW_OK);
    CHECK(narrow_session_run(session, input, 1, scores, &error) == NARROW_OK);
    narrow_session_free(session);
    check_session(model, scores);
    check_images(model);
    narrow_model_free(model);

    /* Bytes that are copied may change afterwards; those that are not are used where they are. */
    CHECK(narrow_model_parse(bytes, size, 0, &parsed, &error) == NARROW_OK);
    check_session(parsed, scores);
    narrow_model_free(parsed);
    CHECK(narrow_model_parse(bytes, size, 1, &parsed, &error) == NARROW_OK);
    memset(bytes, 0, size);
    free(bytes);
    check_session(parsed, scores);
    narrow_model_free(parsed);
  }
  if (failures > 0) return 1;
  printf("narrow %s: the C interface does what its header says\n", narrow_version());
  return 0;
}
