"""Reading counts out of a provider's usage object: every number is doubted, nothing raises, nothing is guessed.

A fault in a quantity that is billed makes the whole usage unsound (`sound` is False): a partly read bill would look
like a cheap one. Problems are words about shape and number; they never quote text from the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["CACHE_READ_AUDIO", "MAX_COUNT", "Counts", "Quantities", "disjoint_input", "disjoint_output", "entries"]

Quantities = dict[str, Any]  # some of the fields of proxy.call.Usage

MAX_COUNT = 2**53  # beyond it JSON numbers are no longer exact everywhere
# In Usage.other: how many of the cache-read tokens are audio, which has a cache rate of its own.
CACHE_READ_AUDIO = "cache_read_audio_tokens"
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Counts:
    """One usage object being read, with the rest of its response and what was found wrong with it."""

    __slots__ = ("problems", "provider", "response", "sound", "usage")

    def __init__(self, usage: Mapping[str, Any], response: Mapping[str, Any], provider: str | None) -> None:
        self.usage = usage
        self.response = response
        self.provider = provider
        self.problems: list[str] = []
        self.sound = True

    def take(self, holder: Mapping[str, Any], key: str) -> int:
        """The count under `key`; absent or null is 0."""
        value = holder.get(key)
        if type(value) is int and 0 <= value <= MAX_COUNT:
            return value
        if value is not None:
            self.reject(f"{key} is {_described(value)}, not a count")
        return 0

    def need(self, holder: Mapping[str, Any], key: str) -> int:
        """The count under `key`, which must be there."""
        if holder.get(key) is None:
            self.reject(f"{key} is missing")
            return 0
        return self.take(holder, key)

    def first(self, *places: tuple[Mapping[str, Any], str]) -> int:
        """The count at the first of several places where a provider may put it."""
        for holder, key in places:
            if holder.get(key) is not None:
                return self.take(holder, key)
        return 0

    def inside(self, holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """The object under `key`; absent or null is an empty one."""
        value = holder.get(key)
        if isinstance(value, dict):
            return value
        if value is not None:
            self.reject(f"{key} is {_described(value)}, not an object")
        return NOTHING

    def reject(self, problem: str) -> None:
        """Note a fault in a billed quantity."""
        self.problems.append(problem)
        self.sound = False

    def note(self, problem: str) -> None:
        """Note an oddity that leaves the billed quantities sound."""
        self.problems.append(problem)


def disjoint_input(
    counts: Counts,
    *,
    total: int,
    total_name: str,
    cache_read: int = 0,
    cache_write: int = 0,
    audio: int = 0,
    image: int = 0,
    cache_read_audio: int = 0,
    cache_read_image: int = 0,
) -> Quantities:
    """Input quantities out of an inclusive `total`: text = total - cache read - cache write - audio - image.

    `audio` and `image` may include cached tokens. Where the provider does not say which cached tokens are media, they
    are text first, since only what exceeds the text can be anything else.
    """
    if cache_read + cache_write > total:
        counts.reject(f"cached_tokens {cache_read + cache_write} exceeds {total_name} {total}")
        return {}
    audio -= cache_read_audio
    image -= cache_read_image
    text = total - cache_read - cache_write - audio - image
    if text < 0 and not cache_read_audio and not cache_read_image:
        cache_read_audio = min(-text, audio)
        audio -= cache_read_audio
        image += min(0, text + cache_read_audio)
        text = total - cache_read - cache_write - audio - image
    if min(text, audio, image) < 0 or cache_read_audio + cache_read_image > cache_read:
        counts.reject(f"the parts of {total_name} exceed its {total} tokens")
        return {}
    return {
        "input_tokens": text,
        "cache_read_tokens": cache_read,
        "cache_write_5m_tokens": cache_write,
        "audio_input_tokens": audio,
        "image_input_tokens": image,
        "other": ((CACHE_READ_AUDIO, cache_read_audio),) if cache_read_audio else (),
    }


def disjoint_output(
    counts: Counts, *, total: int, total_name: str, reasoning: int = 0, audio: int = 0, image: int = 0
) -> Quantities:
    """Output quantities out of an inclusive `total`: text = total - reasoning - audio - image."""
    text = total - reasoning - audio - image
    if text < 0:
        counts.reject(f"the parts of {total_name} exceed its {total} tokens")
        return {}
    return {
        "output_tokens": text,
        "reasoning_tokens": reasoning,
        "audio_output_tokens": audio,
        "image_output_tokens": image,
    }


def entries(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a JSON array; anything else in it, or anything but an array, is left out."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _described(value: object) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int):
        return str(value) if -MAX_COUNT <= value <= MAX_COUNT else "a number beyond 2**53"
    if isinstance(value, float):
        return f"{value!r}"
    if isinstance(value, str):
        return "a string"
    return "an object" if isinstance(value, dict) else "an array"
