"""Files and lines of each commit, as `git log` and `git diff-tree` print them with `--numstat -z`. Pure.

A record is a SHA, then one entry a file: `added TAB deleted TAB path`, or with an empty path and then the old and the
new path where the file was renamed; binary files have dashes for numbers. Everything ends in NUL.
"""

from __future__ import annotations

import re

from attribution.changes.units import FileLines

__all__ = ["parse_numstat"]

_ENTRY = re.compile(r"\n?(?P<added>\d+|-)\t(?P<deleted>\d+|-)\t(?P<path>.*)", re.DOTALL)


def parse_numstat(output: bytes) -> dict[str, tuple[FileLines, ...]]:
    """SHA → files of its diff. Paths that are not UTF-8 keep their bytes as surrogates."""
    files: dict[str, list[FileLines]] = {}
    current: list[FileLines] = []
    fields = iter(output.decode("utf-8", "surrogateescape").split("\0"))
    for text in fields:
        if match := _ENTRY.fullmatch(text):
            path = match["path"]
            if not path:
                next(fields)  # the old name
                path = next(fields)
            current.append(FileLines(path, added=_count(match["added"]), deleted=_count(match["deleted"])))
        elif sha := text.strip():
            current = files.setdefault(sha, [])
    return {sha: tuple(found) for sha, found in files.items()}


def _count(text: str) -> int:
    return 0 if text == "-" else int(text)
