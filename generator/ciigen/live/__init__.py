"""What is live on a broker now: ``ciigen <target> --from mqtt://broker``.

Place in the line: the one other source of a selection beside the command line. The retained ``meta`` messages of the
meters say who they are and what they send; ``target.Selection`` holds them, and targets ask there as they always do.

    broker.py   address and credentials → retained messages (the only I/O)
    meters.py   topic and payload → LiveMeter (pure)
"""
