#include "lathe/trial/outcomes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "lathe/trial/constraint.h"
#include "lathe/trial/objective.h"

namespace lathe::trial {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char kVersion = '1';
// How the values of an objective are written. Stored: do not change.
enum class Form : std::uint8_t { kNone = 0, kBits = 1, kShares = 2 };
constexpr float kWhole = 32767;

std::string base64(const std::string& bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (i + k < bytes.size() ? static_cast<std::uint8_t>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) text += k <= bytes.size() - i ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  std::uint32_t group = 0;
  int bits = 0;
  for (const char letter : text) {
    const std::size_t digit = kDigits.find(letter);
    if (digit == std::string_view::npos) return std::nullopt;
    group = group << 6 | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(group >> bits & 255);
  }
  return bytes;
}

void add(std::string& bytes, std::uint32_t number, int count) {
  for (int i = 0; i < count; ++i) bytes += static_cast<char>(number >> (8 * i) & 255);
}

// Takes numbers from the front of bytes; `good` turns false where there are too few.
struct Reader {
  std::string_view bytes;
  bool good = true;

  std::uint32_t number(std::size_t count) {
    if (bytes.size() < count) {
      good = false;
      return 0;
    }
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < count; ++i)
      number |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[i])) << (8 * i);
    bytes.remove_prefix(count);
    return number;
  }
  float real() { return std::bit_cast<float>(number(4)); }
};

void add_bits(std::string& bytes, const std::vector<float>& values, float low, float high) {
  add(bytes, std::bit_cast<std::uint32_t>(low), 4);
  add(bytes, std::bit_cast<std::uint32_t>(high), 4);
  for (std::size_t i = 0; i < values.size(); i += 8) {
    std::uint32_t byte = 0;
    for (std::size_t k = i; k < std::min(i + 8, values.size()); ++k) byte |= (values[k] == high ? 1u : 0u) << (k - i);
    add(bytes, byte, 1);
  }
}

void add_shares(std::string& bytes, const std::vector<float>& values, float largest) {
  const float scale = largest / kWhole;
  add(bytes, std::bit_cast<std::uint32_t>(scale), 4);
  for (const float value : values)
    add(bytes, static_cast<std::uint32_t>(static_cast<std::int32_t>(std::lround(value / scale))), 2);
}

void add_values(std::string& bytes, const std::vector<float>& values) {
  const auto finite = [](float value) { return std::isfinite(value); };
  if (values.empty() || !std::all_of(values.begin(), values.end(), finite)) {
    add(bytes, static_cast<std::uint32_t>(Form::kNone), 1);
    return;
  }
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const auto is_end = [low = *low, high = *high](float value) { return value == low || value == high; };
  const bool two = std::all_of(values.begin(), values.end(), is_end);
  add(bytes, static_cast<std::uint32_t>(two ? Form::kBits : Form::kShares), 1);
  add(bytes, static_cast<std::uint32_t>(values.size()), 4);
  if (two)
    add_bits(bytes, values, *low, *high);
  else
    add_shares(bytes, values, std::max(-*low, *high));
}

std::vector<float> read_values(Reader& reader) {
  const auto form = static_cast<Form>(reader.number(1));
  std::vector<float> values;
  if (form == Form::kNone) return values;
  const std::size_t count = reader.number(4);
  reader.good &= (form == Form::kBits || form == Form::kShares) && count <= static_cast<std::size_t>(kOutcomeRows);
  if (!reader.good) return values;
  const float first = reader.real(), high = form == Form::kBits ? reader.real() : 0;
  std::uint32_t byte = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (form == Form::kShares) {
      values.push_back(first * static_cast<float>(static_cast<std::int16_t>(reader.number(2))));
      continue;
    }
    if (i % 8 == 0) byte = reader.number(1);
    values.push_back((byte >> (i % 8) & 1) != 0 ? high : first);
  }
  return values;
}

// Lists the metrics of an evaluation that the raced values read and whose rows are known.
std::vector<const metric::MetricKind*> metrics_of(const recipe::StudySettings& settings) {
  std::set<std::string> names;
  const auto add = [&](const auto& read) {
    if (read.kind != nullptr) names.insert(read.kind->name);
    if (read.expression) names.insert(read.expression->names().begin(), read.expression->names().end());
  };
  for (const recipe::Objective& objective : settings.objectives) add(objective);
  for (const recipe::Constraint& constraint : trained_constraints(settings.constraints)) add(constraint);
  std::vector<const metric::MetricKind*> kinds;
  for (const std::string& name : names) {
    const metric::MetricKind* kind = metric::find_metric(name);
    if (kind->row_part != nullptr) kinds.push_back(kind);
  }
  return kinds;
}

std::size_t count_of(const recipe::StudySettings& settings) {
  return settings.directions.size() + trained_constraints(settings.constraints).size();
}

}  // namespace

Outcomes outcomes_of(const recipe::StudySettings& settings, engine::Session& session,
                     const metric::RowsRequest& request, const std::map<std::string, double>& metrics) {
  Outcomes outcomes(count_of(settings));
  const std::vector<const metric::MetricKind*> kinds = metrics_of(settings);
  if (kinds.empty()) return outcomes;
  const std::vector<std::vector<float>> parts = metric::row_parts(session, request, kinds);
  for (std::size_t m = 0; m < kinds.size(); ++m) {
    const std::vector<double> slopes = slopes_in(settings, metrics, kinds[m]->name);
    for (std::size_t k = 0; k < outcomes.size(); ++k) {
      if (slopes[k] == 0) continue;
      outcomes[k].resize(parts[m].size());
      for (std::size_t i = 0; i < parts[m].size(); ++i) outcomes[k][i] += static_cast<float>(slopes[k]) * parts[m][i];
    }
  }
  return outcomes;
}

std::int64_t outcome_bytes(const recipe::StudySettings& settings, std::int64_t rows) {
  const metric::MetricKind* accuracy = metric::find_metric("accuracy");
  const std::vector<const metric::MetricKind*> kinds = metrics_of(settings);
  const bool counts =
      std::all_of(kinds.begin(), kinds.end(), [&](const metric::MetricKind* kind) { return kind == accuracy; });
  const std::int64_t kept = std::min(rows, kOutcomeRows);
  const std::int64_t a_row = counts ? (kept + 7) / 8 : 2 * kept;
  return static_cast<std::int64_t>(count_of(settings)) * (a_row + 16) * 4 / 3;
}

std::string encode(const Outcomes& outcomes) {
  std::string bytes;
  add(bytes, static_cast<std::uint32_t>(outcomes.size()), 1);
  for (const std::vector<float>& values : outcomes) add_values(bytes, values);
  return kVersion + base64(bytes);
}

std::optional<Outcomes> decode(std::string_view text) {
  if (text.empty() || text.front() != kVersion) return std::nullopt;
  const std::optional<std::string> bytes = from_base64(text.substr(1));
  if (!bytes) return std::nullopt;
  Reader reader{*bytes};
  Outcomes outcomes(reader.number(1));
  for (std::vector<float>& values : outcomes) values = read_values(reader);
  if (!reader.good || !reader.bytes.empty()) return std::nullopt;
  return outcomes;
}

}  // namespace lathe::trial
