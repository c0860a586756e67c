"""ciigen: from one schema of smart-meter topics to what openHAB, ioBroker and others read.

The line is load → validate → resolve → render → write; each word is a module here. Only ``ciigen build`` and
``ciigen check`` read ``schema/``; every other command renders from the resolved schema inside the package.
"""

from ciigen._version import __version__

__all__ = ["__version__"]
