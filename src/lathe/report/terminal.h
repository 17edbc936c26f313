#pragma once

namespace lathe::report {

/// Tells whether a file descriptor is a terminal that understands cursor movements (TERM is not "dumb").
bool is_terminal(int descriptor);
/// Returns the columns of the terminal behind a descriptor; `COLUMNS` of the environment, then `otherwise`, when it is
/// none.
int terminal_width(int descriptor, int otherwise = 100);
/// Tells whether the environment's locale (LC_ALL, LC_CTYPE, LANG, the first that is set) is UTF-8.
bool unicode_locale();

}  // namespace lathe::report
