"""Ciphered Apdu → plain Apdu: the keys an operator hands out, AES-GCM, and the guard against replayed telegrams.

Second stage of the line, pure. What cannot be opened raises a ``SecurityError``; a key that is not one, a
``ConfigError``. Neither ever holds a key or a whole serial number.

    keys   what people paste from a letter → octets
    glo    general-glo-ciphering and general-ded-ciphering (IEC 62056-5-3)
"""
