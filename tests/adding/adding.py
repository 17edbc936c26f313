#!/usr/bin/env python3
"""Adds one source file and one line of one list, for each kind of thing that lathe has lists of, to a copy of the
tree, builds the copy and runs the suites that walk the lists.

  adding.py --build BUILD                 every kind
  adding.py --build BUILD sampler pruner  some
  adding.py --pages                       only compares docs/adding with the cases; builds nothing

A case is a folder here: the source file that is added and case.json, which says where it goes, which line is added to
which list, what is built and what is run. Objects that BUILD holds and that the addition does not touch are taken from
there (reuse_object.py).
"""

import argparse
import functools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
from reuse_object import argument_after, entry_name, normal

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent.parent


def fail(text):
    raise SystemExit(f"adding: {text}")


def run(arguments, expected=0, **options):
    done = subprocess.run([str(a) for a in arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", **options)
    if done.returncode != expected:
        fail(f"{shlex.join(str(a) for a in arguments)} ended with {done.returncode}:\n{done.stdout[-20000:]}")
    return done.stdout


def cases():
    found = {path.parent.name: json.loads(path.read_text()) for path in sorted(HERE.glob("*/case.json"))}
    for kind, case in found.items():
        case["folder"] = HERE / kind
    return found


# --- docs/adding ---------------------------------------------------------------------------------------------------


def check_pages():
    """Each page says what the case of its kind does: the file, the list and the line, with NAME for the name."""
    wrong = []
    for kind, case in cases().items():
        page = SOURCE / case["page"]
        text = page.read_text() if page.exists() else ""
        name = Path(case["file"]).stem
        wanted = [case["file"].replace(f"/{name}.", "/NAME."), case["list"], re.sub(re.escape(name), "NAME", case["line"], flags=re.IGNORECASE),
                  f"tests/adding/{kind}"]
        wrong += [f"{case['page']} does not say `{words}`" for words in wanted if f"`{words}`" not in text]
    pages = {path.name: path.read_text() for path in (SOURCE / "docs" / "adding").glob("*.md")}
    overview = pages.pop("README.md")
    wrong += [f"docs/adding/README.md does not name {name}" for name in pages if f"({name})" not in overview]
    for listed in sorted((SOURCE / "src").rglob("builtin.def")):
        name = str(listed.relative_to(SOURCE))
        if not any(name in text for text in pages.values()) or name not in overview:
            wrong.append(f"no page of docs/adding, or not its README.md, names {name}")
    if wrong:
        fail("docs/adding and tests/adding differ:\n  " + "\n  ".join(wrong))


# --- what another build folder has compiled already ------------------------------------------------------------------


class Build:
    """Reads a build folder of Ninja."""

    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        cache = self.folder / "CMakeCache.txt"
        if not cache.exists():
            fail(f"{self.folder} is no build folder")
        self.cache = dict(re.findall(r"^([A-Za-z_][\w-]*):[A-Z]+=(.*)$", cache.read_text(), re.M))

    def settings(self):
        """Returns what makes another folder compile with the same commands."""
        kept = [f"-D{name}={value}" for name, value in self.cache.items()
                if re.fullmatch(r"LATHE_(WITH|WARNINGS|SANITIZE|USE|PRECOMPILE|UNITY)\w*|CMAKE_BUILD_TYPE|CMAKE_CXX_COMPILER|"
                                r"CMAKE_CXX_FLAGS\w*|CMAKE_PREFIX_PATH|Torch_DIR", name) and value]
        return kept + ["-DLATHE_BUILD_TESTS=ON", "-DLATHE_BUILD_BENCHMARKS=OFF"]

    def launcher(self):
        return self.cache.get("CMAKE_CXX_COMPILER_LAUNCHER", "")

    def dependencies(self):
        """Returns object -> headers and source of the objects that are up to date as far as Ninja knows."""
        found, current = {}, None
        for line in run(["ninja", "-C", self.folder, "-t", "deps"]).splitlines():
            if line.endswith("(VALID)"):
                current = found.setdefault(line.split(":", 1)[0], [])
            elif line.startswith("    ") and current is not None:
                current.append(line.strip())
            else:
                current = None
        return found


def write_index(build, source, folder):
    """Writes a file for each object that may be taken over: its command and what it was made from."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    dependencies = build.dependencies()

    @functools.lru_cache(maxsize=None)
    def look_up(name):
        """Returns a file of the tree or the build folder as (its name in any tree, when it was changed); None: another."""
        path = Path(os.path.normpath(build.folder / name))
        if build.folder in path.parents:
            text = "<build>/" + str(path.relative_to(build.folder))
        elif source in path.parents:
            text = "<source>/" + str(path.relative_to(source))
        else:
            return None
        return text, path.stat().st_mtime_ns if path.exists() else float("inf")

    for entry in json.loads((build.folder / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        output = argument_after(words, "-o") or ""
        if output not in dependencies or not output.endswith(".o") or not (build.folder / output).exists():
            continue
        made = (build.folder / output).stat().st_mtime_ns
        own = list(filter(None, map(look_up, dependencies[output])))
        if any(changed > made for _, changed in own):
            continue
        lines = [str(build.folder / output), "\x1f".join(normal(words, str(build.folder), str(source))),
                 *(text for text, _ in own)]
        (folder / entry_name(output)).write_text("\n".join(lines))


# --- a copy of the tree ------------------------------------------------------------------------------------------------


class Copy:
    def __init__(self, folder, build):
        self.tree, self.build, self.index = folder / "tree", folder / "build", folder / "index"
        self.reference = build

    def make(self):
        shutil.rmtree(self.tree, ignore_errors=True)
        listed = run(["git", "-C", SOURCE, "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        for name in filter(None, listed.split("\0")):
            if (SOURCE / name).is_file():
                (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(SOURCE / name, self.tree / name)  # as new: an earlier case's objects are older
        self.git("init", "-q")
        self.commit()
        write_index(self.reference, SOURCE, self.index)
        launcher = ";".join(filter(None, [sys.executable, "-I", "-S", str(HERE / "reuse_object.py"),
                                      self.reference.launcher()]))
        run(["cmake", "-S", self.tree, "-B", self.build, "-G", "Ninja", f"-DCMAKE_CXX_COMPILER_LAUNCHER={launcher}",
             *self.reference.settings()])

    def git(self, *words):
        return run(["git", "-C", self.tree, "-c", "user.name=adding", "-c", "user.email=adding@localhost",
                    "-c", "core.autocrlf=false", *words])

    def commit(self):
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "-m", "copy")

    def add(self, case):
        """Adds the file and the line, and checks that this is all."""
        target, listed = self.tree / case["file"], self.tree / case["list"]
        if target.exists():
            fail(f"{case['file']} is there already")
        shutil.copyfile(case["folder"] / Path(case["file"]).name, target)
        listed.write_text(listed.read_text() + case["line"] + "\n")
        self.git("add", "-A")
        changed = [line.split("\t") for line in self.git("diff", "--cached", "--numstat").splitlines()]
        lines = str(len(target.read_text().splitlines()))
        expected = sorted([[lines, "0", case["file"]], ["1", "0", case["list"]]])
        if sorted(changed) != expected:
            fail(f"one file and one line were to be added; git diff --numstat says {changed}")
        (self.index / "changed").write_text("\n".join("<source>/" + case[part] for part in ("list", "file")))

    def take_back(self):
        self.git("reset", "-q", "--hard")

    def make_targets(self, targets):
        environment = dict(os.environ, LATHE_ADDING_INDEX=str(self.index), LATHE_ADDING_BUILD=str(self.build),
                           LATHE_ADDING_SOURCE=str(self.tree))
        run(["cmake", "--build", self.build, "--target", *targets, "-j", str(min(os.cpu_count() or 2, 2))],
            env=environment)

    def executable(self, name):
        found = [path for path in self.build.rglob(name) if path.is_file() and os.access(path, os.X_OK)]
        if len(found) != 1:
            fail(f"{name} was not built, or twice: {found}")
        return found[0]


def try_case(copy, kind, case):
    begun = time.monotonic()
    copy.add(case)
    try:
        copy.make_targets(sorted({check["run"][0] if check["run"][0] != "lathe" else "lathe" for check in case["checks"]}))
        scratch = copy.tree.parent / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        for check in case["checks"]:
            def full(text):
                return text.replace("{case}", str(case["folder"])).replace("{tree}", str(copy.tree))

            words = [full(word) for word in check["run"]]
            environment = {name: full(value) for name, value in check.get("environment", {}).items()}
            printed = run([copy.executable(words[0]), *words[1:]], expected=check.get("exit", 0), cwd=scratch,
                          env={**os.environ, **environment})
            for text in check.get("prints", []):
                if text not in printed:
                    fail(f"{kind}: {shlex.join(words)} does not print {text!r}:\n{printed[-20000:]}")
            if "--gtest_filter" in " ".join(words) and re.search(r"Running 0 tests|\[  SKIPPED \]", printed):
                fail(f"{kind}: {shlex.join(words)} ran nothing:\n{printed[-20000:]}")
    finally:
        copy.take_back()
    print(f"{kind}: {case['file']} and {case['line']!r} in {case['list']}, {time.monotonic() - begun:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", help="folders here; none: all")
    parser.add_argument("--build", help="a build folder of this tree with its tests, made by Ninja")
    parser.add_argument("--work", help="where the copy goes (BUILD/tests/adding/copy); it is kept from run to run")
    parser.add_argument("--pages", action="store_true", help="compare docs/adding with the cases and build nothing")
    arguments = parser.parse_args()
    check_pages()
    if arguments.pages:
        return
    if not arguments.build:
        parser.error("--build is needed")
    known = cases()
    for kind in arguments.kinds:
        if kind not in known:
            parser.error(f"there is no case {kind}; there are {', '.join(known)}")
    build = Build(arguments.build)
    copy = Copy(Path(arguments.work or build.folder / "tests" / "adding" / "copy").resolve(), build)
    copy.make()
    for kind in arguments.kinds or known:
        try_case(copy, kind, known[kind])


if __name__ == "__main__":
    main()
