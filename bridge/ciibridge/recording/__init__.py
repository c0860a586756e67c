"""Recordings of a port: what came, and when. Pure: octets of a file in, pieces with their times out, and back.

container   the file that `ciibridge record` writes: JSON lines, one piece of octets a line
forms       any recording (container, octets as received, hexadecimal digits) → pieces
"""
