#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Python's pickle format, read as data: a machine of some forty instructions that makes plain values. Nothing that a
/// pickle names is looked up or executed. Format: Lib/pickletools.py of CPython.
namespace lathe::checkpoint {

enum class PickleKind {
  kNone,
  kBoolean,
  kInteger,
  kNumber,  ///< float; also whole numbers beyond 64 bits
  kText,    ///< str, bytes
  kList,    ///< list, set
  kTuple,
  kDict,        ///< dict, collections.OrderedDict
  kClass,       ///< the name of a class or function
  kCall,        ///< a call of one that the caller takes: name and arguments
  kPersistent,  ///< something that stands outside of the pickle
};

/// Holds a value; others are meant by their numbers.
struct PickleValue {
  PickleKind kind = PickleKind::kNone;
  std::int64_t integer = 0;  ///< kInteger, kBoolean
  double number = 0;         ///< kNumber
  std::string text = {};     ///< kText; kClass, kCall: the full name, `torch._utils._rebuild_tensor_v2`
  /// kList, kTuple: the elements; kDict: key, value, key, value; kCall: arguments; kPersistent: its description.
  std::vector<std::uint32_t> items = {};
};

/// Holds what a pickle describes. Values may refer to each other in circles: whoever walks over them bounds his way.
struct Pickle {
  std::vector<PickleValue> values;
  std::uint32_t root = 0;

  const PickleValue& operator[](std::uint32_t number) const { return values[number]; }
  /// Finds the value of a text key; null when there is none. The last one counts.
  const PickleValue* find(const PickleValue& dict, std::string_view key) const;
};

/// Limits of what is read: bytes, and values (some 100 bytes each). Texts and lists that are copied may hold ten times
/// the pickle.
inline constexpr std::size_t kMaximumPickle = 16u << 20;
inline constexpr std::size_t kMaximumPickleValues = 1u << 21;

/// Reads a pickle of protocol 2 to 5. `callable` lists the full names whose calls are recorded (collections.OrderedDict
/// becomes a dict without being listed); a call of any other throws UnsupportedError with that name. Throws DataError:
/// damaged, an instruction that plain values do not need, too large.
Pickle parse_pickle(std::span<const std::byte> bytes, std::span<const std::string_view> callable,
                    const std::string& path);

/// Returns a name out of a file as it may be shown: at most 100 characters, all printable.
std::string printable(std::string_view name);

}  // namespace lathe::checkpoint
