"""The `.gitattributes` in force at each landing, from two git processes: one walk over the landings that touched such a
file, one batch that reads their contents."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from attribution.changes.gitcommand import DIFF, Git
from attribution.changes.history import History
from attribution.changes.units import Attributes, parse_attributes

__all__ = ["AttributesAlongLine", "read_attributes"]


@dataclass(frozen=True, slots=True)
class AttributesAlongLine:
    """`states[i]` (folder → attributes) holds from the landing at `starts[i]` on."""

    starts: tuple[int, ...] = ()
    states: tuple[Mapping[str, Attributes], ...] = ()

    def at(self, position: int) -> Mapping[str, Attributes]:
        index = bisect_right(self.starts, position) - 1
        return self.states[index] if index >= 0 else {}

    def around(self, position: int) -> tuple[Mapping[str, Attributes], ...]:
        """After the landing and, where it differs, before it."""
        after, before = self.at(position), self.at(position - 1)
        return (after,) if after is before else (after, before)


def read_attributes(git: Git, history: History) -> AttributesAlongLine:
    arguments = (
        "-z",
        "--first-parent",
        "-m",
        "--raw",
        "--no-abbrev",
        "--no-renames",
        "--format=tformat:%H",
        "--no-notes",
    )
    output = git.run("log", *arguments, *DIFF, history.line[-1], "--", ":(top,glob)**/.gitattributes")
    touched = _parse_raw(output, history)
    wanted = sorted({blob for rows in touched.values() for _, blob in rows if blob})
    contents = _blobs(git, wanted)
    starts, states = [], []
    state: dict[str, Attributes] = {}
    for position in sorted(touched):
        state = dict(state)
        for path, blob in touched[position]:
            attributes = parse_attributes(path, contents.get(blob, b""))
            state.pop(attributes.folder, None)
            if attributes.rows:
                state[attributes.folder] = attributes
        starts.append(position)
        states.append(state)
    return AttributesAlongLine(tuple(starts), tuple(states))


def _parse_raw(output: bytes, history: History) -> dict[int, list[tuple[str, str]]]:
    """Position → (path, blob after the landing, "" where the file is gone)."""
    touched: dict[int, list[tuple[str, str]]] = {}
    rows: list[tuple[str, str]] = []
    fields = iter(output.decode("utf-8", "surrogateescape").split("\0"))
    for text in fields:
        entry = text.lstrip("\n")
        if entry.startswith(":"):
            _, mode, _, blob, _ = entry.split(" ", 4)
            # A symbolic link named .gitattributes is not read by git either.
            rows.append((next(fields), blob if mode.startswith("100") else ""))
        elif entry:
            position = history.positions[entry]
            assert position is not None  # the log was that of the first-parent line
            rows = touched.setdefault(position, [])
    return touched


def _blobs(git: Git, wanted: list[str]) -> dict[str, bytes]:
    if not wanted:
        return {}
    output = git.run("cat-file", "--batch", stdin="".join(f"{sha}\n" for sha in wanted).encode())
    contents = {}
    place = 0
    for _ in wanted:
        end = output.index(b"\n", place)
        sha, kind, *size = output[place:end].decode("ascii").split()
        place = end + 1
        if kind == "missing":
            continue
        contents[sha] = output[place : place + int(size[0])]
        place += int(size[0]) + 1
    return contents
