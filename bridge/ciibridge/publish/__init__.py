"""Last stage of the line: snapshots to messages, messages to the broker.

messages            pure: what is published, to the octet
session, mqtt …     the connection; the only modules here that do I/O
"""
