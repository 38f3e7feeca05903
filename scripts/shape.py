#!/usr/bin/env python3
"""How long functions and files are, and how much code there is.

    shape.py                 lengths, of the crates and of the tests; fails where they are out of bounds
    shape.py --code [REV]    lines of code without comments and blank lines, and assertions, here or at a revision
    shape.py --compare REV   both, there and here, and the difference
"""

import argparse
import io
import re
import subprocess
import sys
import tarfile
from pathlib import Path

from rust_source import code_of

ROOT = Path(__file__).resolve().parent.parent

MOST_FUNCTION_P50, MOST_FUNCTION_P90, MOST_FUNCTION = 8, 25, 50
MOST_FILE_P90, MOST_FILE = 340, 400

NAMED_FUNCTION = re.compile(r"\bfn\s+((?:r#)?\w+)")
BRACKET = re.compile(r"[(){}\[\];]")
# A macro (`assert_eq!`, `prop_assert!`, `insta::assert_snapshot!`), or a call of a function that is named like one.
ASSERTION = re.compile(r"\b(?<!fn )(?:(?:debug_|prop_)?assert\w*!|assert_\w+(?:::<[^()]*>)?\()")


def files_here():
    """The text of each Rust file of the work tree, by path: of what is not committed yet, too."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.rs").decode().split("\0")
    return {path: (ROOT / path).read_text() for path in sorted(set(listed)) if path and (ROOT / path).is_file()}


def files_at(revision):
    with tarfile.open(fileobj=io.BytesIO(git("archive", "--format=tar", revision))) as archive:
        members = [member for member in archive if member.isfile() and member.name.endswith(".rs")]
        return {member.name: archive.extractfile(member).read().decode() for member in members}


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout


def group_of(path):
    """What is shipped, with the tests within its files; or what only tests."""
    return "crates" if re.match(r"crates/[^/]+/src/", path) else "tests"


def by_group(files):
    groups = {"crates": {}, "tests": {}}
    for path, text in files.items():
        groups[group_of(path)][path] = text
    return groups


def functions_of(text):
    """Name, line and length of each function with a body, from the line of its `fn` to that of its last brace."""
    code = code_of(text)
    for found in NAMED_FUNCTION.finditer(code):
        end = end_of_body(code, found.end())
        if end is not None:
            yield found[1], code.count("\n", 0, found.start()) + 1, code.count("\n", found.start(), end) + 1


def end_of_body(code, at):
    depth, in_body = 0, False
    for bracket in BRACKET.finditer(code, at):
        if bracket[0] == ";":
            if depth == 0:
                return None
            continue
        in_body = in_body or (bracket[0] == "{" and depth == 0)
        depth += 1 if bracket[0] in "([{" else -1
        if depth == 0 and in_body:
            return bracket.start()
    return None


def percentile(values, percent):
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)] if values else 0


def shape(group, files):
    """Prints the lengths of a group, and returns in how many ways they are out of bounds."""
    functions = [(path, *found) for path, text in files.items() for found in functions_of(text)]
    lengths = [length for *_, length in functions]
    sizes = {path: len(text.splitlines()) for path, text in files.items()}
    measured = [
        ("functions p50", percentile(lengths, 50), MOST_FUNCTION_P50),
        ("functions p90", percentile(lengths, 90), MOST_FUNCTION_P90),
        ("functions max", max(lengths, default=0), MOST_FUNCTION),
        ("files p90", percentile(sizes.values(), 90), MOST_FILE_P90),
        ("files max", max(sizes.values(), default=0), MOST_FILE),
    ]
    print(f"{group}: {len(functions)} functions in {len(sizes)} files")
    for name, value, most in measured:
        print(f"  {name:<14}{value:>5}  of {most}{'  TOO LONG' if value > most else ''}")
    for path, name, line, length in sorted(functions, key=lambda function: -function[-1]):
        if length > MOST_FUNCTION:
            print(f"  {path}:{line}: fn {name}: {length} lines")
    for path, size in sorted(sizes.items(), key=lambda file: -file[1]):
        if size > MOST_FILE:
            print(f"  {path}: {size} lines")
    return sum(value > most for _, value, most in measured)


def code_counts(files):
    """By group: files, lines of code, assertions."""
    counts = {}
    for group, members in by_group(files).items():
        codes = [code_of(text) for text in members.values()]
        lines = sum(1 for code in codes for line in code.splitlines() if line.strip())
        counts[group] = (len(codes), lines, sum(len(ASSERTION.findall(code)) for code in codes))
    counts["all"] = tuple(map(sum, zip(*counts.values())))
    return counts


def print_counts(title, counts, sign=""):
    print(f"{title:<20}{'files':>10}{'code lines':>12}{'assertions':>12}")
    for group, (files, lines, assertions) in counts.items():
        print(f"  {group:<18}{files:>{sign}10}{lines:>{sign}12}{assertions:>{sign}12}")


def compare(revision):
    before, after = code_counts(files_at(revision)), code_counts(files_here())
    print_counts(revision[:19], before)
    print_counts("here", after)
    difference = {group: tuple(b - a for a, b in zip(before[group], after[group])) for group in after}
    print_counts("difference", difference, sign="+")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--code", nargs="?", const="", metavar="REV")
    parser.add_argument("--compare", metavar="REV")
    asked = parser.parse_args()
    if asked.compare:
        compare(asked.compare)
    elif asked.code is not None:
        print_counts(asked.code[:19] or "here", code_counts(files_at(asked.code) if asked.code else files_here()))
    else:
        wrong = sum([shape(group, files) for group, files in by_group(files_here()).items()])
        if wrong:
            sys.exit(f"shape: {wrong} lengths are out of bounds")


if __name__ == "__main__":
    main()
