#include "lathe/app/request.h"

namespace lathe::app {

Request read_request(const std::filesystem::path& config_path,
                     const std::vector<std::pair<std::string, std::string>>& overrides) {
  Request request{.config_path = config_path, .root = config::parse_file(config_path)};
  for (const auto& [key, value] : overrides) config::set_by_path(request.root, key, value);
  request.settings = recipe::read_settings(request.root);
  return request;
}

}  // namespace lathe::app
