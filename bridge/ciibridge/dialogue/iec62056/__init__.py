r"""IEC 62056-21: what is said to a meter with an optical head or a current loop (IEC 62056-21:2002, 6.3 to 6.6).

    /?<address>! CR LF ►
                       ◄ /XXXZ<identification> CR LF        Z says the mode and the speed
    A  (no Z)          ◄ data                               at 300 baud
    B  (A…I)           ◄ data                               at the speed of Z
    C  (0…9)   06 0 Z 0 CR LF ►                             then both change to the speed of Z
                       ◄ STX data ! CR LF ETX BCC           15 (NAK) ► has it repeated
               06 0 Z 1 CR LF ►                             the same for single data sets ("programming mode")
                       ◄ 01 P0 STX (…) ETX BCC
               01 P1 STX (password) ETX BCC ►  ◄ 06         where the meter wants one
               01 R2 STX F001 ETX BCC ►  ◄ STX data ETX BCC
               01 B0 ETX BCC ►                              the end
    E  (\2)    06 2 Z 2 CR LF ►                             then HDLC, 8N1, at the speed of Z: ``enter_hdlc``
    D                                                       pushes by itself: nothing to say

A reading head may give back what it sends: our own octets in an answer are taken off. Where the line cannot change its
speed, the meter is told to stay at the one it has.

sign_on      the call, and the choice of mode       exchange   one question and its answer, and what is wrong with it
readout      a round                                programming   single data
profile      gaps, filled from the load profile
"""

from __future__ import annotations

from ciibridge.dialogue.iec62056.programming import READ, READ_WORDS
from ciibridge.dialogue.iec62056.readout import Reader
from ciibridge.dialogue.iec62056.sign_on import ADDRESS, ADDRESS_WORDS, enter_hdlc

__all__ = ["ADDRESS", "ADDRESS_WORDS", "READ", "READ_WORDS", "Reader", "enter_hdlc"]
