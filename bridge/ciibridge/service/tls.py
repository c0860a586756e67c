"""Certificates and keys of the connection to the broker, read and checked before anything starts."""

from __future__ import annotations

import hashlib
import os
import ssl
from collections.abc import Callable
from pathlib import Path

from ciibridge.service.config import MqttTable
from ciibridge.service.findings import Key

Fault = Callable[[Key, str, str], None]


def read_tls(
    mqtt: MqttTable, path: Callable[[str], Path], fault: Fault, *, encrypted: bool
) -> tuple[ssl.SSLContext | None, str]:
    """Make the TLS context, None for mqtt://, and a digest of the files in it, which tells whether one was exchanged."""
    if not encrypted:
        for name in ("ca_file", "cert_file", "key_file"):
            if getattr(mqtt, name) is not None:
                fault(("mqtt", name), "is for TLS, and url is not", "Write mqtts:// in url.")
        return None, ""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    files = [path(text) for text in (mqtt.ca_file, mqtt.cert_file, mqtt.key_file) if text is not None]
    if mqtt.ca_file is not None:
        authority = path(mqtt.ca_file)
        _load("ca_file", authority, lambda: context.load_verify_locations(authority), fault)
    if mqtt.cert_file is not None:
        certificate = path(mqtt.cert_file)
        key = None if mqtt.key_file is None else path(mqtt.key_file)
        _load("cert_file", certificate, lambda: context.load_cert_chain(certificate, key), fault)
    elif mqtt.key_file is not None:
        fault(("mqtt", "key_file"), "a key without its certificate", "Add cert_file.")
    digest = hashlib.sha256()
    for file in files:
        if file.is_file() and os.access(file, os.R_OK):  # else it was found out above
            digest.update(file.read_bytes())
    return context, digest.hexdigest()


def _load(name: str, path: Path, use: Callable[[], None], fault: Fault) -> None:
    try:
        use()
    except ssl.SSLError:
        fault(
            ("mqtt", name),
            f"{path} is not what it should be",
            "It must be in PEM form (-----BEGIN …), and the key must fit.",
        )
    except OSError as error:
        fault(("mqtt", name), f"{path} cannot be read ({error.strerror})", "Check path, owner and mode.")
