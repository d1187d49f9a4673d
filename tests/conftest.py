"""What holds for every test: property-based tests draw the same examples in every run, unless told to explore."""

from __future__ import annotations

import os

from hypothesis import settings

# A red build must mean that the change broke something. `HYPOTHESIS_PROFILE=explore pytest` looks for what is new.
settings.register_profile("seeded", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", deadline=None, print_blob=True, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "seeded"))
