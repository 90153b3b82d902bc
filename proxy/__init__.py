"""The wire: bytes in, bytes out, one fact per call. Knows no money, no git history, no SQL."""
