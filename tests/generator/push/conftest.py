"""A certificate of an authority of our own, for servers on loopback."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from certificates import Authority


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """Context for a server at 127.0.0.1, and the file with the certificate that vouches for it."""
    Authority(tmp_path, "ours").issue("house")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "house.pem", tmp_path / "house.key")
    return context, tmp_path / "ours.pem"
