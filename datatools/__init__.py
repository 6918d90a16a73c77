"""Convert, check, count and balance object-detection data sets.

Importing this package costs nothing: import the module that you need, e.g.
``from datatools.core import Annotation, Dataset``.
"""

__version__ = "0.1.0"
