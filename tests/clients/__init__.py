"""`make test-clients`: the agents people use, installed from their registries, through a proxy process and without it.

`install` puts them into a cache directory, `agents` says how each is started and what it does on the wire, `session`
runs one, `tap` sees what it received. The plain test run leaves this directory out, because it needs npm and PyPI.
"""
