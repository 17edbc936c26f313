#!/usr/bin/env python3
"""Runs a compiler, or takes its object from another build folder: where that has compiled the same source with the
same command, and nothing that it was made of has changed. The launcher of the compilers in adding.py's copy; it runs
once per object and therefore imports nothing that takes time."""

import os
import sys


def argument_after(words, flag):
    return words[words.index(flag) + 1] if flag in words else None


def entry_name(output):
    """Names the file of the index that tells about an object."""
    return output.replace("/", "!")


def normal(command, build, source):
    """Returns a compiler's arguments without its launchers and its dependency file, and without the folders' names."""
    first = next((i for i, word in enumerate(command) if "++" in word.rsplit("/", 1)[-1]), 0)
    kept, skip = [], False
    for word in command[first:]:
        if skip:
            skip = False
        elif word in ("-MT", "-MF"):
            skip = True
        elif word != "-MD":
            kept.append(word.replace(build, "<build>").replace(source, "<source>"))
    return kept


def copy(old, new):
    with open(old, "rb") as source, open(new, "wb") as target:
        target.write(source.read())


def take_over(words):
    """Puts the object and its dependency file in place; False where it must be compiled."""
    index = os.environ.get("LATHE_ADDING_INDEX")
    output, depfile = argument_after(words, "-o"), argument_after(words, "-MF")
    entry = os.path.join(index or "", entry_name(output or ""))
    if not index or not output or not depfile or not os.path.exists(entry):
        return False
    build, source = os.environ["LATHE_ADDING_BUILD"], os.environ["LATHE_ADDING_SOURCE"]
    with open(entry) as record, open(os.path.join(index, "changed")) as changed:
        compiled, command, *made_of = record.read().split("\n")
        if command != "\x1f".join(normal(words, build, source)) or set(changed.read().split("\n")) & set(made_of):
            return False
    copy(compiled, output)
    names = [name.replace("<build>", build).replace("<source>", source).replace(" ", "\\ ") for name in made_of]
    with open(depfile, "w") as file:
        file.write(f"{output}: " + " \\\n ".join(names) + "\n")
    return True


if __name__ == "__main__":
    if not take_over(sys.argv[1:]):
        os.execvp(sys.argv[1], sys.argv[1:])
