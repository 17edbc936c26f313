#include "lathe/study/exhaustive/table_journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/hash.h"
#include "lathe/base/json.h"
#include "lathe/base/log.h"

namespace lathe::study {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kChecksumDigits = 16;

// JSON has no NaN and no infinities.
Json number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

double number_of(const Json& json) {
  if (json.is_number()) return json.get<double>();
  const auto text = json_value<std::string>(json);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return text == "inf" ? kInfinity : text == "-inf" ? -kInfinity : std::numeric_limits<double>::quiet_NaN();
}

// What stands behind every line since lines have it. Stored: do not change.
std::string checksum_of(std::string_view text) { return hash_text(text).to_hex().substr(0, kChecksumDigits); }

std::string line_of(const TableEntry& entry) {
  Json line{{"candidate", entry.candidate}, {"seed", entry.seed}, {"metrics", Json::object()}};
  if (!entry.reason.empty()) line["reason"] = entry.reason;
  for (const auto& [name, value] : entry.metrics) line["metrics"][name] = number(value);
  line["epochs"] = Json::array();
  for (const trial::EpochResult& epoch : entry.epochs) {
    Json point{epoch.steps, number(epoch.train_loss), number(epoch.validation_loss)};
    if (epoch.validation_accuracy) point.push_back(number(*epoch.validation_accuracy));
    line["epochs"].push_back(std::move(point));
  }
  const std::string text = dump_json(line);
  return fmt::format("{} {}\n", text, checksum_of(text));
}

TableEntry entry_of(const Json& line) {
  TableEntry entry{.candidate = json_member<std::int64_t>(line, "candidate"),
                   .seed = json_member<std::int64_t>(line, "seed"),
                   .reason = line.contains("reason") ? json_member<std::string>(line, "reason") : std::string()};
  for (const auto& [name, value] : json_at(line, "metrics").items()) entry.metrics[name] = number_of(value);
  for (const Json& point : json_at(line, "epochs")) {
    trial::EpochResult epoch{.steps = json_value<std::int64_t>(point.at(0)),
                             .train_loss = number_of(point.at(1)),
                             .validation_loss = number_of(point.at(2))};
    if (point.size() > 3) epoch.validation_accuracy = number_of(point.at(3));
    entry.epochs.push_back(epoch);
  }
  return entry;
}

// Reads a line that is whole; nullopt where it is damaged. Lines of an older lathe end without a checksum.
std::optional<TableEntry> entry_of(std::string_view line, bool& checked) {
  const std::size_t space = line.find_last_of(' ');
  checked = space != std::string_view::npos && line.size() - space == kChecksumDigits + 1 && line.back() != '}';
  if (checked && checksum_of(line.substr(0, space)) != line.substr(space + 1)) return std::nullopt;
  try {
    return entry_of(parse_json<Json>(checked ? line.substr(0, space) : line, {}));
  } catch (const DataError&) {
    return std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace

TableJournal::TableJournal(std::filesystem::path path, const Digest& identity) : path_(std::move(path)) {
  file_ = ::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (file_ < 0) throw SystemError("open", path_.string(), std::strerror(errno));
  try {
    lock();
    read(fmt::format("lathe table {}", identity.to_hex()));
  } catch (...) {
    ::close(file_);
    throw;
  }
}

TableJournal::~TableJournal() { ::close(file_); }

void TableJournal::lock() {
  if (::flock(file_, LOCK_EX | LOCK_NB) == 0) return;
  throw UserError("--output", fmt::format("another lathe works on {} at the moment", path_.string()));
}

// Reads the lines that are whole and cuts off the one that breaks off behind them.
void TableJournal::read(const std::string& header) {
  const std::string text = read_text_file(path_);
  if (text.find('\n') == std::string::npos && header.starts_with(text)) {  // new, or cut off while it began
    if (::ftruncate(file_, 0) != 0) throw SystemError("write", path_.string(), std::strerror(errno));
    write(header + '\n');
    return;
  }
  std::size_t begin = text.find('\n') + 1;
  if (begin == 0 || text.substr(0, begin - 1) != header) {
    throw UserError("--output", fmt::format("{} holds the trainings of another table (other settings, data, program or "
                                            "machine); remove it to begin anew",
                                            path_.string()));
  }
  std::size_t damaged = 0, unchecked = 0;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    bool checked = false;
    if (auto entry = entry_of(std::string_view(text).substr(begin, end - begin), checked)) {
      keep(std::move(*entry));
      if (!checked) ++unchecked;
    } else {
      ++damaged;
    }
  }
  if (damaged > 0) log::warning("{}: {} trainings are damaged; they are made anew", path_.string(), damaged);
  if (unchecked > 0) {
    log::info("{}: {} trainings have no checksum (an older lathe made them): damage in them is not seen",
              path_.string(), unchecked);
  }
  if (::ftruncate(file_, static_cast<off_t>(begin)) != 0) {
    throw SystemError("write", path_.string(), std::strerror(errno));
  }
}

void TableJournal::write(const std::string& line) {
  const ssize_t count = ::write(file_, line.data(), line.size());
  if (count == static_cast<ssize_t>(line.size())) return;
  throw SystemError("write", path_.string(), count < 0 ? std::strerror(errno) : "the disk is full");
}

bool TableJournal::has(std::int64_t candidate, std::int64_t seed) const {
  const std::lock_guard lock(mutex_);
  return done_.contains({candidate, seed});
}

void TableJournal::keep(TableEntry entry) {
  if (done_.insert({entry.candidate, entry.seed}).second) entries_.push_back(std::move(entry));
}

void TableJournal::append(TableEntry entry) {
  const std::lock_guard lock(mutex_);
  write(line_of(entry));
  keep(std::move(entry));
}

void TableJournal::remove() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

}  // namespace lathe::study
