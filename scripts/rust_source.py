"""Reads Rust as far as the scripts beside it need: what is code, and what a file imports.

No line and no column moves: what is taken out is replaced by as many characters.
"""

import re
from bisect import bisect
from dataclasses import dataclass, field

LITERAL_OR_COMMENT = re.compile(
    r"""(?P<line>//[^\n]*)
    |(?P<block>/\*)
    |(?<!\w)(?:b|c)?r(?P<hashes>\#*)".*?"(?P=hashes)
    |(?:(?<!\w)[bc])?"(?:\\.|[^"\\])*"
    |(?:(?<!\w)b)?'(?:\\(?:x..|u\{[^}]*\}|.)|[^\\'\n])'""",
    re.VERBOSE | re.DOTALL,
)
BLOCK_COMMENT_MARK = re.compile(r"/\*|\*/")
# What is left of a `'` begins a lifetime, since characters are blanked before.
TOKEN = re.compile(r"r#\w+|'\w+|\w+|::|\S")
DEFINING = {"fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod"}
OPENING, CLOSING = "([{", ")]}"


def code_of(text):
    """`text` with comments as spaces and literals as quotes, so that neither can be taken for code."""
    done, at = [], 0
    while found := LITERAL_OR_COMMENT.search(text, at):
        end = end_of_block_comment(text, found.start()) if found["block"] else found.end()
        comment = found["block"] or found["line"]
        done += [text[at : found.start()], re.sub(r"\S", " " if comment else '"', text[found.start() : end])]
        at = end
    return "".join(done) + text[at:]


def end_of_block_comment(text, start):
    depth = 0
    for mark in BLOCK_COMMENT_MARK.finditer(text, start):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(text)


@dataclass(frozen=True)
class Import:
    """A leaf of a `use`, or a path written out in the code. A glob has no name."""

    path: tuple
    name: str | None
    line: int
    is_use: bool = True
    is_public: bool = False
    is_glob: bool = False

    def __str__(self):
        renamed = f" as {self.name}" if self.name not in (None, self.path[-1]) else ""
        text = "::".join(self.path) + ("::*" if self.is_glob else renamed)
        return f"use {text}" if self.is_use else text


@dataclass
class Module:
    file: str
    imports: list = field(default_factory=list)
    defined: set = field(default_factory=set)


class Reader:
    """Reads one file into `modules`, by path: the file's own module and those written out in it, without what is
    there for tests only."""

    def __init__(self, text, file, path, modules):
        code = code_of(text)
        found = list(TOKEN.finditer(code))
        newlines = [i for i, character in enumerate(code) if character == "\n"]
        self.tokens = [token[0] for token in found]
        self.lines = [bisect(newlines, token.start()) + 1 for token in found]
        self.file, self.modules, self.at = file, modules, 0
        # What each open brace belongs to: the path of a module, or None.
        self.open = [path]
        modules[path] = Module(file)
        while self.at < len(self.tokens):
            self.read_one()

    def token(self, ahead=0):
        at = self.at + ahead
        return self.tokens[at] if 0 <= at < len(self.tokens) else ""

    def module(self):
        return next(path for path in reversed(self.open) if path is not None)

    def read_one(self):
        token = self.token()
        if token == "#":
            self.read_attribute()
        elif token == "pub":
            # The path in `pub(in …)` is no import.
            self.at = self.end_of_group(self.at + 1) if self.token(1) == "(" else self.at + 1
            if self.token() == "use":
                self.read_use(is_public=True)
        elif token == "use" and self.token(1) != "<":
            self.read_use(is_public=False)
        elif token in DEFINING and self.open[-1] is not None:
            self.read_definition()
        elif token == "{":
            self.open.append(None)
            self.at += 1
        elif token == "}":
            self.open = self.open[:-1] if len(self.open) > 1 else self.open
            self.at += 1
        elif self.token(1) == "::" and is_word(token):
            self.read_path()
        else:
            self.at += 1

    def read_attribute(self):
        start = self.at + (2 if self.token(1) == "!" else 1)
        end = self.end_of_group(start)
        words = self.tokens[start:end]
        is_for_tests = words[1:2] == ["cfg"] and "test" in words and "not" not in words
        # Any other is read on: it may name a function by its path.
        self.at = end if is_for_tests else start
        if is_for_tests:
            self.skip_item()

    def skip_item(self):
        while self.token() not in ("", *CLOSING):
            if self.token() in OPENING:
                was_body = self.token() == "{"
                self.at = self.end_of_group(self.at)
                if was_body:
                    return
            else:
                self.at += 1
                if self.token(-1) == ";":
                    return

    def read_definition(self):
        name = self.token(1)
        self.modules[self.module()].defined.add(name)
        if self.token() == "mod" and self.token(2) == "{":
            self.open.append(self.module() + (name,))
            self.modules[self.open[-1]] = Module(self.file)
            self.at += 3
        else:
            self.at += 1

    def read_use(self, is_public):
        self.at += 1
        self.read_tree((), is_public)

    def read_tree(self, path, is_public):
        while (token := self.token()) not in ("", ";", ",", "}", "as"):
            line = self.lines[self.at]
            self.at += 1
            if token == "{":
                while self.token() not in ("", "}"):
                    self.read_tree(path, is_public)
                    self.at += self.token() == ","
                self.at += 1
                return
            if token == "*":
                self.add(Import(path, None, line, is_public=is_public, is_glob=True))
                return
            if token == "::":
                path = path or ("::",)
            elif token != "self" or not path:
                path += (token,)
        line = self.lines[self.at - 1]
        name = path[-1] if path else None
        if self.token() == "as":
            name = self.token(1)
            self.at += 2
        self.add(Import(path, name, line, is_public=is_public))

    def read_path(self):
        path, line = (self.token(),), self.lines[self.at]
        self.at += 1
        while self.token() == "::" and is_word(self.token(1)):
            path += (self.token(1),)
            self.at += 2
        if len(path) > 1:
            self.add(Import(path, None, line, is_use=False))
        self.at += self.token() == "::"

    def add(self, found):
        self.modules[self.module()].imports.append(found)

    def end_of_group(self, at):
        depth = 0
        for i in range(at, len(self.tokens)):
            depth += (self.tokens[i] in OPENING) - (self.tokens[i] in CLOSING)
            if depth == 0:
                return i + 1
        return len(self.tokens)


def is_word(token):
    return token[:1].isalpha() or token[:1] == "_"
