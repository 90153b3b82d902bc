"""What the wire formats of the sample provider share."""

from __future__ import annotations

from attribution.demo.script import read_script
from attribution.demo.wire import Ask, Request, identifier, instance


def ask(body: bytes) -> Ask:
    return Ask(request=Request(method="POST", path="/", body=body), body={}, script=read_script(body), model="gpt-5")


def test_ids_follow_the_body_or_the_seed_where_there_is_one() -> None:
    assert identifier(ask(b"one"), "id_") != identifier(ask(b"two"), "id_")
    assert identifier(ask(b"one [sample seed=7]"), "id_") == identifier(ask(b"two [sample seed=7]"), "id_")
    assert identifier(ask(b"one [sample seed=7]"), "id_") != identifier(ask(b"one [sample seed=8]"), "id_")


def test_an_instance_is_what_a_schema_allows() -> None:
    properties = {
        "reason": {"type": "STRING"},
        "score": {"type": "integer", "minimum": 5},
        "size": {"enum": ["s", "m"]},
        "done": {"type": "boolean"},
        "parts": {"type": "array", "items": {"type": "number"}},
    }
    assert instance({"type": "OBJECT", "properties": properties}) == {
        "reason": "sample",
        "score": 5,
        "size": "s",
        "done": True,
        "parts": [1],
    }
