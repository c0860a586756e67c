"""ASCII telegrams: text → Reading.

lines       address(value*unit)…, as IEC 62056-21 and DSMR-P1 both write it
registers   what both make of it
p1          DSMR-P1
iec62056    IEC 62056-21
"""
