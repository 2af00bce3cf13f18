"""The rules of connects: pure, exact, and without a clock.

What is allowed, what it costs and what moves. Nothing here reads a clock, a file or a database: time is an
argument like any other, and the same arguments give the same answer for ever. `decide.decide` is the way in.
"""
