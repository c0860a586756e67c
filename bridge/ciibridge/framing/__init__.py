"""bytes → Frame → Apdu: cut the stream into frames and put whole telegrams together.

First stage of the line, pure: no clock, no I/O. Each framer is incremental (any chunk size gives the same result),
bounded, and never raises: what is wrong comes out as a ``Problem`` between the good frames.

    crc         CRC-16/X-25, the check of HDLC frames and of SML
    hdlc        HDLC frame format type 3 (IEC 62056-46)
    reassembly  LLC header, HDLC segmentation, general-block-transfer
    sml         SML transport protocol version 1 (BSI TR-03109-1)
"""
