#include "lathe/study/table_journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "lathe/base/error.h"
#include "lathe/base/file.h"

namespace lathe::study {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no NaN and no infinities.
Json number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

double number_of(const Json& json) {
  if (json.is_number()) return json.get<double>();
  const auto text = json.get<std::string>();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return text == "inf" ? kInfinity : text == "-inf" ? -kInfinity : std::numeric_limits<double>::quiet_NaN();
}

std::string line_of(const TableEntry& entry) {
  Json line{{"candidate", entry.candidate}, {"seed", entry.seed}, {"metrics", Json::object()}};
  if (!entry.reason.empty()) line["reason"] = entry.reason;
  for (const auto& [name, value] : entry.metrics) line["metrics"][name] = number(value);
  line["epochs"] = Json::array();
  for (const EpochResult& epoch : entry.epochs) {
    Json point{epoch.steps, number(epoch.train_loss), number(epoch.validation_loss)};
    if (epoch.validation_accuracy) point.push_back(number(*epoch.validation_accuracy));
    line["epochs"].push_back(std::move(point));
  }
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

TableEntry entry_of(const Json& line) {
  TableEntry entry{.candidate = line.at("candidate"), .seed = line.at("seed"), .reason = line.value("reason", "")};
  for (const auto& [name, value] : line.at("metrics").items()) entry.metrics[name] = number_of(value);
  for (const Json& point : line.at("epochs")) {
    EpochResult epoch{
        .steps = point.at(0), .train_loss = number_of(point.at(1)), .validation_loss = number_of(point.at(2))};
    if (point.size() > 3) epoch.validation_accuracy = number_of(point.at(3));
    entry.epochs.push_back(epoch);
  }
  return entry;
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

// Reads the lines that are whole and cuts off what stands behind them.
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
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    try {
      keep(entry_of(Json::parse(text.substr(begin, end - begin))));
    } catch (const nlohmann::json::exception&) {
      break;
    }
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
