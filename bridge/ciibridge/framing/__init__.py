"""bytes → Frame → Apdu: cut the stream into frames and put whole telegrams together.

First stage of the line, pure: no clock, no I/O. Each framer is incremental (any chunk size gives the same result),
bounded, and never raises: what is wrong comes out as a ``Problem`` between the good frames.

    stream           what all framers share: pieces, bounds, noise
    crc              the checks of HDLC, SML and P1
    hdlc             HDLC frame format type 3 (IEC 62056-46)
    reassembly       LLC header, HDLC segmentation, general-block-transfer
    mbus             M-Bus frames (EN 13757-2)
    mbus_transport   segments of DLMS telegrams in M-Bus frames (EN 13757-3)
    p1               DSMR-P1 telegrams
    iec62056         IEC 62056-21 readouts and pushes
    sml              SML transport protocol version 1 (BSI TR-03109-1)
    sniff            which protocol a recording speaks
"""
