#include "lathe/cli/program.h"

int main(int count, char** arguments) { return lathe::cli::run_program({arguments + 1, arguments + count}); }
