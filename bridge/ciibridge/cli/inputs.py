"""What several commands take: keys, recordings, and a key that the shell took apart.

A key is given as ``--key``, in a file (``--key-file``) or in the environment (CIIBRIDGE_KEY); so is the authentication key.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from ciibridge.errors import ConfigError
from ciibridge.recording.forms import Recording, read_recording
from ciibridge.security.glo import Keys
from ciibridge.security.keys import parse_key, parse_system_title

WRONG_USE: Final = 2

KeyOption = Annotated[
    str | None,
    typer.Option(help="Encryption key of the operator (GUEK), hexadecimal.", envvar="CIIBRIDGE_KEY"),
]
AuthKeyOption = Annotated[
    str | None,
    typer.Option(help="Authentication key (AK), only to verify the sender.", envvar="CIIBRIDGE_AUTH_KEY"),
]
KeyFileOption = Annotated[
    Path | None, typer.Option(help="File with the encryption key alone, instead of --key.")
]
AuthKeyFileOption = Annotated[
    Path | None, typer.Option(help="File with the authentication key alone, instead of --auth-key.")
]
SystemTitleOption = Annotated[
    str | None,
    typer.Option(help="System title of the meter, 16 hexadecimal digits, where telegrams leave it out."),
]

#: Settings of a command whose --key may have been written in groups without quotation marks: see ``refuse_extra``.
TAKES_EXTRA: Final = {"allow_extra_args": True}
_HEX_GROUP: Final = re.compile(r"[0-9A-Fa-f]{1,64}")
_LONGEST_SECRET: Final = 4096


def read_keys(
    key: str | None,
    auth_key: str | None,
    key_file: Path | None = None,
    auth_key_file: Path | None = None,
    system_title: str | None = None,
) -> Keys:
    """Read the keys of a meter from options; a file wins over the environment. Raises ConfigError, never with a key in it."""
    return Keys(
        _key("--key", key, key_file),
        _key("--auth-key", auth_key, auth_key_file),
        parse_system_title(system_title, "--system-title") if system_title else None,
    )


def _key(name: str, text: str | None, file: Path | None) -> bytes | None:
    if file is None:
        return parse_key(text, name) if text is not None else None
    try:
        content = file.read_bytes()[:_LONGEST_SECRET].decode("utf-8", "replace")
    except OSError as error:
        raise ConfigError(
            f"{name}-file {file}: cannot be read ({error.strerror}); check path, owner and mode"
        ) from None
    return parse_key(content, f"{name}-file {file}")


def refuse_extra(extra: list[str]) -> None:
    """Refuse arguments that nobody asked for; groups of a key are told from a slip of the pen, and not repeated.

    Raises ConfigError.
    """
    if not extra:
        return
    if all(_HEX_GROUP.fullmatch(word) for word in extra):
        raise ConfigError(
            'a key in groups must stand in quotation marks: --key "0001 0203 …" (or leave the spaces out)'
        )
    raise ConfigError(f"{extra[0]!r} is one argument too many; see --help")


def refuse_existing(file: Path, *, force: bool) -> None:
    """Refuse to overwrite a file; raises ConfigError."""
    if file.exists() and not force:
        raise ConfigError(f"{file}: is there already. Choose another name, or --force to overwrite it")


def read_file(file: Path) -> Recording:
    """Read a recording, - is standard input. Raises ConfigError when that is not possible, or it is damaged."""
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}; name a recording, or - for standard input") from None
    return read_recording(data, str(file))
