"""What merge and revert messages say, as tables. Pure: text in, facts out; whether they are true of a repository is
decided elsewhere.

Formats as met in 155,252 commits of eight repositories (docs/attribution.md). Two rules guard against text that is
only quoted: a reference counts at the start of a line, and code fences, block quotes and folded sections are not
read. The first matching row of LANDINGS wins; every matching row of REFERENCES is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "Landing",
    "Reference",
    "ReferenceKind",
    "RevertTitle",
    "landing_of",
    "references_of",
    "revert_branch",
    "revert_title",
]


@dataclass(frozen=True, slots=True)
class Landing:
    """What the message of a first-parent commit says of the change it landed.

    `mark` is `#` for a pull request, `!` for a merge request; `explicit` means that the number can only be the change's
    own, where a squash suffix may also be an issue.
    """

    form: str
    title: str
    number: int | None = None
    mark: str = "#"
    explicit: bool = False
    head_owner: str | None = None
    head_ref: str | None = None


@dataclass(frozen=True, slots=True)
class _Form:
    name: str
    subject: re.Pattern[str]
    title_in_body: bool = True


_BRANCH = r"'(?P<ref>[^']+)'"

LANDINGS = (
    _Form("github_merge", re.compile(r"Merge pull request #(?P<number>\d+) from (?P<owner>[^\s/]+)/(?P<ref>\S+)")),
    _Form("github_merge", re.compile(r"Merge pull request #(?P<number>\d+) from (?P<owner>[^\s:/]+):(?P<ref>\S+)")),
    _Form("github_merge", re.compile(r"Merge pull request #(?P<number>\d+) from (?P<ref>\S+)")),
    _Form(
        "gitea_merge",
        re.compile(
            r"Merge pull request '(?P<title>.*)' \(#(?P<number>\d+)\) from (?:(?P<owner>[^\s/:]+)[/:])?(?P<ref>\S+)"
            r"(?: into \S+)?"
        ),
    ),
    _Form(
        "bitbucket_server_merge",
        re.compile(r"Merge pull request #(?P<number>\d+) in \S+ from (?P<ref>\S+) to \S+"),
    ),
    _Form("bitbucket_merge", re.compile(r"Merged in (?P<ref>\S+) \(pull request #(?P<number>\d+)\)")),
    _Form("azure_merge", re.compile(r"Merged PR (?P<number>\d+): (?P<title>.+)")),
    _Form("bors_merge", re.compile(r"Auto merge of #(?P<number>\d+) - (?P<owner>[^\s:]+):(?P<ref>[^\s,]+)(?:,.*)?")),
    _Form("bors_merge", re.compile(r"Merge #(?P<number>\d+)")),
    _Form("branch_merge", re.compile(rf"Merge (?:remote-tracking )?branch {_BRANCH} of \S+(?: into \S+)?")),
    _Form("branch_merge", re.compile(rf"Merge (?:remote-tracking )?branch {_BRANCH}(?: into \S+)?")),
    _Form("squash", re.compile(r"(?P<title>.*\S) ?\((?P<mark>[#!])(?P<number>\d+)\)"), title_in_body=False),
)

_SEE_MERGE_REQUEST = re.compile(r"^See merge request \S*!(?P<number>\d+)\s*$", re.MULTILINE)


def landing_of(message: str) -> Landing:
    """Number, title and branch as the message of a first-parent commit gives them; a plain commit has only a title."""
    first, _, body = message.lstrip("\n").partition("\n\n")
    subject = " ".join(first.split())
    for form in LANDINGS:
        if match := form.subject.fullmatch(subject):
            return _landed(form, match, subject, body)
    return _with_merge_request(Landing(form="commit", title=subject), body)


def _landed(form: _Form, match: re.Match[str], subject: str, body: str) -> Landing:
    said = match.groupdict()
    title = said.get("title") or (_first_line(body) if form.title_in_body else "") or subject
    landing = Landing(
        form=form.name,
        title=title,
        number=int(said["number"]) if said.get("number") else None,
        mark=said.get("mark") or "#",
        explicit=form.name != "squash" or said.get("mark") == "!",
        head_owner=said.get("owner"),
        head_ref=said.get("ref"),
    )
    return _with_merge_request(landing, body)


def _with_merge_request(landing: Landing, body: str) -> Landing:
    """GitLab puts the number of a merge request into the body, whatever the subject is."""
    found = _SEE_MERGE_REQUEST.findall(body)
    if not found:
        return landing
    return Landing(
        form="gitlab_merge",
        title=landing.title,
        number=int(found[-1]),
        mark="!",
        explicit=True,
        head_owner=landing.head_owner,
        head_ref=landing.head_ref,
    )


def _first_line(body: str) -> str:
    lines = (line.strip() for line in body.splitlines())
    first = next((line for line in lines if line), "")
    return "" if _SEE_MERGE_REQUEST.fullmatch(first) else first


class ReferenceKind(StrEnum):
    SHA = "sha"
    PULL_REQUEST = "pull_request"
    MERGE_REQUEST = "merge_request"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Reference:
    """What a message says it undoes. `value` is hex, a number or a subject; `repository` an `owner/name` or URL."""

    signal: str
    kind: ReferenceKind
    value: str
    repository: str | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the signal table: the line, and what each item found in its group `items` is."""

    signal: str
    line: re.Pattern[str]
    item: re.Pattern[str]
    kind: ReferenceKind


_HEX = r"[0-9a-fA-F]{7,64}"
_SHA_ITEM = re.compile(rf"\b(?P<value>{_HEX})\b")
_SEPARATOR = r"(?:\s*(?:,|&|\band\b|,\s*and\b)\s*|\s*\n\s*[-*]\s+)"
_PULL_ITEM = re.compile(r"(?:(?P<repository>[\w.-]+/[\w.-]+))?#(?P<value>\d+)")
_PULL = r"(?:[\w.-]+/[\w.-]+)?#\d+\b"
_MERGE_REQUEST_ITEM = re.compile(r"(?:(?P<repository>[\w.-]+(?:/[\w.-]+)+))?!(?P<value>\d+)")


def _line(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"^{pattern}", re.MULTILINE)


# Wholesale only: "This partially reverts commit …" is no row here. `reversing changes made to <sha>` names an innocent
# commit, which is why only what follows the verb directly is read.
REFERENCES = (
    _Row(
        "git_revert",
        _line(rf"(?:This|These) (?:commit )?(?:effectively )?reverts?\s+(?:commits?:?\s+)?(?P<items>{_HEX}\b)"),
        _SHA_ITEM,
        ReferenceKind.SHA,
    ),
    _Row(
        "git_revert",
        _line(
            r"(?:This reverts|Reverts|Revert) (?:the )?(?:following )?commits:?\s+"
            rf"(?P<items>(?:[-*]\s+)?{_HEX}\b(?:[^\n]*\n\s*[-*]\s+{_HEX}\b|{_SEPARATOR}{_HEX}\b)*)"
        ),
        _SHA_ITEM,
        ReferenceKind.SHA,
    ),
    _Row("git_revert", _line(rf"Reverts? commit:? (?P<items>{_HEX}\b)"), _SHA_ITEM, ReferenceKind.SHA),
    _Row(
        "reverts_pull_request",
        _line(
            r"(?:This reverts|This PR reverts|Reverts|Revert) \"?(?:PRs? |pull requests? )?"
            rf"(?P<items>{_PULL}(?:{_SEPARATOR}{_PULL})*)"
        ),
        _PULL_ITEM,
        ReferenceKind.PULL_REQUEST,
    ),
    _Row(
        "reverts_pull_request",
        _line(r"(?:This reverts|This PR reverts|Reverts) (?P<items>https?://\S+/pull/\d+)\b"),
        re.compile(r"https?://(?P<repository>\S+)/pull/(?P<value>\d+)"),
        ReferenceKind.PULL_REQUEST,
    ),
    _Row(
        "reverts_merge_request",
        _line(r"(?:This reverts|Reverts) (?:merge request |MR )?(?P<items>(?:[\w./-]+)?!\d+)\b"),
        _MERGE_REQUEST_ITEM,
        ReferenceKind.MERGE_REQUEST,
    ),
    _Row(
        "reverts_merge_request",
        _line(r"(?:This reverts|Reverts) (?:merge request )?(?P<items>https?://\S+/-/merge_requests/\d+)\b"),
        re.compile(r"https?://(?P<repository>\S+)/-/merge_requests/(?P<value>\d+)"),
        ReferenceKind.MERGE_REQUEST,
    ),
)

_NOT_OWN_WORDS = re.compile(
    r"^(?P<fence>```|~~~).*?(?:^(?P=fence)|\Z)|<details>.*?(?:</details>|\Z)|<blockquote>.*?(?:</blockquote>|\Z)",
    re.MULTILINE | re.DOTALL,
)


def references_of(message: str) -> Iterator[Reference]:
    """Everything a message says, in its own words, that it undoes wholesale."""
    own_words = _NOT_OWN_WORDS.sub("", message)
    seen: set[tuple[ReferenceKind, str]] = set()
    for row in REFERENCES:
        for line in row.line.finditer(own_words):
            for item in row.item.finditer(line["items"]):
                found = item.groupdict()
                reference = Reference(row.signal, row.kind, found["value"].lower(), found.get("repository"))
                if (reference.kind, reference.value) not in seen:
                    seen.add((reference.kind, reference.value))
                    yield reference


@dataclass(frozen=True, slots=True)
class RevertTitle:
    """`Revert "…"`, any nesting. `quoted` is what is undone, one level down; `undoes` is False for a re-landing."""

    quoted: str
    undoes: bool


# The last quotation mark is missing where a forge cut a long title.
_REVERT = re.compile(r'Revert:? "(?P<quoted>.+?)"?\.?', re.IGNORECASE)
_REAPPLY = re.compile(r'(?:Reapply|Re-apply|Reland|Re-land|Unrevert|Relanding):? "(?P<quoted>.+?)"?\.?', re.IGNORECASE)
_NUMBER_SUFFIX = re.compile(r"\s*\([#!]\d+\)$")


def revert_title(title: str) -> RevertTitle | None:
    """What a title of the forms `Revert "…"`, `Revert "Revert "…""`, `Reapply "…"` says; None for any other title."""
    bare = _NUMBER_SUFFIX.sub("", title.strip())
    if match := _REAPPLY.fullmatch(bare):
        return RevertTitle(quoted=f'Revert "{match["quoted"]}"', undoes=False)
    if match := _REVERT.fullmatch(bare):
        inner = revert_title(match["quoted"])
        return RevertTitle(quoted=match["quoted"], undoes=not (inner and inner.undoes))
    return None


_REVERT_NUMBER = re.compile(r"(?:.*/)?revert[-_](?:pr-?)?(?P<value>\d{1,6})(?:[-_/].*)?")
_REVERT_SHA = re.compile(r"(?:.*/)?revert-(?P<value>[0-9a-f]{7,40})(?:-.*)?")


def revert_branch(branch: str, *, mark: str) -> Reference | None:
    """What the name of a branch says it undoes: `revert-<N>-…` (`mark` # only), `revert-<hex>`."""
    if mark == "#" and (match := _REVERT_NUMBER.fullmatch(branch)):
        return Reference("revert_branch", ReferenceKind.PULL_REQUEST, match["value"])
    if match := _REVERT_SHA.fullmatch(branch):
        return Reference("revert_branch", ReferenceKind.SHA, match["value"])
    return None
