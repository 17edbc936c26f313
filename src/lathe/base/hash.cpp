#include "lathe/base/hash.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <charconv>

#include "lathe/base/check.h"

namespace lathe {

struct Hasher::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Hasher::Hasher() : state_(std::make_unique<State>()) {
  LATHE_CHECK(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::add(std::span<const std::byte> bytes) {
  LATHE_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

void Hasher::add_text(std::string_view text) {
  const std::string length = fmt::format("{}:", text.size());
  add(std::as_bytes(std::span(length)));
  add(std::as_bytes(std::span(text)));
}

Digest Hasher::finish() {
  Digest digest;
  LATHE_CHECK(EVP_DigestFinal_ex(state_->context, digest.bytes.data(), nullptr) == 1);
  return digest;
}

std::string Digest::to_hex() const {
  std::string text;
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::optional<Digest> Digest::from_hex(std::string_view text) {
  Digest digest;
  if (text.size() != 2 * digest.bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.bytes.size(); ++i) {
    const char* begin = text.data() + 2 * i;
    const auto [end, error] = std::from_chars(begin, begin + 2, digest.bytes[i], 16);
    if (error != std::errc() || end != begin + 2) return std::nullopt;
  }
  return digest;
}

std::uint64_t Digest::first_word() const {
  std::uint64_t word = 0;
  for (int i = 0; i < 8; ++i) word = word << 8 | bytes[static_cast<std::size_t>(i)];
  return word;
}

Digest hash_bytes(std::span<const std::byte> bytes) {
  Hasher hasher;
  hasher.add(bytes);
  return hasher.finish();
}

Digest hash_text(std::string_view text) { return hash_bytes(std::as_bytes(std::span(text))); }

}  // namespace lathe
