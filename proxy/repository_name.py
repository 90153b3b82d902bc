"""One name a repository: `host/owner/name`, lower case, whatever URL its remote is written as.

Credentials, ports, protocols and `.git` say how to reach a repository, not which one it is. A remote that is a path on
this machine names nothing; a repository without a remote is `local/<SHA of its first commit>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

__all__ = ["Remote", "as_said", "canonical", "local_name", "names_of", "parse_remotes"]

_SCP_LIKE = re.compile(r"(?:[^@/\s]+@)?(?P<host>\[[^\]]+\]|[^:/\s@\[\]]{2,}):(?!//|:)(?P<path>[^\s].*)", re.DOTALL)
_REMOTE_LINE = re.compile(r"(?P<name>[^\t]+)\t(?P<url>.*) \((?P<way>fetch|push)\)(?: \[.*\])?")
_NETWORK = frozenset({"ssh", "git", "http", "https", "git+ssh", "ssh+git", "git+https", "ftp", "ftps"})

# Hosts that are other doors of the same house.
_SAME_HOST = {
    "ssh.github.com": "github.com",
    "www.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
    "ssh.dev.azure.com": "dev.azure.com",
}
# Path prefixes that a protocol adds: Bitbucket Server over https, Azure DevOps over ssh, a leading home directory.
_PROTOCOL_PREFIX = re.compile(r"^(?:scm/|v3/|~)")


@dataclass(frozen=True, slots=True)
class Remote:
    """A remote as `git remote -v` shows it, URL rewriting applied."""

    name: str
    fetch: str
    push: str


def canonical(url: str) -> str | None:
    """`host/owner/name` of a remote URL or of a name already so written; None where it names no repository on a
    host."""
    text = url.strip()
    scheme, separator, _ = text.partition("://")
    if separator:
        if scheme.lower() not in _NETWORK:
            return None
        return _of_url(text)
    if match := _SCP_LIKE.fullmatch(text):
        return _joined(match["host"].strip("[]"), match["path"])
    host, slash, path = text.partition("/")
    if slash and (("." in host.strip(".") and "/" in path) or host == "local"):
        return _joined(host, path)
    return None


def as_said(text: str) -> str | None:
    """The canonical name of a repository as a person or a tool wrote it; where it names no host (`owner/name`), the
    same in lower case, so that the facts of a clone may complete it. None where nothing was said, or a URL that names
    no repository: it may hold credentials."""
    name = text.strip()
    if known := canonical(name):
        return known
    if "://" in name or "@" in name:
        return None
    return name.lower().strip("/").removesuffix(".git") or None


def _of_url(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:  # a malformed IPv6 address
        return None
    return _joined(host, parts.path) if host else None


def _joined(host: str, path: str) -> str | None:
    host = host.lower()
    path = re.sub(r"/+", "/", unquote(path)).strip("/")
    path = _PROTOCOL_PREFIX.sub("", path).replace("/_git/", "/")
    path = path.removesuffix(".git").strip("/").lower()
    if not path or ".." in path.split("/"):
        return None
    return f"{_SAME_HOST.get(host, host)}/{path}"


def local_name(first_commit: str) -> str:
    return f"local/{first_commit}"


def parse_remotes(listing: bytes) -> tuple[Remote, ...]:
    """The output of `git remote -v`."""
    urls: dict[str, dict[str, str]] = {}
    for line in listing.decode("utf-8", "replace").splitlines():
        if match := _REMOTE_LINE.fullmatch(line):
            urls.setdefault(match["name"], {})[match["way"]] = match["url"]
    return tuple(
        Remote(name, fetch=ways.get("fetch", ways.get("push", "")), push=ways.get("push", ways.get("fetch", "")))
        for name, ways in urls.items()
    )


def names_of(remotes: Iterable[Remote], *, push_default: str | None = None) -> tuple[str, ...]:
    """Canonical names of the remotes, without repetition: the push remote's first (`remote.pushDefault`, else
    `origin`, else in order of name), its push URL before its fetch URL."""
    ordered = sorted(remotes, key=lambda r: (r.name != push_default, r.name != "origin", r.name))
    names = (canonical(url) for remote in ordered for url in (remote.push, remote.fetch))
    return tuple(dict.fromkeys(name for name in names if name))
