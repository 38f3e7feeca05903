#!/usr/bin/env python3
"""The fence of `make check`: in every crate, imports run one way.

- A file never imports from a higher floor, nor from beside it on its own.
- A file never imports through the face of a folder that it lies in (`copy.rs` is the face of `copy/`).
- No files of a crate import each other in a circle. Who imports through a face imports the file behind it; what a face
  re-exports of its own folder is no import, and nothing that is there for tests only is counted.
- No folder holds more than 14 files.

Called with a directory, it reads the crates in that one.
"""

import sys
from collections import deque
from pathlib import Path

from rust_source import Reader

MOST_FILES = 14
# These have no folders yet. Their numbers may only fall.
FLAT = {"longhaul-cli": 44, "longhaul-local": 35}
KEYWORDS = ("crate", "self", "super")

# The floors of a folder, lowest first: what stands in one line may not import each other.
FLOORS = {
    "longhaul": """
        text planted
        object
        store route
        ledger
        limits
        queue copy
        scan worker memory
        jobsender
    """,
    "longhaul/copy": """
        attempt
        claim
        multipart single_tries
        segment server_side single_request delete_copy
        copy_object
    """,
    "longhaul/scan": """
        key_list
        listing
        totals
        unordered
        differences
        parallel
        recheck copy_differences
        copy_named
    """,
    "longhaul-aws": """
        sdk
        s3 dynamodb sqs
        settings
        stack lambda
    """,
}


class Crate:
    """The modules of a crate, and in which file an imported item is defined."""

    def __init__(self, root, folder):
        self.name, self.modules, self.files = folder.name, {}, {}
        for file in sorted((folder / "src").rglob("*.rs")):
            path = file.relative_to(folder / "src").with_suffix("").parts
            if f"_{path[-1]}".endswith("_tests"):
                continue
            path = path[:-1] if path[-1] in ("lib", "main", "mod") else path
            name = str(file.relative_to(root))
            self.files[name] = path
            Reader(file.read_text(), name, path, self.modules)

    def imports(self):
        """Each import that crosses files: its module, itself, the module that it names, and the one that defines
        what is imported."""
        for path, module in self.modules.items():
            for found in module.imports:
                start = self.start_of(path, found.path)
                if start is None or self.is_of_an_imported_item(path, found):
                    continue
                named, home = self.named(start), self.home(start)
                is_re_export = found.is_public and home[: len(path)] == path
                if not is_re_export and self.file_of(home) != self.file_of(path):
                    yield path, found, start, named, home

    def is_of_an_imported_item(self, module, found):
        """`Item::new` says nothing that the `use` of `Item` does not say; `a_module::Item` does."""
        if found.is_use or found.path[0] in KEYWORDS:
            return False
        return self.start_of(module, found.path[:1]) not in self.modules

    def start_of(self, module, path, seen=frozenset()):
        """`path` as it is written in `module`, from the root of the crate; None if it leaves the crate."""
        first, rest = path[0], path[1:]
        if first == "crate":
            return rest
        if first == "self":
            return module + rest
        if first == "super":
            while rest[:1] == ("super",):
                module, rest = module[:-1], rest[1:]
            return module[:-1] + rest
        if module + (first,) in self.modules:
            return module + path
        bound = self.bound(module, first, seen)
        return None if bound is None else bound + rest

    def bound(self, module, name, seen=frozenset(), is_asked_by_glob=False):
        """What a `use` in `module` binds `name` to, from the root of the crate. A glob sees only what is public."""
        if (module, name) in seen:
            return None
        seen = seen | {(module, name)}
        uses = [found for found in self.modules[module].imports if found.is_use]
        if is_asked_by_glob:
            uses = [found for found in uses if found.is_public]
        for found in uses:
            if found.name == name and found.path != (name,):
                return self.start_of(module, found.path, seen)
        for found in uses:
            target = self.start_of(module, found.path, seen) if found.is_glob else None
            if target is not None and self.has(self.home(target), name, seen):
                return target + (name,)
        return None

    def has(self, module, name, seen):
        return name in self.modules[module].defined or self.bound(module, name, seen, is_asked_by_glob=True) is not None

    def named(self, path):
        while path not in self.modules:
            path = path[:-1]
        return path

    def home(self, path, seen=frozenset()):
        """The module that defines the item at `path`, or the last that is known on the way."""
        module = self.named(path)
        rest = path[len(module) :]
        if not rest or rest[0] in self.modules[module].defined:
            return module
        bound = self.bound(module, rest[0], seen)
        if bound is None or (module, rest[0]) in seen:
            return module
        return self.home(bound + rest[1:], seen | {(module, rest[0])})

    def file_of(self, module):
        return self.modules[module].file


def floors_of(crate, folder):
    """The floor of each name in a folder, counted from the lowest; None where none are named."""
    table = FLOORS.get("/".join((crate.name, *folder)))
    if table is None:
        return None
    return {name: floor for floor, line in enumerate(table.strip().splitlines()) for name in line.split()}


def wrong_floor(crate, module, target):
    """What is wrong with an import of `target` in `module`, if it goes up or to the side."""
    depth = next((i for i, (a, b) in enumerate(zip(module, target)) if a != b), None)
    floors = floors_of(crate, module[:depth]) if depth is not None else None
    if floors is None:
        return None
    here, there = module[depth], target[depth]
    if here not in floors or there not in floors or floors[there] < floors[here]:
        return None
    if floors[there] == floors[here]:
        return f'floor "{here}" imports "{there}" beside it'
    return f'lower floor "{here}" imports higher "{there}"'


def imports_face(crate, module, found, start, named):
    is_above = len(named) < len(module) and module[: len(named)] == named
    if not is_above or crate.file_of(named) == crate.file_of(module):
        return False
    item = start[len(named) : len(named) + 1]
    if not item:
        return found.is_glob
    # The face of a whole crate is its `lib.rs` or `main.rs`, which may define something that all of it needs.
    is_defined_there = named != () and item[0] in crate.modules[named].defined
    return is_defined_there or crate.bound(named, item[0]) is not None


def wrong_imports(crate):
    for module, found, start, named, home in crate.imports():
        at = f"{crate.file_of(module)}:{found.line}: {found}"
        wrong = wrong_floor(crate, module, named) or wrong_floor(crate, module, home)
        if wrong:
            yield f"{at}: {wrong}"
        if imports_face(crate, module, found, start, named):
            yield f"{at}: imports through the face of its own folder; its file is {crate.file_of(home)}"


def without_floor(crate):
    """Whoever adds a folder says where it stands: what the table does not name is held to nothing."""
    for folder in sorted({path[:-1] for path in crate.files.values() if path}):
        floors = floors_of(crate, folder)
        names = {path[-1] for path in crate.files.values() if path and path[:-1] == folder}
        if floors and (unnamed := sorted(names - set(floors))):
            yield f"{'/'.join((crate.name, *folder))}: FLOORS in scripts/fence.py does not name {', '.join(unnamed)}"


def circles(crate):
    """Circles of imports, shortest first, no import in two of them."""
    edges = {file: {} for file in crate.files}
    for module, found, _, _, home in crate.imports():
        edges[crate.file_of(module)].setdefault(crate.file_of(home), found)
    while ways := [way for file in edges if (way := way_back(edges, file))]:
        circle = min(ways, key=len)
        hops = list(zip(circle, circle[1:] + circle[:1]))
        lines = [f"{file}:{edges[file][to].line}: {edges[file][to]}" for file, to in hops]
        yield f"circle of {len(circle)} files:\n    " + "\n    ".join(lines) + "  <- closes it"
        for file, to in hops:
            del edges[file][to]


def way_back(edges, start):
    """The files of the shortest circle through `start`; none if there is none."""
    reached_from, waiting = {}, deque([start])
    while waiting:
        file = waiting.popleft()
        for to in edges[file]:
            if to == start:
                way = [file]
                while way[0] != start:
                    way.insert(0, reached_from[way[0]])
                return way
            if to not in reached_from:
                reached_from[to] = file
                waiting.append(to)
    return []


def full_folders(root, folder):
    for path in (folder / "src", *sorted(p for p in (folder / "src").rglob("*") if p.is_dir())):
        count = len(list(path.glob("*.rs")))
        most = FLAT.get(folder.name, MOST_FILES) if path.name == "src" else MOST_FILES
        if count > most:
            yield f"{path.relative_to(root)}: {count} files; a folder holds {most} at most"


def offences(root):
    for folder in sorted(path for path in (root / "crates").iterdir() if (path / "src").is_dir()):
        crate = Crate(root, folder)
        yield from wrong_imports(crate)
        yield from circles(crate)
        yield from without_floor(crate)
        yield from full_folders(root, folder)


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    found = list(offences(root))
    for offence in found:
        print(offence)
    if found:
        sys.exit(f"fence: {len(found)} offences")
    print("fence: imports run one way")


if __name__ == "__main__":
    main()
