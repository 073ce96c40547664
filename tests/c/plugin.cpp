// A plug-in that links the static library: nothing of Narrow may be among what it exports.
#include "narrow.h"
#include "narrow/model.h"
#include "narrow/session.h"

extern "C" __attribute__((visibility("default"))) int plugin_classes(const char* path) {
  narrow_model* by_c = nullptr;
  if (narrow_model_load(path, &by_c, nullptr) != NARROW_OK) return -1;
  narrow_model_free(by_c);
  const narrow::Result<narrow::Model> model = narrow::Model::load(path);
  if (!model.ok()) return -1;
  const narrow::Result<narrow::Session> session = narrow::Session::create(*model);
  return session.ok() ? static_cast<int>(model->classes()) : -1;
}
