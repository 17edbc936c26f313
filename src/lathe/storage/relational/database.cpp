#include "lathe/storage/relational/database.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace lathe::storage::relational {
namespace {

/// Bounds the number of parameters of a statement, and the number of prepared statements that differ in their rows.
constexpr std::size_t kMostRows = 64;

}  // namespace

std::string list_text(const Dialect& dialect, std::span<const std::int64_t> numbers) {
  return fmt::format("{}{}{}", dialect.list_open, fmt::join(numbers, ","), dialect.list_close);
}

std::set<std::string, std::less<>> existing_tables(Database& database) {
  std::set<std::string, std::less<>> names;
  const auto rows = database.select(database.dialect().existing_tables);
  while (rows->next()) names.emplace(rows->text(0));
  return names;
}

RowInsert::RowInsert(std::string head, std::size_t columns, std::string tail)
    : head_(std::move(head)), tail_(std::move(tail)), columns_(columns) {}

void RowInsert::add(std::initializer_list<Bound> row) { values_.insert(values_.end(), row.begin(), row.end()); }

std::string RowInsert::statement(std::size_t rows) const {
  std::string sql = head_ + " VALUES ";
  std::size_t parameter = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < columns_; ++column) {
      sql += column > 0 ? ", $" : row > 0 ? "), ($" : "($";
      fmt::format_to(std::back_inserter(sql), "{}", ++parameter);
    }
  }
  return sql + ")" + tail_;
}

void RowInsert::run(Database& database, const std::function<void(const Rows&)>& on_row) {
  const std::span<const Bound> all(values_);
  const std::size_t most = kMostRows * columns_;
  std::string sql;
  for (std::size_t begin = 0, last = 0; begin < all.size(); begin += most) {
    const std::size_t count = std::min(most, all.size() - begin);
    if (count != last) sql = statement(count / columns_);
    last = count;
    const auto rows = database.select(sql, all.subspan(begin, count));
    while (rows->next()) {
      if (on_row) on_row(*rows);
    }
  }
  values_.clear();
}

}  // namespace lathe::storage::relational
