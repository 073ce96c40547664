#include "importers/torch/unpickler.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <string_view>
#include <utility>

#include "base/try.h"
#include "importers/torch/opcodes.h"
#include "importers/torch/pickle_globals.h"

namespace narrow::torch::pickle {
namespace {

// Real checkpoints stay far below these limits: ResNet-152 has 30 thousand opcodes and a nesting of four.
constexpr std::size_t kMaxOpcodes = 10'000'000;
constexpr std::size_t kMaxStack = 1'000'000;
constexpr std::size_t kMaxMarks = 1000;
constexpr std::size_t kMaxMemo = 1'000'000;
constexpr std::size_t kMaxCost = 2'000'000;  // objects and elements of containers
constexpr std::size_t kMaxGlobalName = 256;
constexpr std::size_t kMaxLongBytes = 4096;

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, std::size_t start, const std::string& where)
      : bytes_(bytes), where_(where), position_(start), start_(start), opcode_offset_(start) {}

  Result<Document> run() {
    NARROW_TRY(read_protocol());
    const std::size_t max_cost = std::min(kMaxCost, 64 + 4 * (bytes_.size() - start_));
    for (std::size_t count = 0; !stopped_; ++count) {
      opcode_offset_ = position_;
      if (count == kMaxOpcodes) return limit("more than 10 million opcodes");
      NARROW_TRY(step());
      if (stack_.size() > kMaxStack) return limit("more than a million values on the stack");
      if (document_.heap.cost() > max_cost) return limit("more objects than a file of this size can hold");
    }
    document_.end = position_;
    return std::move(document_);
  }

 private:
  // --- errors -------------------------------------------------------------------------------------------------------
  [[nodiscard]] Error fail(ErrorCode code, std::string message) const {
    return {code, std::move(message), where_ + " offset " + std::to_string(opcode_offset_)};
  }
  [[nodiscard]] Error malformed(std::string message) const { return fail(ErrorCode::kMalformed, std::move(message)); }
  [[nodiscard]] Error limit(const std::string& what) const {
    return fail(ErrorCode::kLimit, "the pickle is damaged or hostile: " + what);
  }
  [[nodiscard]] Error located(Error error) const { return fail(error.code, std::move(error.message)); }

  // --- bytes --------------------------------------------------------------------------------------------------------
  [[nodiscard]] std::size_t left() const { return bytes_.size() - position_; }

  // An unsigned little-endian integer of `count` bytes, 1..8.
  Result<std::uint64_t> number(std::size_t count) {
    if (left() < count) return malformed("the pickle ends in the middle of an opcode: the file is cut off");
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value |= std::to_integer<std::uint64_t>(bytes_[position_ + i]) << (8 * i);
    position_ += count;
    return value;
  }

  // A text after its length, which has `length_bytes` bytes.
  Result<std::string_view> counted_text(std::size_t length_bytes) {
    NARROW_ASSIGN(const std::uint64_t length, number(length_bytes));
    if (length > left()) {
      return malformed("a text of " + std::to_string(length) + " bytes reaches beyond the end: the file is cut off");
    }
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data() + position_),
                                static_cast<std::size_t>(length));
    position_ += text.size();
    return text;
  }

  Result<std::string_view> line() {
    const std::size_t most = std::min(left(), kMaxGlobalName + 1);
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data() + position_), most);
    const std::size_t length = text.find('\n');
    if (length == std::string_view::npos) return malformed("the name of a global does not end");
    position_ += length + 1;
    return text.substr(0, length);
  }

  Status read_protocol() {
    NARROW_ASSIGN(const std::uint64_t opcode, number(1));
    if (opcode != static_cast<std::uint64_t>(Opcode::kProto))
      return malformed("not a pickle of protocol 2 or later; write it again: torch.save(torch.load(path), path)");
    NARROW_ASSIGN(const std::uint64_t protocol, number(1));
    if (protocol < 2 || protocol > 5) {
      return fail(ErrorCode::kUnsupported,
                  "pickle protocol " + std::to_string(protocol) + " is not read; torch.save writes 2 to 5");
    }
    return {};
  }

  // --- stack --------------------------------------------------------------------------------------------------------
  Status push(Value value) {
    stack_.push_back(value);
    return {};
  }

  // Values below the innermost mark belong to an outer container and can't be popped.
  [[nodiscard]] std::size_t available() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }

  Result<Value> pop() {
    if (available() == 0) return malformed("an opcode takes a value from an empty stack");
    const Value value = stack_.back();
    stack_.pop_back();
    return value;
  }

  // The values above the innermost mark. The mark is removed.
  Result<Sequence> pop_to_mark() {
    if (marks_.empty()) return malformed("an opcode needs a mark, but there is none");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    Sequence items(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }

  Result<Sequence> pop_count(std::size_t count) {
    if (available() < count) return malformed("an opcode takes a value from an empty stack");
    const auto first = stack_.end() - static_cast<std::ptrdiff_t>(count);
    Sequence items(first, stack_.end());
    stack_.erase(first, stack_.end());
    return items;
  }

  // The container to which an opcode adds.
  Result<Value> top(Kind kind) {
    if (available() == 0) return malformed("an opcode needs a container on an empty stack");
    if (!stack_.back().is(kind)) {
      return malformed("an opcode adds to " + std::string(kind_name(stack_.back().kind)) + " instead of " +
                       std::string(kind_name(kind)));
    }
    return stack_.back();
  }

  // --- memo ---------------------------------------------------------------------------------------------------------
  Status put(std::uint64_t index) {
    if (available() == 0) return malformed("an opcode remembers a value of an empty stack");
    // Writers number the memo from 0 upwards, one entry per opcode, so a pickle can't have more entries than bytes.
    if (index >= kMaxMemo || index >= bytes_.size() - start_) return limit("memo index " + std::to_string(index));
    if (index >= memo_.size()) memo_.resize(static_cast<std::size_t>(index) + 1);
    memo_[static_cast<std::size_t>(index)] = stack_.back();
    return {};
  }

  Status get(std::uint64_t index) {
    if (index >= memo_.size() || !memo_[static_cast<std::size_t>(index)]) {
      return malformed("memo entry " + std::to_string(index) + " was never written");
    }
    return push(*memo_[static_cast<std::size_t>(index)]);
  }

  // --- opcodes ------------------------------------------------------------------------------------------------------
  Status push_integer(std::size_t count) {
    NARROW_ASSIGN(const std::uint64_t value, number(count));
    return push({Kind::kInt, static_cast<std::int64_t>(value)});
  }

  Status push_text(Kind kind, std::size_t length_bytes) {
    NARROW_ASSIGN(const std::string_view text, counted_text(length_bytes));
    return push(document_.heap.add_text(kind, text));
  }

  // A two's complement integer of any length.
  Status push_long(std::size_t length_bytes) {
    NARROW_ASSIGN(const std::string_view text, counted_text(length_bytes));
    if (text.size() > kMaxLongBytes) return limit("an integer of " + std::to_string(text.size()) + " bytes");
    if (text.size() > 8) return push(document_.heap.add_text(Kind::kBigInt, text));
    std::uint64_t value = !text.empty() && (static_cast<unsigned char>(text.back()) & 0x80U) != 0 ? ~0ULL : 0;
    for (std::size_t i = text.size(); i-- > 0;) value = (value << 8U) | static_cast<unsigned char>(text[i]);
    return push({Kind::kInt, static_cast<std::int64_t>(value)});
  }

  Status push_float() {
    NARROW_ASSIGN(const std::uint64_t little, number(8));
    std::uint64_t big = 0;  // this is the only big-endian number of a pickle
    for (unsigned i = 0; i < 8; ++i) big |= ((little >> (8 * i)) & 0xFFU) << (56 - 8 * i);
    return push({Kind::kFloat, std::bit_cast<std::int64_t>(big)});
  }

  Status push_global(std::string_view module, std::string_view name) {
    const std::optional<Value> global = find_global(module, name);
    return push(global ? *global : document_.heap.add_foreign({module, name}));
  }

  Status global_from_lines() {
    NARROW_ASSIGN(const std::string_view module, line());
    NARROW_ASSIGN(const std::string_view name, line());
    return push_global(module, name);
  }

  Status global_from_stack() {
    NARROW_ASSIGN(const Value name, pop());
    NARROW_ASSIGN(const Value module, pop());
    if (!name.is(Kind::kString) || !module.is(Kind::kString)) {
      return malformed("STACK_GLOBAL needs two strings");
    }
    const Heap& heap = document_.heap;
    return push_global(heap.text(module), heap.text(name));
  }

  Status push_sequence(Kind kind, Result<Sequence> items) {
    if (!items.ok()) return std::move(items).error();
    return push(document_.heap.add_sequence(kind, *std::move(items)));
  }

  Status append_all(const Sequence& items) {
    if (available() != 0 && stack_.back().is(Kind::kObject)) return {};  // items of an unknown class are not kept
    NARROW_ASSIGN(const Value list, top(Kind::kList));
    for (const Value& item : items) document_.heap.append(list, item);
    return {};
  }

  Status set_all(const Sequence& items) {
    const bool object = available() != 0 && stack_.back().is(Kind::kObject);
    NARROW_ASSIGN(const Value dict, top(object ? Kind::kObject : Kind::kDict));
    if (items.size() % 2 != 0) return malformed("a dict has a key without a value");
    for (std::size_t i = 0; i < items.size(); i += 2) {
      const Kind kind = items[i].kind;
      if (kind == Kind::kList || kind == Kind::kDict || kind == Kind::kStorage) {
        return malformed("a dict has " + std::string(kind_name(kind)) + " as a key");
      }
      document_.heap.set(dict, items[i], items[i + 1]);
    }
    return {};
  }

  Status make_dict() {
    NARROW_ASSIGN(const Sequence items, pop_to_mark());
    NARROW_TRY(push(document_.heap.add_dict({})));
    return set_all(items);
  }

  Status append_one() {
    NARROW_ASSIGN(const Value item, pop());
    return append_all({item});
  }

  Status set_one() {
    NARROW_ASSIGN(const Value item, pop());
    NARROW_ASSIGN(const Value key, pop());
    return set_all({key, item});
  }

  Status append_many() {
    NARROW_ASSIGN(const Sequence items, pop_to_mark());
    return append_all(items);
  }

  Status set_many() {
    NARROW_ASSIGN(const Sequence items, pop_to_mark());
    return set_all(items);
  }

  Status reduce() {
    NARROW_ASSIGN(const Value arguments, pop());
    NARROW_ASSIGN(const Value callable, pop());
    Result<Value> made = call(document_.heap, callable, arguments);
    if (!made.ok()) return located(std::move(made).error());
    return push(*made);
  }

  // class.__new__(class, *arguments), with keywords that are not kept.
  Status make_object(bool keywords) {
    if (keywords) NARROW_TRY(pop());
    return reduce();
  }

  // class(*arguments): the class is below the arguments (OBJ), or named after the opcode (INST). Python 2 writes these.
  Status make_instance(bool named) {
    if (named) {
      NARROW_ASSIGN(const std::string_view module, line());
      NARROW_ASSIGN(const std::string_view name, line());
      NARROW_ASSIGN(Sequence arguments, pop_to_mark());
      NARROW_TRY(push_global(module, name));
      NARROW_TRY(push(document_.heap.add_sequence(Kind::kTuple, std::move(arguments))));
      return reduce();
    }
    NARROW_ASSIGN(Sequence items, pop_to_mark());
    if (items.empty()) return malformed("an opcode takes a value from an empty stack");
    NARROW_TRY(push(items.front()));
    items.erase(items.begin());
    NARROW_TRY(push(document_.heap.add_sequence(Kind::kTuple, std::move(items))));
    return reduce();
  }

  // The attributes of an object are kept as data. Those of a dict (`_metadata` of a state dict, versions of modules), a
  // list and a tensor are skipped.
  Status build() {
    NARROW_ASSIGN(const Value state, pop());
    if (available() == 0) return malformed("an opcode needs an object on an empty stack");
    const Value object = stack_.back();
    if (object.is(Kind::kObject)) {
      document_.heap.set_state(object, state);
      return {};
    }
    if (object.is(Kind::kDict) || object.is(Kind::kList) || object.is(Kind::kTensor)) return {};
    return fail(ErrorCode::kUnsupported, "refuses opcode BUILD on " + std::string(kind_name(object.kind)));
  }

  Status persistent_id() {
    NARROW_ASSIGN(const Value id, pop());
    Result<Value> storage = load_storage(document_.heap, id);
    if (!storage.ok()) return located(std::move(storage).error());
    return push(*storage);
  }

  Status mark() {
    if (marks_.size() == kMaxMarks) return limit("containers nested more than 1000 deep");
    marks_.push_back(stack_.size());
    return {};
  }

  Status duplicate() {
    if (available() == 0) return malformed("an opcode copies a value of an empty stack");
    return push(stack_.back());
  }

  Status drop() {
    // As in Python, POP removes a mark if no value lies above it.
    if (available() == 0 && !marks_.empty()) {
      marks_.pop_back();
      return {};
    }
    NARROW_TRY(pop());
    return {};
  }

  Status stop() {
    NARROW_ASSIGN(document_.root, pop());
    if (!stack_.empty() || !marks_.empty()) return malformed("the pickle stops with values left on its stack");
    stopped_ = true;
    return {};
  }

  Status by_number(std::size_t count, Status (Machine::*action)(std::uint64_t)) {
    NARROW_ASSIGN(const std::uint64_t index, number(count));
    return (this->*action)(index);
  }

  [[nodiscard]] Error refuse(std::uint8_t byte) const {
    for (const RefusedOpcode& refused : kRefusedOpcodes) {
      if (refused.byte == byte) {
        return fail(ErrorCode::kUnsupported,
                    "refuses opcode " + std::string(refused.name) + ", which a checkpoint of tensors does not need");
      }
    }
    return malformed("byte " + std::to_string(byte) + " is not an opcode");
  }

  Status step() {
    NARROW_ASSIGN(const std::uint64_t byte, number(1));
    switch (static_cast<Opcode>(byte)) {
      case Opcode::kStop:
        return stop();
      case Opcode::kFrame:  // a hint for readers of streams
        return number(8).ok() ? Status() : Status(malformed("the pickle ends in the middle of an opcode"));
      case Opcode::kNone:
        return push({Kind::kNone, 0});
      case Opcode::kNewTrue:
        return push({Kind::kBool, 1});
      case Opcode::kNewFalse:
        return push({Kind::kBool, 0});
      case Opcode::kBinInt: {
        NARROW_ASSIGN(const std::uint64_t value, number(4));
        return push({Kind::kInt, static_cast<std::int32_t>(value)});
      }
      case Opcode::kBinInt1:
        return push_integer(1);
      case Opcode::kBinInt2:
        return push_integer(2);
      case Opcode::kLong1:
        return push_long(1);
      case Opcode::kLong4:
        return push_long(4);
      case Opcode::kBinFloat:
        return push_float();
      case Opcode::kShortBinUnicode:
      case Opcode::kShortBinString:  // Python 2's str
        return push_text(Kind::kString, 1);
      case Opcode::kBinUnicode:
      case Opcode::kBinString:
        return push_text(Kind::kString, 4);
      case Opcode::kBinUnicode8:
        return push_text(Kind::kString, 8);
      case Opcode::kShortBinBytes:
        return push_text(Kind::kBytes, 1);
      case Opcode::kBinBytes:
        return push_text(Kind::kBytes, 4);
      case Opcode::kBinBytes8:
      case Opcode::kByteArray8:
        return push_text(Kind::kBytes, 8);
      case Opcode::kEmptyTuple:
        return push_sequence(Kind::kTuple, Sequence{});
      case Opcode::kTuple1:
        return push_sequence(Kind::kTuple, pop_count(1));
      case Opcode::kTuple2:
        return push_sequence(Kind::kTuple, pop_count(2));
      case Opcode::kTuple3:
        return push_sequence(Kind::kTuple, pop_count(3));
      case Opcode::kTuple:
        return push_sequence(Kind::kTuple, pop_to_mark());
      case Opcode::kEmptyList:
        return push_sequence(Kind::kList, Sequence{});
      case Opcode::kList:
        return push_sequence(Kind::kList, pop_to_mark());
      case Opcode::kEmptyDict:
        return push(document_.heap.add_dict({}));
      case Opcode::kDict:
        return make_dict();
      case Opcode::kAppend:
        return append_one();
      case Opcode::kAppends:
        return append_many();
      case Opcode::kSetItem:
        return set_one();
      case Opcode::kSetItems:
        return set_many();
      case Opcode::kMark:
        return mark();
      case Opcode::kPop:
        return drop();
      case Opcode::kPopMark: {
        NARROW_TRY(pop_to_mark());
        return {};
      }
      case Opcode::kDup:
        return duplicate();
      case Opcode::kBinPut:
        return by_number(1, &Machine::put);
      case Opcode::kLongBinPut:
        return by_number(4, &Machine::put);
      case Opcode::kMemoize:
        return put(memo_.size());
      case Opcode::kBinGet:
        return by_number(1, &Machine::get);
      case Opcode::kLongBinGet:
        return by_number(4, &Machine::get);
      case Opcode::kGlobal:
        return global_from_lines();
      case Opcode::kStackGlobal:
        return global_from_stack();
      case Opcode::kReduce:
        return reduce();
      case Opcode::kBuild:
        return build();
      case Opcode::kNewObj:
        return make_object(false);
      case Opcode::kNewObjEx:
        return make_object(true);
      case Opcode::kInst:
        return make_instance(true);
      case Opcode::kObj:
        return make_instance(false);
      case Opcode::kEmptySet:  // a set is kept as a list
        return push_sequence(Kind::kList, Sequence{});
      case Opcode::kAddItems:
        return append_many();
      case Opcode::kFrozenSet:
        return push_sequence(Kind::kTuple, pop_to_mark());
      case Opcode::kBinPersId:
        return persistent_id();
      case Opcode::kProto:
        return malformed("a second protocol header inside a pickle");
    }
    return refuse(static_cast<std::uint8_t>(byte));
  }

  std::span<const std::byte> bytes_;
  const std::string& where_;
  std::size_t position_;
  std::size_t start_;
  std::size_t opcode_offset_;
  bool stopped_ = false;
  Document document_;
  std::vector<Value> stack_;
  std::vector<std::size_t> marks_;  // stack heights
  std::vector<std::optional<Value>> memo_;
};

}  // namespace

Result<Document> unpickle(std::span<const std::byte> bytes, std::size_t start, const std::string& where) {
  return Machine(bytes, start, where).run();
}

}  // namespace narrow::torch::pickle
