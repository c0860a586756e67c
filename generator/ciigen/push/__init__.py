"""``ciigen push``: make in a running openHAB or ioBroker what ``ciigen openhab`` and ``ciigen iobroker`` write into files.

    selection ──► wished ──┐
                           ├─ plan (pure) ──► changes, shown ──(yes)──► calls, one after another
    REST      ──► there  ──┘

    changes.py   what a plan is: changes with the calls that make them          merge.py   wished, made last time, there now
    rest.py      HTTP and its failures in words                                 run.py     show, ask, send, tell how far it came
    openhab/ iobroker/   what is wished, how it is read and compared            command.py the commands

Three rules hold for all (ADR 17): what somebody else made is neither changed nor removed; what a user changed in what we made
stays; a second push changes nothing.
"""
