"""Faults on purpose: brokers and bridges killed, ports torn away, networks cut, disks that fail; and a ledger that counts."""
