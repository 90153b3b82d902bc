"""The meaning: prices, ledger, changes, acceptance, allocation, statements. Imports `proxy`, never the reverse."""
