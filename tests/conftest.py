"""Without the captures of real meters most of the proof is missing: say so, and stop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from captures import CAPTURES
from hypothesis import HealthCheck, settings

# A busy machine is no finding: how long an example takes is measured by the benchmarks, not here.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.fixture(scope="session", autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A bridge that a test starts keeps its state here, not in the home folder of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("STATE", "RUNTIME"):
            patch.delenv(f"{name}_DIRECTORY", raising=False)
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        yield


def pytest_sessionstart(session: pytest.Session) -> None:
    """Captures are not part of the project; without them most of the proof is missing, so say it and stop."""
    if not (CAPTURES / "captures.json").exists():
        raise pytest.UsageError(
            f"captures of real meters not found in {CAPTURES}: set CII_CAPTURES to the folder with captures.json"
        )
