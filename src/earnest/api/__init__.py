"""The HTTP API: each path a thin shell over one use case. It parses, authenticates, calls and shows."""
