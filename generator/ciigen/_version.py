"""The version of the package (the topic contract has its own: schema/VERSION)."""

__version__ = "0.1.0"
