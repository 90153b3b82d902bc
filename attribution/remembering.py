"""What a clone has shown once stays known, though it may no longer show it. Pure.

A branch is deleted after its squash, a force-push orphans commits, a prune forgets refs: the calls made there are still
the change's. So of a change that is still in the history, its head ref, the earliest time it was seen to exist and
every commit ever seen on it are kept from one reading to the next. Changes themselves come from the newest reading
alone.
"""

from __future__ import annotations

from dataclasses import replace

from attribution.model import Change, RepositoryFacts

__all__ = ["remember"]


def remember(known: RepositoryFacts | None, fresh: RepositoryFacts) -> RepositoryFacts:
    """`fresh`, completed by what `known`, an earlier reading of the same repository, saw and it does not."""
    if known is None:
        return fresh
    before = {change.id: change for change in known.changes}
    gone = {sha: None for sha in known.commits if sha not in fresh.commits}
    return replace(
        fresh,
        changes=tuple(_completed(before.get(change.id), change) for change in fresh.changes),
        commits={**gone, **fresh.commits},
    )


def _completed(known: Change | None, fresh: Change) -> Change:
    if known is None:
        return fresh
    seen = frozenset(fresh.commits)
    commits = (*fresh.commits, *(sha for sha in known.commits if sha not in seen))
    created = min((at for at in (known.created_at, fresh.created_at) if at is not None), default=None)
    if fresh.head_ref is not None or known.head_ref is None:
        return replace(fresh, commits=commits, created_at=created)
    return replace(
        fresh,
        commits=commits,
        created_at=created,
        head_ref=known.head_ref,
        head_repository=known.head_repository,
        fork_point=known.fork_point,
    )
