from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.changes.units import Exclusions, FileLines, Size, glob_pattern, parse_attributes, size_of, units_of


@pytest.mark.parametrize(
    ("lines", "units"), [(0, 1), (1, 1), (120, 1), (500, 1), (501, 2), (800, 2), (1800, 4), (5000, 10)]
)
def test_units_are_lines_by_five_hundred_rounded_up_and_at_least_one(lines: int, units: int) -> None:
    assert units_of(lines) == units


@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_a_change_fits_its_units_and_would_not_fit_one_less(lines: int, unit_lines: int) -> None:
    units = units_of(lines, unit_lines=unit_lines)
    assert lines <= units * unit_lines
    assert units == 1 or lines > (units - 1) * unit_lines


@pytest.mark.parametrize(
    "path",
    [
        "package-lock.json",
        "web/yarn.lock",
        "pnpm-lock.yaml",
        "npm-shrinkwrap.json",
        "go.sum",
        "tools/go.sum",
        "Cargo.lock",
        "uv.lock",
        "Gemfile.lock",
        ".terraform.lock.hcl",
        "packages.lock.json",
        "pylock.toml",
        "vendor/github.com/x/y.go",
        "web/node_modules/a/b.js",
        "third_party/zlib/z.c",
        "ios/Pods/A.m",
    ],
)
def test_lockfiles_and_vendored_folders_do_not_count(path: str) -> None:
    assert Exclusions().excluded(path)


@pytest.mark.parametrize("path", ["src/lock.py", "locks/a.py", "src/vendors.py", "vendor.go", "block.rs", "go.summary"])
def test_names_that_only_resemble_them_count(path: str) -> None:
    assert not Exclusions().excluded(path)


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("*.pb.go", "api/v1/x.pb.go", True),
        ("docs/*.md", "docs/a.md", True),
        ("docs/*.md", "docs/b/a.md", False),
        ("docs/**", "docs/b/a.md", True),
        ("docs/", "docs/b/a.md", True),
        ("docs/", "site/docs/a.md", True),
        ("/docs/", "site/docs/a.md", False),
        ("**/gen/*.py", "a/b/gen/x.py", True),
        ("**/gen/*.py", "gen/x.py", True),
        ("a/**/z", "a/z", True),
        ("a/**/z", "a/b/c/z", True),
        ("x[0-9].txt", "x7.txt", True),
        ("x[!0-9].txt", "x7.txt", False),
        ("x?.txt", "x/.txt", False),
        ("a.b", "axb", False),
        ("[z-a]", "b", False),
        ("\\*.txt", "*.txt", True),
        ("\\*.txt", "a.txt", False),
    ],
)
def test_globs_match_as_gitattributes_do(glob: str, path: str, matches: bool) -> None:
    assert bool(glob_pattern(glob).fullmatch(path)) is matches


@given(st.text(st.characters(exclude_characters="/*?[]\\\\"), min_size=1))
def test_a_plain_name_matches_itself_at_any_depth_and_nothing_longer(name: str) -> None:
    assert glob_pattern(name).fullmatch(f"deep/er/{name}")
    assert not glob_pattern(name).fullmatch(f"{name}x")


@given(st.text())
def test_no_glob_is_an_error(glob: str) -> None:
    assert isinstance(glob_pattern(glob).pattern, str)


def test_configured_globs_do_not_count() -> None:
    assert Exclusions(globs=("snapshots/", "*.svg")).excluded("test/snapshots/a.txt")


def test_linguist_marks_exclude_and_bring_back() -> None:
    root = parse_attributes(
        ".gitattributes",
        b"gen/** linguist-generated\n*.api linguist-generated=true\n# x linguist-generated\n"
        b'vendor/ours/** -linguist-vendored\ndata/** linguist-vendored=false text\n"a b/*" linguist-vendored\n',
    )
    inner = parse_attributes("gen/kept/.gitattributes", b"* -linguist-generated\n")
    rules = Exclusions(attributes={"": root, inner.folder: inner})
    excluded = {
        path
        for path in ("gen/a.py", "gen/kept/a.py", "x.api", "vendor/ours/a.go", "vendor/b.go", "a b/c", "x", "data/a")
        if rules.excluded(path)
    }
    assert excluded == {"gen/a.py", "x.api", "vendor/b.go", "a b/c"}


def test_a_file_excluded_before_or_after_the_change_is_excluded() -> None:
    files = [FileLines("gen/a", 10, 5), FileLines("src/a", 3, 4)]
    marked = Exclusions(attributes={"": parse_attributes(".gitattributes", b"gen/** linguist-generated\n")})
    assert size_of(files, [Exclusions(), marked]) == Size(lines=7, excluded=15)
    assert size_of(files, [Exclusions()]) == Size(lines=22, excluded=0)
