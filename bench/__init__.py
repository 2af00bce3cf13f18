"""Measures of speed and memory; README.md says how to run and how to read them."""
