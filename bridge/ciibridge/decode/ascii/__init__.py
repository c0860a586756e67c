"""ASCII telegrams: text → Reading.

lines   address(value*unit)…, as IEC 62056-21 and DSMR-P1 both write it
p1      DSMR-P1
"""
