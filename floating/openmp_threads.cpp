#include "floating/openmp_threads.h"

#include <dlfcn.h>

namespace narrow::graph {
namespace {

// Finds oneDNN's own OpenMP runtime by name. Linking to a runtime here could load a second one, whose settings oneDNN
// does not read. If oneDNN was built without OpenMP, there is nothing to set.
struct Runtime {
  using Set = void (*)(int);
  using Get = int (*)();
  Set set = reinterpret_cast<Set>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  Get get = reinterpret_cast<Get>(dlsym(RTLD_DEFAULT, "omp_get_max_threads"));
  [[nodiscard]] bool found() const { return set != nullptr && get != nullptr; }
};

const Runtime& runtime() {
  static const Runtime instance;
  return instance;
}

}  // namespace

ScopedOpenMpThreads::ScopedOpenMpThreads(int threads) {
  if (!runtime().found()) return;
  before_ = runtime().get();
  runtime().set(threads);
}

ScopedOpenMpThreads::~ScopedOpenMpThreads() {
  if (runtime().found()) runtime().set(before_);
}

}  // namespace narrow::graph
