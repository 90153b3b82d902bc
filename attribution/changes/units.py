"""How big a change is: which lines count, and how many units they make.

lines changed = additions + deletions of the files that count. Lockfiles never count; vendored folders and files that
`.gitattributes` marks `linguist-vendored` or `linguist-generated` do not, and an explicit `-linguist-vendored` brings a
file in a vendored folder back; nor does what the setting `changes.exclude` names. 1 to 500 lines are one unit, N
lines are ceil(N / 500); a change without a counted line is one unit (the metric's published FAQ).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Attributes", "Exclusions", "FileLines", "Size", "glob_pattern", "parse_attributes", "size_of", "units_of"]

LOCKFILES = (
    "*.lock",
    "*.lockfile",
    "*.lockb",
    "*.lock.hcl",
    "*.lock.json",
    "*.lock.toml",
    "*.lock.yaml",
    "*.lock.yml",
    "*-lock.json",
    "*-lock.toml",
    "*-lock.yaml",
    "*-lock.yml",
    "Cartfile.resolved",
    "Package.resolved",
    "cabal.project.freeze",
    "go.sum",
    "go.work.sum",
    "npm-shrinkwrap.json",
    "packages.lock.json",
    "pylock.toml",
    "pylock.*.toml",
    "shrinkwrap.yaml",
)

VENDORED = (
    "vendor/",
    "vendored/",
    "third_party/",
    "third-party/",
    "thirdparty/",
    "3rdparty/",
    "node_modules/",
    "bower_components/",
    "jspm_packages/",
    "Godeps/",
    "Pods/",
    "Carthage/",
    ".yarn/",
)

_MARKS = ("linguist-generated", "linguist-vendored")


@dataclass(frozen=True, slots=True)
class FileLines:
    """One file of a diff. `path` is the new name of a renamed file; binary files have no lines."""

    path: str
    added: int
    deleted: int

    @property
    def lines(self) -> int:
        return self.added + self.deleted


@dataclass(frozen=True, slots=True)
class Size:
    lines: int
    excluded: int


@lru_cache(maxsize=4096)
def glob_pattern(glob: str) -> re.Pattern[str]:
    """A glob as gitattributes and gitignore write them: `*` stops at a slash, `**` does not, a glob without an inner
    slash matches at any depth, one that ends in a slash matches all below. Matched against a path relative to where
    the glob stands."""
    body = glob.removeprefix("/").removesuffix("/")
    anchored = "/" in body or glob.startswith("/")
    regex = "" if anchored else "(?:.*/)?"
    place = 0
    while place < len(body):
        token, length = _glob_token(body, place)
        regex += token
        place += length
    try:
        return re.compile(regex + ("/.+" if glob.endswith("/") else ""), re.DOTALL)
    except re.error:  # an impossible range such as [z-a]: git matches nothing either
        return re.compile("(?!)")


_GLOB_CLASS = re.compile(r"\[(?P<not>[!^]?)(?P<set>\]?[^\]]*)\]")


def _glob_token(body: str, place: int) -> tuple[str, int]:
    """The regular expression of what stands at `place`, and how many characters of the glob it uses."""
    at_segment = place == 0 or body[place - 1] == "/"
    if at_segment and body.startswith("**/", place):
        return "(?:.*/)?", 3
    if at_segment and body[place:] == "**":
        return ".+", 2
    if body[place] == "*":
        return "[^/]*", len(body[place:]) - len(body[place:].lstrip("*"))
    if body[place] == "?":
        return "[^/]", 1
    if match := _GLOB_CLASS.match(body, place):
        members = match["set"].replace("\\", "\\\\").replace("[", "\\[")
        members = "\\" + members if members.startswith(("]", "^")) else members
        return f"[{'^' if match['not'] else ''}{members}]", len(match[0])
    escaped = body[place : place + 2] if body[place] == "\\" else body[place]
    return re.escape(escaped[-1]), len(escaped)


@dataclass(frozen=True, slots=True)
class Attributes:
    """One `.gitattributes` file: (glob, mark → set or unset), in file order, for paths below `folder`."""

    folder: str  # "" or ends in a slash
    rows: tuple[tuple[str, tuple[tuple[str, bool | None], ...]], ...]

    def marks(self, path: str) -> dict[str, bool | None]:
        """What this file says of `path`; the last matching row wins for each mark."""
        if not path.startswith(self.folder):
            return {}
        inner = path.removeprefix(self.folder)
        said: dict[str, bool | None] = {}
        for glob, marks in self.rows:
            # A glob ending in a slash names directories, which carry no attributes.
            if not glob.endswith("/") and glob_pattern(glob).fullmatch(inner):
                said.update(marks)
        return said


def parse_attributes(path: str, content: bytes) -> Attributes:
    """The linguist rows of the `.gitattributes` file at `path`."""
    rows = []
    for line in content.decode("utf-8", "surrogateescape").splitlines():
        glob, words = _attribute_line(line.strip())
        marks = tuple(mark for word in words if (mark := _mark(word)))
        if glob and marks:
            rows.append((glob, marks))
    return Attributes(folder=path.removesuffix(".gitattributes"), rows=tuple(rows))


_QUOTED = re.compile(r'"(?P<glob>(?:[^"\\]|\\.)*)"\s*(?P<rest>.*)')


def _attribute_line(line: str) -> tuple[str, list[str]]:
    if line.startswith(("#", "[attr]", "!")):
        return "", []
    if match := _QUOTED.fullmatch(line):
        return match["glob"].replace('\\"', '"'), match["rest"].split()
    glob, *words = line.split() or [""]
    return glob, words


def _mark(word: str) -> tuple[str, bool | None] | None:
    name, _, value = word.lstrip("-!").partition("=")
    if name not in _MARKS:
        return None
    if word.startswith("!"):
        return name, None
    return name, not word.startswith("-") and value.lower() not in ("false", "0", "no")


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Which files do not count. `attributes` are the `.gitattributes` in force, by folder."""

    globs: tuple[str, ...] = ()
    attributes: Mapping[str, Attributes] | None = None

    def excluded(self, path: str) -> bool:
        if _any(LOCKFILES, path) or _any(self.globs, path):
            return True
        marks = self._marks(path)
        if marks.get("linguist-generated"):
            return True
        vendored = marks.get("linguist-vendored")
        return _any(VENDORED, path) if vendored is None else vendored

    def _marks(self, path: str) -> dict[str, bool | None]:
        """Attributes of `path`: a file nearer to it overrides one further up."""
        said: dict[str, bool | None] = {}
        if self.attributes:
            folders = [path[: slash + 1] for slash in range(len(path)) if path[slash] == "/"]
            for folder in ["", *folders]:
                if folder in self.attributes:
                    said.update(self.attributes[folder].marks(path))
        return said


@lru_cache(maxsize=64)
def _union(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{glob_pattern(glob).pattern})" for glob in globs) or "(?!)", re.DOTALL)


def _any(globs: tuple[str, ...], path: str) -> bool:
    return _union(globs).fullmatch(path) is not None


def size_of(files: Iterable[FileLines], exclusions: Sequence[Exclusions]) -> Size:
    """Counted and excluded lines. A file is out where any of `exclusions` says so: before the change or after it."""
    counted = excluded = 0
    for file in files:
        if file.lines and any(rule.excluded(file.path) for rule in exclusions):
            excluded += file.lines
        else:
            counted += file.lines
    return Size(lines=counted, excluded=excluded)


def units_of(lines: int, *, unit_lines: int = 500) -> int:
    """Size-normalised units of a change: at least one."""
    return max(1, -(-lines // unit_lines))
