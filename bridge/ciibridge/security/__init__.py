"""Ciphered Apdu → plain Apdu: the keys an operator hands out, AES-GCM, and the guard against replayed telegrams.

Second stage of the line, pure. What cannot be opened raises a ``SecurityError``; a key that is not one, a
``ConfigError``. Neither ever holds a key or a whole serial number.

    keys      what people paste from a letter → octets
    ciphered  what a ciphered APDU consists of (IEC 62056-5-3)
    glo       general-glo-, general-ded- and general-ciphering, opened
    oms       M-Bus records (EN 13757-3, encryption mode 5)
    gate      what a line does with each APDU
"""
