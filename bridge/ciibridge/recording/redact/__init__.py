"""A recording without what names the meter and its owner: same telegrams, same values, same timing. Pure.

    decode ──► which texts are names ──► write each telegram anew ──► decode again: the same values, no name left

    words    what is a name, what is not, and what stands in its place
    dlms     HDLC and M-Bus frames, bare APDUs: A-XDR, ciphering, checksums
    lines    DSMR-P1 and IEC 62056-21: text, CRC, BCC
    records  M-Bus records
    files    SML

A telegram keeps its length and place, so the timing of the pieces holds. What is a good telegram and cannot be rewritten stops it
all; octets that belong to no good telegram (half a telegram at the start, damage) may hold anything and become zeros.
"""

from ciibridge.recording.redact.patch import RedactionError
from ciibridge.recording.redact.redaction import Redacted, redact

__all__ = ["Redacted", "RedactionError", "redact"]
