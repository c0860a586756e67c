"""Which meter is it: from octets of an unknown line to what a person must know to read it. Pure.

    attempts     which line settings to listen with, in what order, for how long      from the catalogue
    quality      whether octets look like a wrong speed
    envelopes    what ciphered telegrams show without their key
    decoder      one protocol and one choice of keys over them
    recogniser   octets of one line setting → what is known of the meter
    hearing      what is known then
    search       the attempts one after the other: stay, move on, or done
    lists        which list of which operator a telegram is
    report       all of it, for people and for programs
    advice       what to check when nothing arrives

The port is opened and read in ``service.listening``; `ciibridge probe` and `ciibridge init` show what came of it.
"""
