"""The running service: tasks, signals, time, configuration. The only package that starts anything.

config → setup → Service ──┬─ MeterTask (one a meter): transport → pipeline → messages
└─ connections (one a meter, or one for all): messages → broker
"""
