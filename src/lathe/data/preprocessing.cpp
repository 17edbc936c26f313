#include "lathe/data/preprocessing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/base/error.h"
#include "lathe/base/json.h"
#include "lathe/base/visible.h"

namespace lathe::data {
namespace {

using Json = nlohmann::ordered_json;

void require(bool holds, const char* what) {
  if (!holds) throw DataError(what);
}

double positive(double value, const char* what) {
  require(std::isfinite(value) && value > 0, what);
  return value;
}

void check(const Preprocessing& read) {
  const Scaling& scaling = read.scaling;
  positive(read.divisor, "the divisor must be above 0");
  require(scaling.mean.size() == scaling.deviation.size(), "there must be as many means as deviations");
  require(scaling.pooled >= 1 && scaling.pooled <= (std::size_t{1} << 40), "\"pooled\" must be at least 1");
  for (const double mean : scaling.mean) require(std::isfinite(mean), "means must be finite");
  for (const double deviation : scaling.deviation) positive(deviation, "deviations must be above 0");
  for (const Target& target : read.targets) {
    require(std::isfinite(target.mean), "the mean of a target must be finite");
    positive(target.deviation, "the deviation of a target must be above 0");
  }
}

std::int64_t whole(const Json& json, const char* key) {
  if (!json.at(key).is_number_integer()) throw DataError(fmt::format("\"{}\" must be a whole number", key));
  return json.at(key).get<std::int64_t>();
}

Preprocessing from_json(const Json& json) {
  const std::int64_t version = whole(json, "schema_version");
  if (version > kPreprocessingVersion) {
    throw DataError(fmt::format("its version {} is newer than this lathe reads ({}); use a newer lathe", version,
                                kPreprocessingVersion));
  }
  Preprocessing read;
  json.at("feature_names").get_to(read.feature_names);
  json.at("channels_last").get_to(read.channels_last);
  json.at("divisor").get_to(read.divisor);
  read.scaling.pooled = static_cast<std::size_t>(whole(json, "pooled"));
  json.at("means").get_to(read.scaling.mean);
  json.at("deviations").get_to(read.scaling.deviation);
  json.at("class_names").get_to(read.class_names);
  if (json.contains("label")) json.at("label").get_to(read.label);  // the first files have none
  for (const Json& target : json.at("targets")) {
    read.targets.push_back({.name = target.at("name").get<std::string>(),
                            .mean = target.at("mean").get<double>(),
                            .deviation = target.at("deviation").get<double>()});
  }
  check(read);
  return read;
}

}  // namespace

bool Preprocessing::changes_targets() const {
  return std::any_of(targets.begin(), targets.end(),
                     [](const Target& target) { return target.mean != 0 || target.deviation != 1; });
}

std::string to_json(const Preprocessing& preprocessing) {
  Json targets = Json::array();
  for (const Target& target : preprocessing.targets) {
    targets.push_back({{"name", target.name}, {"mean", target.mean}, {"deviation", target.deviation}});
  }
  const Json json = {{"schema_version", kPreprocessingVersion},       {"feature_names", preprocessing.feature_names},
                     {"channels_last", preprocessing.channels_last},  {"divisor", preprocessing.divisor},
                     {"pooled", preprocessing.scaling.pooled},        {"means", preprocessing.scaling.mean},
                     {"deviations", preprocessing.scaling.deviation}, {"targets", std::move(targets)},
                     {"class_names", preprocessing.class_names},      {"label", preprocessing.label}};
  return json.dump();
}

std::string to_json(const std::vector<std::string>& names) { return Json(names).dump(); }

Preprocessing parse_preprocessing(std::string_view json, const std::filesystem::path& origin) {
  try {
    if (const std::string broken = json_limit_broken(json); !broken.empty()) throw DataError(broken);
    return from_json(Json::parse(json));
  } catch (const nlohmann::json::exception& error) {
    throw DataError(origin.string(), fmt::format("its preprocessing cannot be read: {}", error.what()));
  } catch (const DataError& error) {
    throw DataError(origin.string(), fmt::format("its preprocessing cannot be used: {}", error.what()));
  }
}

void prepare_values(const Preprocessing& preprocessing, std::span<float> values) {
  if (preprocessing.divisor != 1)
    for (float& value : values) value /= static_cast<float>(preprocessing.divisor);
  apply_scaling(preprocessing.scaling, values);
}

void undo_scaling(const Preprocessing& preprocessing, std::span<float> values) {
  undo_scaling(preprocessing.scaling, values);
  if (preprocessing.divisor != 1)
    for (float& value : values) value *= static_cast<float>(preprocessing.divisor);
}

Scaling scaling_of(const std::vector<Target>& targets) {
  Scaling scaling;
  for (const Target& target : targets) {
    scaling.mean.push_back(target.mean);
    scaling.deviation.push_back(target.deviation);
  }
  return scaling;
}

std::string as_utf8(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string converted;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      converted += c;
    } else {
      converted += static_cast<char>(0xC0u | (byte >> 6));
      converted += static_cast<char>(0x80u | (byte & 0x3Fu));
    }
  }
  return converted;
}

}  // namespace lathe::data
