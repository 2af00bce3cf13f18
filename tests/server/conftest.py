"""Servers, for every test in here."""

from tests.server.running import serve, serve_all

__all__ = ["serve", "serve_all"]
