#!/usr/bin/env python3
"""Runs a compiler, or takes its object from another build folder: where that has compiled the same source with the
same command, and nothing that it was made of has changed. The launcher of the compilers in adding.py's copy."""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from adding import normal  # noqa: E402


def argument_after(words, flag):
    return words[words.index(flag) + 1] if flag in words else None


def take_over(words):
    """Puts the object and its dependency file in place; False where it must be compiled."""
    index = os.environ.get("LATHE_ADDING_INDEX")
    output, depfile = argument_after(words, "-o"), argument_after(words, "-MF")
    if not index or not output or not depfile:
        return False
    entry = Path(index) / hashlib.sha1(output.encode()).hexdigest()
    if not entry.exists():
        return False
    build, source = os.environ["LATHE_ADDING_BUILD"], os.environ["LATHE_ADDING_SOURCE"]
    record = json.loads(entry.read_text())
    changed = set(json.loads((Path(index) / "changed").read_text()))
    if record["command"] != normal(words, build, source) or changed & set(record["made_of"]):
        return False
    shutil.copyfile(record["object"], output)
    made_of = [name.replace("<build>", build).replace("<source>", source) for name in record["made_of"]]
    Path(depfile).write_text(f"{output}: " + " \\\n ".join(name.replace(" ", "\\ ") for name in made_of) + "\n")
    return True


if __name__ == "__main__":
    if not take_over(sys.argv[1:]):
        os.execvp(sys.argv[1], sys.argv[1:])
