"""Ways to cut a body into chunks: a parser must say the same whichever the network chose."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import strategies as st

__all__ = ["chunkings", "cut", "every_cutting"]


def every_cutting(body: bytes) -> Iterator[list[bytes]]:
    """Whole, byte by byte, and in two at every offset."""
    yield [body]
    yield [body[at : at + 1] for at in range(len(body))]
    for at in range(1, len(body)):
        yield [body[:at], body[at:]]


def cut(body: bytes, places: list[int]) -> list[bytes]:
    """`body` cut at these offsets; offsets that repeat make empty chunks."""
    edges = [0, *sorted(min(place, len(body)) for place in places), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


def chunkings(bodies: st.SearchStrategy[bytes]) -> st.SearchStrategy[tuple[bytes, list[bytes]]]:
    """A body and one way to cut it."""
    return bodies.flatmap(
        lambda body: st.lists(st.integers(0, len(body)), max_size=8).map(lambda places: (body, cut(body, places)))
    )
