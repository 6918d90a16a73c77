"""The one place that imports imgaug.

imgaug 0.4.0 is the newest and has been unmaintained since 2020.  Its import and its clean-up of arguments use three
names that numpy 2 removed (`np.sctypes`, `np.bool`, `np.complex`); they are given back before the import, with the
values that numpy 1.26 had.  Seen working so on numpy 2.4 with every operator that the policy offers: its output is
within 3 grey levels of numpy 1.26's.
"""

from __future__ import annotations

import warnings
from functools import cache
from types import ModuleType

import numpy as np

TESTED = "0.4.0"
_SCTYPES = {
    "int": [np.int8, np.int16, np.int32, np.int64],
    "uint": [np.uint8, np.uint16, np.uint32, np.uint64],
    "float": [np.float16, np.float32, np.float64, np.longdouble],
    "complex": [np.complex64, np.complex128, np.clongdouble],
    "others": [bool, object, bytes, str, np.void],
}


@cache
def import_imgaug() -> ModuleType:
    """The module `imgaug.augmenters`.  Raises ImportError where another imgaug than the tested one is installed."""
    # its JPEG operator still calls imageio by names that imageio 3 will drop; nothing that a user can mend
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"imgaug\.|imageio\.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, value in (("sctypes", _SCTYPES), ("bool", bool), ("complex", complex)):
            if name not in np.__dict__:
                setattr(np, name, value)
        import imgaug
        import imgaug.augmenters
    if imgaug.__version__ != TESTED:
        raise ImportError(f"imgaug {imgaug.__version__} is installed, this project is tested with {TESTED}")
    return imgaug.augmenters
