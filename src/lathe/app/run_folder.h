#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// Folders of runs: a run never writes into the folder of another one.
namespace lathe::app {

/// Returns a name that a folder can have, as near to `name` as that goes: slashes, control characters and bytes that
/// are no UTF-8 become `_`, as do dots and hyphens at the beginning; long names are cut and get a hash of the whole.
/// Never empty.
std::string folder_name(std::string_view name);

/// Returns `name` for place 1, `name-2`, `name-3`, ... for the others: how runs of one name are told apart.
std::string name_in_family(const std::string& name, int place);

/// Makes a folder with one file in it, at once: whoever sees the folder sees the file, and of two processes one wins.
/// Its parents are made where they are absent. False, and nothing changed, where something of that name is there.
/// Throws SystemError.
bool make_run_folder(const std::filesystem::path& folder, const std::string& file, const std::string& text);

/// Makes the first of `name`, `name-2`, ... in `parent` that is not there, as make_run_folder does.
std::filesystem::path new_run_folder(const std::filesystem::path& parent, const std::string& name,
                                     const std::string& file, const std::string& text);

/// Lists the folders in `parent`, by name; empty where it is absent.
std::vector<std::filesystem::path> run_folders(const std::filesystem::path& parent);

/// Makes `to` another name of the file `from`, or a copy of it where the file system has no such links, replacing what
/// is there. Readers of `to` see the old content or the new. Throws SystemError.
void share_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// Tells whether two files hold the same bytes; false where one is absent.
bool same_content(const std::filesystem::path& left, const std::filesystem::path& right);

}  // namespace lathe::app
