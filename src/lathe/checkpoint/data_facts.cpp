#include "lathe/checkpoint/data_facts.h"

namespace lathe::checkpoint {
namespace {

constexpr const char* kPreprocessingKey = "data.preprocessing";

}  // namespace

Facts data_facts(const data::Dataset& dataset) {
  const data::Fingerprint& data = dataset.fingerprint;
  return {{"data.dataset", data.dataset},
          {"data.source", data.source},
          {"data.hash", data.hash},
          {"data.notice", data.notice},
          {kPreprocessingKey, data::to_json(dataset.preprocessing)}};
}

std::optional<data::Preprocessing> preprocessing_of(const Facts& facts, const std::filesystem::path& origin) {
  const auto text = facts.find(kPreprocessingKey);
  if (text == facts.end()) return std::nullopt;
  return data::parse_preprocessing(text->second, origin);
}

void store_preprocessing(const std::optional<data::Preprocessing>& preprocessing, Facts& facts) {
  if (preprocessing) facts[kPreprocessingKey] = data::to_json(*preprocessing);
}

}  // namespace lathe::checkpoint
