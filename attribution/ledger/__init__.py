"""Storage engines behind one Protocol (`base.Ledger`)."""
