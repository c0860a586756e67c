"""Reading a DLMS meter through an association, and filling gaps from its load profile (IEC 62056-5-3, -6-2, -46).

reader       a round: what is pushed, read instead       filling, profile   rows of the load profile
association  connect, associate, GET                     scalers            scaler and unit of registers
requests     APDUs to the meter, made by gurux-dlms      answers            APDUs of the meter
link         HDLC connection                             access             addresses, authentication, keys
"""

from __future__ import annotations

from ciibridge.dialogue.dlms.access import Access, Authentication
from ciibridge.dialogue.dlms.reader import DlmsAsker, Wanted

__all__ = ["Access", "Authentication", "DlmsAsker", "Wanted"]
