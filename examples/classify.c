/* classify_c MODEL.nrw IMAGE.ppm: the most probable class of an image, in C. */
#include <stdio.h>
#include <stdlib.h>

#include "narrow.h"

static int fail(const narrow_error* error) {
  fprintf(stderr, "%s\n", error->message);
  return 1;
}

/* A binary PPM of 8 bits without comments; NULL if it is none. */
static uint8_t* read_ppm(const char* path, int* width, int* height) {
  FILE* file = fopen(path, "rb");
  uint8_t* rgb = NULL;
  size_t bytes = 0;
  if (file == NULL) return NULL;
  if (fscanf(file, "P6 %d %d 255", width, height) == 2 && *width > 0 && *width <= 16384 && *height > 0 &&
      *height <= 16384) {
    fgetc(file);
    bytes = (size_t)3 * (size_t)*width * (size_t)*height;
    rgb = malloc(bytes);
    if (rgb != NULL && fread(rgb, 1, bytes, file) != bytes) {
      free(rgb);
      rgb = NULL;
    }
  }
  fclose(file);
  return rgb;
}

int main(int argc, char** argv) {
  narrow_error error;
  narrow_model* model = NULL;
  narrow_session* session = NULL;
  narrow_frame frame = NARROW_FRAME_INIT;
  uint8_t* rgb = NULL;
  float* scores = NULL;
  int32_t best = 0;
  const char* label = NULL;
  if (argc != 3) {
    fprintf(stderr, "usage: classify_c MODEL.nrw IMAGE.ppm\n");
    return 2;
  }
  if (narrow_model_load(argv[1], &model, &error) != NARROW_OK) return fail(&error);
  if (narrow_session_create(model, NULL, &session, &error) != NARROW_OK) return fail(&error);
  rgb = read_ppm(argv[2], &frame.width, &frame.height);
  scores = malloc(narrow_model_classes(model) * sizeof(float));
  if (rgb == NULL || scores == NULL) {
    fprintf(stderr, "%s is no binary PPM image of 8 bits without comments\n", argv[2]);
    return 1;
  }
  frame.data = rgb; /* RGB without gaps is the default; narrow.h has the other layouts */
  if (narrow_session_classify_frame(session, &frame, scores, &error) != NARROW_OK) return fail(&error);
  if (narrow_model_probabilities(model, scores, scores, &error) != NARROW_OK) return fail(&error);
  narrow_top_k(scores, narrow_model_classes(model), 1, &best);
  label = narrow_model_label(model, (size_t)best);
  printf("%.2f %% %s\n", 100.0 * scores[best], label != NULL ? label : "without a name");
  free(scores);
  free(rgb);
  narrow_session_free(session);
  narrow_model_free(model);
  return 0;
}
