"""`python -m attribution` is `mergecost`."""

from attribution.cli import main

main()
