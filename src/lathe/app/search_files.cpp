#include "lathe/app/search_files.h"

#include <fmt/format.h>

#include "lathe/app/project.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"

namespace lathe::app {

SearchContext search_context(const Search& search, Profile* profile) {
  return {.settings = &search.settings,
          .space = &search.space,
          .dataset = search.dataset.get(),
          .model = search.start.graph.name,
          .backend = search.backend->name(),
          .target = search.backend->target(),
          .accelerator = search.backend->accelerator(),
          .settings_document = search.settings_document,
          .profile = profile};
}

void publish_study(const Search& search) {
  for (const char* file : {"log.json", "best.json"}) {
    try {
      write_file_atomically(search_folder(search.project) / file, read_file(search.results / file));
    } catch (const SystemError& error) {
      log::warning_once(fmt::format("no copy of {}: {}", (search.results / file).string(), error.what()));
    }
  }
}

}  // namespace lathe::app
