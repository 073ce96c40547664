// Tensors of a checkpoint are views of storages.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "importers/torch/checkpoint.h"
#include "tests/importers/torch/checkpoint_support.h"
#include "tests/importers/torch/checkpoint_writer.h"

using namespace narrow::testing;

TEST_CASE("checkpoint tensors resolve offset and strides and share storages") {
  PickleWriter pickle;
  pickle.raw("}").mark();
  pickle.text("all").tensor("FloatStorage", "0", 12, 0, {3, 4}, {4, 1});
  pickle.text("transposed").tensor("FloatStorage", "0", 12, 0, {4, 3}, {1, 4});
  pickle.text("part").tensor("FloatStorage", "0", 12, 5, {2, 2}, {4, 1});
  pickle.text("every second").tensor("FloatStorage", "0", 12, 1, {2, 1, 2}, {4, 1000, 2});
  pickle.text("repeated").tensor("FloatStorage", "0", 12, 3, {2, 3}, {0, 0});
  pickle.text("scalar").tensor("FloatStorage", "0", 12, 11, {}, {});
  pickle.text("empty").tensor("FloatStorage", "0", 12, 12, {0, 3}, {3, 1});
  const std::string data = pickle.raw("u").stop();
  const std::vector<float> values = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  for (const std::string& file :
       {zip_checkpoint(data, {bytes_of(values)}), stream_checkpoint(data, {{12, bytes_of(values)}})}) {
    const auto weights = parse(file);
    REQUIRE(weights.ok());
    CHECK(weights->find("all")->values == values);
    CHECK(weights->find("transposed")->values == std::vector<float>{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11});
    CHECK(weights->find("part")->values == std::vector<float>{5, 6, 9, 10});
    CHECK(weights->find("every second")->values == std::vector<float>{1, 3, 5, 7});
    CHECK(weights->find("repeated")->values == std::vector<float>{3, 3, 3, 3, 3, 3});
    CHECK(weights->find("scalar")->values == std::vector<float>{11});
    CHECK(weights->find("scalar")->shape.empty());
    CHECK(weights->find("empty")->values.empty());
  }
}

TEST_CASE("checkpoint tensors that are the same elements are told from others of their storage") {
  PickleWriter pickle;
  pickle.raw("}(");
  const auto add = [&](const char* name, int offset, const std::vector<std::int64_t>& shape,
                       const std::vector<std::int64_t>& strides) {
    pickle.text(name).tensor("FloatStorage", "0", 6, offset, shape, strides);
  };
  add("first", 0, {2, 2}, {2, 1});
  add("again", 0, {2, 2}, {2, 1});
  add("transposed", 0, {2, 2}, {1, 2});
  add("moved", 2, {2, 2}, {2, 1});
  add("flat", 0, {4}, {1});
  add("column", 0, {2, 1}, {1, 1});
  add("column with another stride of one element", 0, {2, 1}, {1, 7});
  pickle.text("of another storage").tensor("FloatStorage", "1", 6, 0, {2, 2}, {2, 1});
  add("third", 0, {2, 2}, {2, 1});
  pickle.raw("u");
  const auto weights =
      parse(zip_checkpoint(pickle.stop(), {bytes_of({1, 2, 3, 4, 5, 6}), bytes_of({1, 2, 3, 4, 5, 6})}));
  REQUIRE(weights.ok());
  CHECK(weights->same ==
        std::vector<std::pair<std::string, std::string>>{
            {"again", "first"}, {"column with another stride of one element", "column"}, {"third", "first"}});
}

TEST_CASE("checkpoint of the stream format may hold views of a storage") {
  const auto view = [](std::int64_t offset, std::int64_t elems) {
    PickleWriter pickle;
    pickle.raw("}").text("a").global("torch._utils", "_rebuild_tensor").mark().mark().text("storage");
    pickle.global("torch", "FloatStorage").text("0").text("cpu").integer(4);
    pickle.mark().text("v").integer(offset).integer(elems).raw("ttQ").integer(1).integers({1}).integers({1}).raw("tRs");
    return stream_checkpoint(pickle.stop(), {{4, bytes_of({1, 2, 3, 4})}});
  };
  const auto weights = parse(view(2, 2));
  REQUIRE(weights.ok());
  CHECK(weights->entries[0].second.values == std::vector<float>{4});
  CHECK(contains(parse_error(view(3, 2)).message, "outside the storage"));
  CHECK(contains(parse_error(view(-1, 2)).message, "outside the storage"));
  CHECK(contains(parse_error(view(INT64_MAX, INT64_MAX)).message, "outside the storage"));
  CHECK(contains(parse_error(view(3, 1)).message, "reaches to element 1 of a storage with 1"));
}
