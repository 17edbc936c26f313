#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lathe {

/// Holds a SHA-256 digest.
struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  /// Returns 64 lower-case hexadecimal digits.
  std::string to_hex() const;
  /// Returns the first 64 bits, big-endian: what random streams are keyed with.
  std::uint64_t first_word() const;
  /// Reads what to_hex printed; nullopt for anything else.
  static std::optional<Digest> from_hex(std::string_view text);
  auto operator<=>(const Digest&) const = default;
};

/// Computes SHA-256 (FIPS 180-4, by OpenSSL) over what is added piece by piece.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void add(std::span<const std::byte> bytes);
  /// Adds the text with its length, so that neighbouring texts cannot run together.
  void add_text(std::string_view text);
  /// Returns the digest; the hasher must not be used afterwards.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Computes SHA-256 of the bytes alone, as sha256sum does.
Digest hash_bytes(std::span<const std::byte> bytes);
/// Computes SHA-256 of the text alone.
Digest hash_text(std::string_view text);

}  // namespace lathe
