#include "lathe/checkpoint/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "lathe/base/error.h"

namespace lathe::checkpoint {
namespace {

constexpr std::string_view kOrderedDict = "collections.OrderedDict";

/// Hands out the bytes of a pickle one after the other.
class Bytes {
 public:
  Bytes(std::span<const std::byte> bytes, const std::string& path) : left_(bytes), path_(path) {}

  [[noreturn]] void fail(const std::string& message) const {
    throw DataError(path_, fmt::format("not a valid pickle: {}", message));
  }
  std::span<const std::byte> take(std::uint64_t count) {
    if (count > left_.size()) fail(fmt::format("{} bytes are needed, {} are left (truncated?)", count, left_.size()));
    const auto taken = left_.first(count);
    left_ = left_.subspan(count);
    return taken;
  }
  std::string text(std::uint64_t count) {
    const auto taken = take(count);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  /// A little-endian whole number of `count` bytes, without sign.
  std::uint64_t number(std::size_t count) {
    std::uint64_t value = 0;
    const auto taken = take(count);
    for (std::size_t i = 0; i < count; ++i) value |= std::to_integer<std::uint64_t>(taken[i]) << (8 * i);
    return value;
  }
  std::string line() {
    std::string text;
    for (char letter = 0; (letter = static_cast<char>(number(1))) != '\n';) text += letter;
    return text;
  }

 private:
  std::span<const std::byte> left_;
  const std::string& path_;
};

/// Runs the instructions. The stack holds numbers of values; `marks_` says where on it groups begin.
class Machine {
 public:
  Machine(std::span<const std::byte> bytes, std::span<const std::string_view> callable, const std::string& path)
      : in_(bytes, path), callable_(callable), room_(10 * bytes.size() + 10'000) {}

  Pickle run() {
    while (true) {
      const auto code = static_cast<std::uint8_t>(in_.number(1));
      if (code == '.') break;
      if (!push_plain(code) && !push_text(code) && !build_group(code) && !change_group(code) && !remember(code) &&
          !use_class(code))
        in_.fail(fmt::format("instruction 0x{:02x} is not one that plain values need", code));
    }
    pickle_.root = pop();
    return std::move(pickle_);
  }

 private:
  using Kind = PickleKind;
  using Numbers = std::vector<std::uint32_t>;

  std::uint32_t add(PickleValue value) {
    if (pickle_.values.size() >= kMaximumPickleValues)
      in_.fail(fmt::format("more than {} values", kMaximumPickleValues));
    take_room(value.text.size() + value.items.size() * sizeof(std::uint32_t));
    pickle_.values.push_back(std::move(value));
    return static_cast<std::uint32_t>(pickle_.values.size() - 1);
  }
  void take_room(std::size_t bytes) {
    if (bytes > room_) in_.fail("its values hold far more than the file");
    room_ -= bytes;
  }
  bool push(PickleValue value) {
    stack_.push_back(add(std::move(value)));
    return true;
  }
  bool push_integer(std::int64_t value) { return push({.kind = Kind::kInteger, .integer = value}); }
  bool push_string(std::uint64_t size) { return push({.kind = Kind::kText, .text = in_.text(size)}); }

  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  std::uint32_t pop() {
    if (stack_.size() <= floor()) in_.fail("the stack is empty");
    const std::uint32_t top = stack_.back();
    stack_.pop_back();
    return top;
  }
  PickleValue& top() {
    if (stack_.size() <= floor()) in_.fail("the stack is empty");
    return pickle_.values[stack_.back()];
  }
  Numbers pop_several(std::size_t count) {
    if (stack_.size() < floor() + count) in_.fail("the stack is empty");
    Numbers several(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return several;
  }
  Numbers pop_group() {
    if (marks_.empty()) in_.fail("a group without a beginning");
    Numbers group = pop_several(stack_.size() - marks_.back());
    marks_.pop_back();
    return group;
  }

  /// Two's complement, little-endian. What does not fit 64 bits is a kNumber.
  bool push_long(std::uint64_t size) {
    const auto bytes = in_.take(size);
    if (size == 0) return push_integer(0);
    const bool negative = (bytes.back() & std::byte{0x80}) != std::byte{0};
    if (size > 8) {
      double value = negative ? -1 : 0;
      for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) value = value * 256 + std::to_integer<int>(*byte);
      return push({.kind = Kind::kNumber, .number = value});
    }
    std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
    for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte)
      value = value << 8 | std::to_integer<std::uint64_t>(*byte);
    return push_integer(static_cast<std::int64_t>(value));
  }
  bool push_double() {
    std::uint64_t bits = 0;
    for (const std::byte byte : in_.take(8)) bits = bits << 8 | std::to_integer<std::uint64_t>(byte);
    return push({.kind = Kind::kNumber, .number = std::bit_cast<double>(bits)});
  }

  bool push_plain(std::uint8_t code) {
    switch (code) {
      case 0x80: return check_protocol();
      case 0x95: return in_.number(8), true;  // FRAME
      case 'N': return push({});
      case 0x88: return push({.kind = Kind::kBoolean, .integer = 1});
      case 0x89: return push({.kind = Kind::kBoolean, .integer = 0});
      case 'K': return push_integer(static_cast<std::int64_t>(in_.number(1)));
      case 'M': return push_integer(static_cast<std::int64_t>(in_.number(2)));
      case 'J': return push_integer(static_cast<std::int32_t>(in_.number(4)));
      case 0x8a: return push_long(in_.number(1));
      case 0x8b: return push_long(in_.number(4));
      case 'G': return push_double();
      default: return false;
    }
  }
  bool check_protocol() {
    const std::uint64_t protocol = in_.number(1);
    if (protocol < 2 || protocol > 5) in_.fail(fmt::format("protocol {} is unknown", protocol));
    return true;
  }

  bool push_text(std::uint8_t code) {
    switch (code) {
      case 'U':
      case 0x8c:
      case 'C': return push_string(in_.number(1));
      case 'X':
      case 'T':
      case 'B': return push_string(in_.number(4));
      case 0x8d:
      case 0x8e: return push_string(in_.number(8));
      default: return false;
    }
  }

  bool build_group(std::uint8_t code) {
    switch (code) {
      case '(': return marks_.push_back(stack_.size()), true;
      case ']':
      case 0x8f: return push({.kind = Kind::kList});
      case '}': return push({.kind = Kind::kDict});
      case ')': return push({.kind = Kind::kTuple});
      case 0x85: return push_tuple(pop_several(1));
      case 0x86: return push_tuple(pop_several(2));
      case 0x87: return push_tuple(pop_several(3));
      case 't': return push_tuple(pop_group());
      case 'l': return push({.kind = Kind::kList, .items = pop_group()});
      case 'd': return push({.kind = Kind::kDict, .items = pairs(pop_group())});
      default: return false;
    }
  }
  bool push_tuple(Numbers items) { return push({.kind = Kind::kTuple, .items = std::move(items)}); }
  Numbers pairs(Numbers items) const {
    if (items.size() % 2 != 0) in_.fail("a key without a value");
    return items;
  }

  bool change_group(std::uint8_t code) {
    switch (code) {
      case 'a': return extend(Kind::kList, pop_several(1));
      case 'e':
      case 0x90: return extend(Kind::kList, pop_group());
      case 's': return extend(Kind::kDict, pop_several(2));
      case 'u': return extend(Kind::kDict, pairs(pop_group()));
      case '0': return pop(), true;
      case '1': return pop_group(), true;
      default: return false;
    }
  }
  bool extend(Kind kind, const Numbers& items) {
    PickleValue& value = top();
    if (value.kind != kind) in_.fail("items are put into what is no list and no dict");
    take_room(items.size() * sizeof(std::uint32_t));
    value.items.insert(value.items.end(), items.begin(), items.end());
    return true;
  }

  bool remember(std::uint8_t code) {
    switch (code) {
      case 'q': return store(in_.number(1));
      case 'r': return store(in_.number(4));
      case 0x94: return store(memo_.size());
      case 'h': return recall(in_.number(1));
      case 'j': return recall(in_.number(4));
      default: return false;
    }
  }
  bool store(std::uint64_t place) {
    top();
    if (memo_.size() >= kMaximumPickleValues) in_.fail("too much is remembered");
    memo_[place] = stack_.back();
    return true;
  }
  bool recall(std::uint64_t place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) in_.fail(fmt::format("number {} was never remembered", place));
    stack_.push_back(found->second);
    return true;
  }

  bool use_class(std::uint8_t code) {
    switch (code) {
      case 'c': return push_class_of_lines();
      case 0x93: return push_class_of_stack();
      case 'Q': return push({.kind = Kind::kPersistent, .items = pop_several(1)});
      case 'R': return call();
      case 0x81:
      case 0x92: return refuse_object(code == 0x81 ? 1 : 2);
      case 'b': return ignore_attributes();
      default: return false;
    }
  }
  bool push_class_of_lines() {
    const std::string module = in_.line();
    return push({.kind = Kind::kClass, .text = module + "." + in_.line()});
  }
  bool push_class_of_stack() {
    const Numbers names = pop_several(2);
    for (const std::uint32_t name : names)
      if (pickle_[name].kind != Kind::kText) in_.fail("a class whose name is no text");
    return push({.kind = Kind::kClass, .text = pickle_[names[0]].text + "." + pickle_[names[1]].text});
  }
  [[noreturn]] void refuse(const PickleValue& value) const {
    if (value.kind != Kind::kClass && value.kind != Kind::kCall) in_.fail("a call of what is no class");
    throw UnsupportedError(printable(value.text));
  }

  bool call() {
    const Numbers both = pop_several(2);
    const PickleValue& named = pickle_[both[0]];
    const PickleValue& arguments = pickle_[both[1]];
    if (named.kind != Kind::kClass) refuse(named);
    if (arguments.kind != Kind::kTuple) in_.fail("arguments that are no tuple");
    if (named.text == kOrderedDict) return push({.kind = Kind::kDict, .items = items_of_ordered(arguments)});
    if (std::find(callable_.begin(), callable_.end(), named.text) == callable_.end()) refuse(named);
    return push({.kind = Kind::kCall, .text = named.text, .items = arguments.items});
  }
  /// OrderedDict() is empty or, as Python 2 wrote it, made of a list of pairs.
  Numbers items_of_ordered(const PickleValue& arguments) const {
    Numbers items;
    if (arguments.items.empty()) return items;
    for (const std::uint32_t pair : pickle_[arguments.items[0]].items) {
      if (pickle_[pair].items.size() != 2) in_.fail("a key without a value");
      items.insert(items.end(), pickle_[pair].items.begin(), pickle_[pair].items.end());
    }
    return items;
  }
  bool refuse_object(std::size_t arguments) {
    const Numbers all = pop_several(arguments + 1);
    refuse(pickle_[all[0]]);
  }
  /// Attributes of a dict (a state dict's `_metadata`) say nothing of its items.
  bool ignore_attributes() {
    pop();
    if (top().kind != Kind::kDict) refuse(top());
    return true;
  }

  Bytes in_;
  std::span<const std::string_view> callable_;
  std::size_t room_;  ///< bytes that texts and lists may still take: a copy of a remembered one costs two bytes only
  Pickle pickle_;
  Numbers stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, std::uint32_t> memo_;
};

}  // namespace

const PickleValue* Pickle::find(const PickleValue& dict, std::string_view key) const {
  if (dict.kind != PickleKind::kDict) return nullptr;
  for (std::size_t i = dict.items.size(); i >= 2; i -= 2) {
    const PickleValue& name = values[dict.items[i - 2]];
    if (name.kind == PickleKind::kText && name.text == key) return &values[dict.items[i - 1]];
  }
  return nullptr;
}

Pickle parse_pickle(std::span<const std::byte> bytes, std::span<const std::string_view> callable,
                    const std::string& path) {
  if (bytes.size() > kMaximumPickle)
    throw DataError(path, fmt::format("its pickle holds {} bytes, at most {} are read", bytes.size(), kMaximumPickle));
  return Machine(bytes, callable, path).run();
}

std::string printable(std::string_view name) {
  constexpr std::size_t kMost = 100;
  std::string shown(name.substr(0, kMost));
  for (char& letter : shown)
    if (std::isprint(static_cast<unsigned char>(letter)) == 0) letter = '?';
  return name.size() > kMost ? shown + "..." : shown;
}

}  // namespace lathe::checkpoint
