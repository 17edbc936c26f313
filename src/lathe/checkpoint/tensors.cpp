#include "lathe/checkpoint/tensors.h"

#include <fmt/format.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

#include "lathe/base/error.h"

namespace lathe::checkpoint {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data are little-endian");

template <typename Stored, typename Values>
std::vector<std::byte> bytes_of(const Values& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(Stored));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto stored = static_cast<Stored>(values[i]);
    std::memcpy(bytes.data() + i * sizeof(Stored), &stored, sizeof(Stored));
  }
  return bytes;
}

template <typename Stored, typename Convert>
std::vector<float> convert(const StoredTensor& tensor, Convert to_float) {
  std::vector<float> values(tensor.bytes.size() / sizeof(Stored));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, tensor.bytes.data() + i * sizeof(Stored), sizeof(Stored));
    values[i] = to_float(stored);
  }
  return values;
}

template <typename Stored>
std::vector<float> cast(const StoredTensor& tensor) {
  return convert<Stored>(tensor, [](Stored stored) { return static_cast<float>(stored); });
}

float bfloat16_to_float(std::uint16_t stored) { return std::bit_cast<float>(std::uint32_t{stored} << 16); }

// IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. Exact.
float float16_to_float(std::uint16_t stored) {
  const std::uint32_t sign = (stored & 0x8000u) << 16;
  const std::uint32_t exponent = (stored >> 10) & 0x1Fu;
  const std::uint32_t fraction = stored & 0x3FFu;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide_exponent = exponent == 0x1Fu ? 0xFFu : exponent + (127 - 15);
  return std::bit_cast<float>(sign | (wide_exponent << 23) | (fraction << 13));
}

}  // namespace

StoredTensor store_tensor(const std::string& name, const engine::NamedTensor& tensor) {
  if (tensor.integral) return {name, "I64", tensor.shape, bytes_of<std::int64_t>(tensor.values)};
  return {name, "F32", tensor.shape, bytes_of<float>(tensor.values)};
}

std::vector<float> float_values(const StoredTensor& tensor, const std::string& path) {
  if (tensor.dtype == "F32") return cast<float>(tensor);
  if (tensor.dtype == "F64") return cast<double>(tensor);
  if (tensor.dtype == "F16") return convert<std::uint16_t>(tensor, float16_to_float);
  if (tensor.dtype == "BF16") return convert<std::uint16_t>(tensor, bfloat16_to_float);
  if (tensor.dtype == "I64") return cast<std::int64_t>(tensor);
  if (tensor.dtype == "I32") return cast<std::int32_t>(tensor);
  if (tensor.dtype == "I16") return cast<std::int16_t>(tensor);
  if (tensor.dtype == "I8") return cast<std::int8_t>(tensor);
  if (tensor.dtype == "U8" || tensor.dtype == "BOOL") return cast<std::uint8_t>(tensor);
  throw DataError(path, fmt::format("tensor {} is of dtype {}, which lathe does not read", tensor.name, tensor.dtype));
}

StoredTensor store_doubles(const std::string& name, Shape shape, const std::vector<double>& values) {
  return {name, "F64", std::move(shape), bytes_of<double>(values)};
}

std::vector<double> double_values(const StoredTensor& tensor, const std::string& path) {
  if (tensor.dtype != "F64") throw DataError(path, fmt::format("tensor {} is not of dtype F64", tensor.name));
  std::vector<double> values(tensor.bytes.size() / sizeof(double));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

}  // namespace lathe::checkpoint
