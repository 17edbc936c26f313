#pragma once

#include <string>

/// The texts of PostgreSQL's URLs.
namespace lathe::storage::postgres {

/// Holds a URL in the forms that are needed.
struct Address {
  std::string connection;  ///< for libpq, with the password and with time limits
  std::string shown;       ///< without a password
  std::string password;    ///< as the URL has it; empty where it has none
  /// Replaces the password in a text, written as in the URL or decoded.
  std::string without_password(std::string text) const;
};

/// Reads `postgresql://...`, `postgres://...` and SQLAlchemy's `postgresql+psycopg2://...`. Throws UserError for
/// anything else.
Address read_address(const std::string& url);

}  // namespace lathe::storage::postgres
