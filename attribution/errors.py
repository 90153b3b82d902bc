"""The error a person is meant to read."""

from __future__ import annotations

__all__ = ["UserError"]


class UserError(Exception):
    """Bad input or an unusable environment. The message names the input and the mend; the command line prints it
    without a traceback and exits with `exit_code` (1: it failed; 2: the command line itself is wrong)."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
