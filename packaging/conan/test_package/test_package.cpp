// The library is found, linked and answers: bytes that are no model are refused.
#include <array>
#include <cstddef>
#include <cstdio>
#include <string>

#include "narrow/model.h"
#include "narrow/version.h"

int main() {
  const std::array<std::byte, 16> no_model{};
  const narrow::Result<narrow::Model> model = narrow::Model::parse(no_model, "sixteen zeros");
  std::printf("narrow %s: %s\n", std::string(narrow::version()).c_str(),
              model.ok() ? "sixteen zeros are a model" : model.error().text().c_str());
  return model.ok() ? 1 : 0;
}
