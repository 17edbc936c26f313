#pragma once

#include <string>
#include <string_view>

namespace lathe::cli {

/// Prints text on standard output, made visible (base/visible.h). What cannot be written ends no work: it goes on,
/// unheard, and check_output tells at its end.
void print(std::string_view text);

/// Prints a document that programs read: byte for byte, unless a terminal would show it.
void print_document(std::string_view text);

/// Throws SystemError where a text could not be written (a full disk). A reader that has gone away (`| head`) or a
/// terminal that hung up is no error.
void check_output();

/// Prints `lathe: error: TEXT` on standard error, in colour on a terminal.
void print_error(std::string_view text) noexcept;

/// Tells whether a file descriptor may be given colours: a terminal, and NO_COLOR (no-color.org) not set.
bool colour_allowed(int descriptor);

}  // namespace lathe::cli
