"""The statement of a month: every dollar of model cost in exactly one line, and the accepted units beside them.

Rules:
- by spend date: the lines hold the calls that started in the window and the charges dated in it, whatever became of
  their change when; units are those of changes merged in the window; what was spent on them earlier is another view;
- a change's line is its verdict as of an instant; verdicts move dollars between lines, never out of the total;
- the lines sum to the ledger's own total to the picodollar, or there is no statement;
- unpriced calls are counted, never shown as $0;
- the cost of rejected, unmerged and unattributable work stays in the numerator.
The unit and survival rules are those of cost per accepted change (CPAC): docs/metric.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal

from attribution.branch_state import BranchStanding, BranchState
from attribution.errors import UserError
from attribution.ledger.base import AllocatedSum, OtherCharge, Window
from attribution.model import Category, Change, Grade, PriceStatus, Target, TargetKind, Verdict, VerdictState
from attribution.money import PICO_PER_USD

__all__ = [
    "Books",
    "BranchLine",
    "MergedWork",
    "Statement",
    "StatementError",
    "StatementLine",
    "category_of",
    "statement_of",
]

NOISE_BELOW = 25
TREND_BELOW = 100
MERGED = (VerdictState.ACCEPTED, VerdictState.SEASONING, VerdictState.REJECTED)
EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


class StatementError(UserError):
    """The lines do not sum to the ledger's total. Exit code 3: nothing was printed."""

    def __init__(self, message: str) -> None:
        super().__init__(message, exit_code=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What the ledger says about a window, all of it read at one instant."""

    window: Window
    sums: Sequence[AllocatedSum]
    charges: Sequence[OtherCharge]
    changes: Sequence[Change]
    verdicts: Mapping[str, Verdict]  # change id → verdict as of the statement's instant
    branches: Mapping[str, BranchStanding]  # id of each branch target in `sums` → standing as of that instant
    changes_with_spend: frozenset[str]  # of whatever time
    total_picodollars: int  # the ledger's own sum, made without regard to allocation


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    category: Category
    picodollars: int
    calls: int
    unpriced: int
    estimated: int
    share: Decimal | None  # of the total, 0 to 1; None where the total is 0
    grades: tuple[tuple[Grade, int], ...]  # pico-dollars by strength of evidence; empty for what has no calls


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchLine:
    """The part of the line `branch` that was spent on one branch, and what became of it."""

    repository: str
    branch: str
    state: BranchState
    picodollars: int
    calls: int
    unpriced: int
    last_call_at: datetime | None  # as of the statement's instant; None where all of its calls are later


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedWork:
    """The changes merged to production in the window, reverts left out: how many and their units, by verdict."""

    accepted: int = 0
    accepted_units: int = 0
    seasoning: int = 0
    seasoning_units: int = 0
    rejected: int = 0
    rejected_units: int = 0
    without_spend: tuple[str, ...] = ()  # ids of those no recorded call is allocated to

    @property
    def merged(self) -> int:
        return self.accepted + self.seasoning + self.rejected

    @property
    def survival_rate(self) -> Decimal | None:
        """Accepted changes of those whose window has passed or that were rejected; None while there are none."""
        decided = self.accepted + self.rejected
        return EXACT.divide(Decimal(self.accepted), Decimal(decided)) if decided else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    month: str
    time_zone: str
    window: Window
    as_of: datetime
    lines: tuple[StatementLine, ...]
    branches: tuple[BranchLine, ...]  # largest first; they sum to the line `branch`
    total_picodollars: int
    work: MergedWork
    notes: tuple[str, ...] = field(default=())

    @property
    def calls(self) -> int:
        return sum(line.calls for line in self.lines)

    @property
    def unpriced(self) -> int:
        return sum(line.unpriced for line in self.lines)

    @property
    def estimated(self) -> int:
        return sum(line.estimated for line in self.lines)

    @property
    def cost_per_accepted_unit(self) -> Decimal | None:
        """Model cost of the window in USD ÷ accepted units merged in it; None where there are none."""
        if not self.work.accepted_units:
            return None
        picodollars = EXACT.divide(Decimal(self.total_picodollars), Decimal(self.work.accepted_units))
        return EXACT.divide(picodollars.quantize(Decimal(1), context=EXACT), Decimal(PICO_PER_USD))

    @property
    def provisional(self) -> bool:
        """Whether units may still be added or taken away: changes of the window are seasoning."""
        return self.work.seasoning > 0

    @property
    def sample_warning(self) -> str | None:
        units = self.work.accepted_units
        if units < NOISE_BELOW:
            return f"{units} accepted units in this window: fewer than {NOISE_BELOW} are noise, not a rate"
        if units < TREND_BELOW:
            return f"{units} accepted units in this window: {NOISE_BELOW} to {TREND_BELOW} show a trend only"
        return None


def statement_of(books: Books, *, month: str, time_zone: str, as_of: datetime, notes: Sequence[str] = ()) -> Statement:
    """The statement of `books`. Raises StatementError where its lines do not sum to the ledger's total."""
    picodollars: Counter[Category] = Counter()
    grades: Counter[tuple[Category, Grade]] = Counter()
    calls: Counter[tuple[Category, PriceStatus]] = Counter()
    for row in books.sums:
        category = category_of(row.target, books.verdicts)
        picodollars[category] += row.picodollars
        grades[category, row.grade] += row.picodollars
        calls[category, row.status] += row.calls
    for charge in books.charges:
        picodollars[Category.ADJUSTMENT if charge.is_adjustment else Category.NO_CALL] += charge.picodollars
    total = picodollars.total()
    if total != books.total_picodollars:
        raise StatementError(
            f"the lines of {month} sum to {total} picodollars but the ledger to {books.total_picodollars}: "
            "no statement was made; run `mergecost sync`, and report it if it stays"
        )
    return Statement(
        month=month,
        time_zone=time_zone,
        window=books.window,
        as_of=as_of,
        lines=tuple(_line(category, picodollars[category], total, grades, calls) for category in Category),
        branches=_branch_lines(books),
        total_picodollars=total,
        work=_merged_work(books),
        notes=tuple(notes),
    )


def category_of(target: Target, verdicts: Mapping[str, Verdict]) -> Category:
    """The line a target's dollars stand in: a change's verdict, or the kind of what is no change."""
    if target.kind is not TargetKind.CHANGE:
        return Category(target.kind.value)
    if target.id not in verdicts:
        raise UserError(f"calls are allocated to {target.id}, which is not known any more; run `mergecost sync`")
    return Category(verdicts[target.id].state.value)


def _line(
    category: Category,
    picodollars: int,
    total: int,
    grades: Mapping[tuple[Category, Grade], int],
    calls: Mapping[tuple[Category, PriceStatus], int],
) -> StatementLine:
    by_status = {status: calls.get((category, status), 0) for status in PriceStatus}
    return StatementLine(
        category=category,
        picodollars=picodollars,
        calls=sum(by_status.values()),
        unpriced=by_status[PriceStatus.UNPRICED],
        estimated=by_status[PriceStatus.ESTIMATED],
        share=EXACT.divide(Decimal(picodollars), Decimal(total)) if total else None,
        grades=tuple((grade, grades[category, grade]) for grade in Grade if (category, grade) in grades),
    )


def _branch_lines(books: Books) -> tuple[BranchLine, ...]:
    rows: defaultdict[Target, list[AllocatedSum]] = defaultdict(list)
    for row in books.sums:
        if row.target.kind is TargetKind.BRANCH:
            rows[row.target].append(row)
    lines = (_branch_line(target, parts, books.branches[target.id]) for target, parts in rows.items())
    return tuple(sorted(lines, key=lambda line: (-line.picodollars, line.repository, line.branch)))


def _branch_line(target: Target, parts: Sequence[AllocatedSum], standing: BranchStanding) -> BranchLine:
    repository, branch = target.repository_and_branch
    return BranchLine(
        repository=repository,
        branch=branch,
        state=standing.state,
        picodollars=sum(part.picodollars for part in parts),
        calls=sum(part.calls for part in parts),
        unpriced=sum(part.calls for part in parts if part.status is PriceStatus.UNPRICED),
        last_call_at=standing.last_call_at,
    )


def _merged_work(books: Books) -> MergedWork:
    merged = [change for change in books.changes if _merged_within(change, books.window, books.verdicts)]
    states = {state: [change for change in merged if books.verdicts[change.id].state is state] for state in MERGED}
    accepted, seasoning, rejected = (states[state] for state in MERGED)
    return MergedWork(
        accepted=len(accepted),
        accepted_units=_units(accepted),
        seasoning=len(seasoning),
        seasoning_units=_units(seasoning),
        rejected=len(rejected),
        rejected_units=_units(rejected),
        without_spend=tuple(sorted(change.id for change in merged if change.id not in books.changes_with_spend)),
    )


def _merged_within(change: Change, window: Window, verdicts: Mapping[str, Verdict]) -> bool:
    merged_at = change.merged_at
    return (
        merged_at is not None
        and verdicts[change.id].state in MERGED
        and (window.since is None or merged_at >= window.since)
        and (window.until is None or merged_at < window.until)
    )


def _units(changes: Iterable[Change]) -> int:
    return sum(change.units for change in changes)
