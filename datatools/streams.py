"""Random streams that hang on a seed and a picture's name, so that no other picture and no worker changes them."""

from __future__ import annotations

import hashlib

import numpy as np


def picture_stream(seed: int, name: str, *numbers: int) -> np.random.Generator:
    """The stream of one picture; of one copy of it, or one box of a copy, where `numbers` say which."""
    picture = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "big")
    return np.random.default_rng(np.random.SeedSequence([seed, picture, *numbers]))
