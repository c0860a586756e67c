"""The simulator: what a supported meter would push, made from the schema. Not a station of the line, but its source.

    household  →  measure  →  meter  →  telegram  →  frames  →  outlets
    (a life)      (OBIS)      (a model's lists)   (APDU)  (HDLC)    (pty, TCP, file)
                                        └──────→  p1 (text)  ──────↗

Everything but ``outlets`` is free of I/O and of clocks: the same moment and seed give the same values. What goes over
the line is encoded and ciphered by gurux-dlms, so that the bridge is not only tested with its own idea of DLMS.
"""

from ciibridge.simulate.meter import SimulatedMeter

__all__ = ["SimulatedMeter"]
