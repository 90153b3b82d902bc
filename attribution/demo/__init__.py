"""`make demo`: a sample provider, a story in a git repository, and the real client libraries.

No part of the product uses it; the tests and benchmarks talk to its provider.
"""
