#pragma once

#include <string>
#include <string_view>

/// Text from outside (names, paths, bytes of a damaged file) as a terminal may show it.
namespace lathe {

/// Writes out what would move the cursor, change colours or the direction of writing, and bytes that are no UTF-8:
/// `\x1b`, `\u009b`, `\xff`. Ends of lines and tabs stay. A JSON document means the same afterwards.
std::string visible(std::string_view text);

/// The same for one cell or name: ends of lines and tabs are written out, too.
std::string visible_line(std::string_view text);

/// Tells whether the text is valid UTF-8.
bool is_utf8(std::string_view text);

}  // namespace lathe
