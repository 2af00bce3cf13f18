"""Real input, which isn't part of the project: tests that need it say so where it is missing."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("EARNEST_SHARED", Path(__file__).parents[2] / "shared"))
POSTINGS = SHARED / "data" / "job_postings_2023.csv"

needs_postings = pytest.mark.skipif(
    not POSTINGS.exists(),
    reason="data/job_postings_2023.csv is missing; EARNEST_SHARED names the folder with data in it",
)
