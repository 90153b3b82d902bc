from __future__ import annotations

import pytest

from proxy.repository_name import Remote, canonical, names_of, parse_remotes

NAMES = [
    ("https://github.com/Acme/Shop.git", "github.com/acme/shop"),
    ("https://ada:s3cret@github.com/acme/shop/", "github.com/acme/shop"),
    ("https://x-access-token:ghs_abc@github.com:443/acme/shop", "github.com/acme/shop"),
    ("ssh://git@github.com:22/acme/shop.git", "github.com/acme/shop"),
    ("ssh://git@ssh.github.com:443/acme/shop.git", "github.com/acme/shop"),
    ("git@github.com:acme/shop.git", "github.com/acme/shop"),
    ("github.com:acme/shop", "github.com/acme/shop"),
    ("git@gitlab.example.com:group/sub/shop.git", "gitlab.example.com/group/sub/shop"),
    ("git://example.com/acme/shop", "example.com/acme/shop"),
    ("https://bitbucket.example.com/scm/acme/shop.git", "bitbucket.example.com/acme/shop"),
    ("git@ssh.dev.azure.com:v3/acme/shop/web", "dev.azure.com/acme/shop/web"),
    ("https://acme@dev.azure.com/acme/shop/_git/web", "dev.azure.com/acme/shop/web"),
    ("https://github.com/acme/my%20shop.git", "github.com/acme/my shop"),
    ("github.com/acme/shop", "github.com/acme/shop"),
    ("/srv/git/shop.git", None),
    ("../shop", None),
    ("./shop/x/y", None),
    ("C:/git/shop", None),
    ("file:///srv/git/shop.git", None),
    ("ext::sh -c evil", None),
    ("https://[::1/acme/shop", None),
    ("", None),
]


@pytest.mark.parametrize(("url", "expected"), NAMES)
def test_a_remote_has_one_name_however_it_is_reached(url: str, expected: str | None) -> None:
    assert canonical(url) == expected


def test_no_credential_survives_in_a_name() -> None:
    assert "s3cret" not in (canonical("https://ada:s3cret@github.com/acme/shop") or "")


def test_the_push_remote_names_the_repository_and_the_others_are_aliases() -> None:
    listing = (
        b"upstream\thttps://github.com/acme/shop.git (fetch)\nupstream\tDISABLED (push)\n"
        b"origin\thttps://github.com/ada/shop.git (fetch) [blob:none]\norigin\tgit@github.com:ada/shop.git (push)\n"
    )
    remotes = parse_remotes(listing)
    assert remotes[1] == Remote("origin", "https://github.com/ada/shop.git", "git@github.com:ada/shop.git")
    assert names_of(remotes) == ("github.com/ada/shop", "github.com/acme/shop")
    assert names_of(remotes, push_default="upstream") == ("github.com/acme/shop", "github.com/ada/shop")
