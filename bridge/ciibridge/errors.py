"""The errors of the bridge. The class says who must act; the message says what to do.

No message holds a key or a whole serial number.
"""


class CiiError(Exception):
    """Base of everything the bridge raises on purpose."""


class ConfigError(CiiError):
    """The user must act: the message names file, key and remedy."""


class TransportError(CiiError):
    """A port or connection failed: retried with back-off."""


class ProtocolError(CiiError):
    """The bytes are wrong: counted, reported as a Problem, and the line goes on.

    ``code`` is one of the codes in ``ciibridge.types.PROBLEMS``; ``offset`` counts octets from the start of the stream
    (framing) or of the APDU (security, decode).
    """

    def __init__(self, code: str, message: str, *, offset: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.offset = offset


class FramingError(ProtocolError):
    """A frame is damaged, cut short or out of order."""


class SecurityError(ProtocolError):
    """A ciphered APDU cannot be opened, is not authentic or was seen before."""


class DecodeError(ProtocolError):
    """An APDU is not what the standard or the meter's layout says."""
