"""How much processor time one call takes: the best of several runs, since whatever else the machine does only adds."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

_RUNS = 7
_RUN_S = 0.15


def micros(call: Callable[[], object], *, calls: int | None = None) -> float:
    """Time ``call`` in microseconds; ``calls`` a run: as many as fit into 0.15 s unless given."""
    call()
    if calls is None:
        begin = time.process_time()
        call()
        calls = max(3, int(_RUN_S / max(time.process_time() - begin, 1e-7)))
    gc.collect()
    gc.disable()
    try:
        best = float("inf")
        for _ in range(_RUNS):
            begin = time.process_time()
            for _ in range(calls):
                call()
            best = min(best, (time.process_time() - begin) / calls)
    finally:
        gc.enable()
    return best * 1e6
