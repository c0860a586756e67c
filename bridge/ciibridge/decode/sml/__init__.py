"""Smart Message Language 1.04: the file in a Frame → Readings.

messages   messages and value lists, each with its own CRC     tlv      the encoding, a tree of elements
values     elements → numbers, text, times
"""

from ciibridge.decode.sml.messages import read

__all__ = ["read"]
