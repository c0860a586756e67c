"""The bridge as `ciibridge` starts it, except that it tries again after 0.05 to 0.5 s instead of 1 to 60 s.

So two hundred faults fit into minutes; what is tested is what it does, not how patiently it waits.
"""

from ciibridge.cli import main
from ciibridge.publish.retry import Backoff
from ciibridge.service.service import Service


def _impatient(_: Service) -> Backoff:
    return Backoff(first_s=0.05, longest_s=0.5)


Service._backoff = _impatient  # type: ignore[method-assign]
main()
