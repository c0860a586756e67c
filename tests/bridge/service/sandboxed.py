"""``ciibridge`` under the system call filter and the memory rule of the unit, without systemd.

    python sandboxed.py <file with names of system calls> <arguments of ciibridge>

What is not in the file fails with EPERM, ``socket`` is let through for the unit's address families only, and memory never becomes
executable (PR_SET_MDWE, Linux 6.3). The filter is made by libseccomp, as systemd's is.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import sys
from pathlib import Path

PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 38, 65
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
EQUAL = 4
FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)


class Comparison(ctypes.Structure):
    _fields_ = [
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    ]


def restrict(names: list[str]) -> None:
    libc, lib = ctypes.CDLL(None, use_errno=True), ctypes.CDLL("libseccomp.so.2")
    lib.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(lib.seccomp_init(ERRNO | errno.EPERM))
    for name in names:
        number = lib.seccomp_syscall_resolve_name(name.encode())
        if name != "socket" and number >= 0:  # of another architecture
            assert lib.seccomp_rule_add_array(context, ALLOW, number, 0, None) == 0, name
    for family in FAMILIES:
        comparison = Comparison(0, EQUAL, family, 0)
        number = lib.seccomp_syscall_resolve_name(b"socket")
        assert lib.seccomp_rule_add_array(context, ALLOW, number, 1, ctypes.byref(comparison)) == 0
    for option in (PR_SET_NO_NEW_PRIVS, PR_SET_MDWE):
        assert libc.prctl(option, 1, 0, 0, 0) == 0, f"prctl {option}: {ctypes.get_errno()}"
    assert lib.seccomp_load(context) == 0


if __name__ == "__main__":
    allowed = Path(sys.argv.pop(1)).read_text().split()
    restrict(allowed)
    if "Seccomp:\t2" not in Path("/proc/self/status").read_text():
        sys.exit("the filter does not hold")
    from ciibridge.cli import main

    main()
