"""Plain Apdu → Reading: what the telegram says, before it is brought into the words of the profile.

Third stage of the line, pure. One package an application protocol; what cannot be read raises a ``DecodeError``.

    dlms   DLMS/COSEM notifications (IEC 62056-5-3, IEC 62056-6-2)
    sml    Smart Message Language 1.04 (BSI TR-03109-1)
"""
