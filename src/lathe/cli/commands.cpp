#include "lathe/cli/commands.h"

namespace lathe::cli {

const std::vector<Command>& commands() {
  static const std::vector<Command> list{
      train_command(), test_command(),       search_command(), compare_command(),   study_command(),
      table_command(), transform_command(),  import_command(), export_command(),    info_command(),
      data_command(),  completion_command(), man_command(),    reference_command(),
  };
  return list;
}

const Command* find_command(std::string_view name) {
  for (const Command& command : commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

}  // namespace lathe::cli
