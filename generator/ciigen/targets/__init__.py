"""The outputs: one folder each, found by ``ciigen.target.discover``; there is no list to keep up.

A folder's ``__init__`` exposes ``TARGET``; what that must be able to do stands in ``ciigen.target``.
"""
