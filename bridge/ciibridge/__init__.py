"""ciibridge: from the bytes of a smart meter's local interface to harmonised MQTT topics.

The straight line: transport → framing → security → decode → normalise → publish. Everything between transport and
publish is pure: no I/O, no clock, no threads.
"""
