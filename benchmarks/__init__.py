"""`make bench`: what a call through the proxy costs beside a direct one."""
