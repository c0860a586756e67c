"""The profile side of the line: what a meter sent, in the words every consumer understands.

    settings    what a person may set for one meter
    registry    OBIS code → quantity
    detect      which meter model this is            positional  codes for bare values
    scale       power of ten and unit                clock       meter time → UTC
    guard       implausible values, falling counters derive      what the meter does not send itself
    submeters   gas, water, heat behind the meter    texts       enumerations, messages, identities
    plan        all of it compiled for one layout    layouts     plans, and the model they show
    identity    the name of the meter                normaliser  one telegram
    server      server id and number on the nameplate

Pure, exact, driven by the catalogue: no meter model and no OBIS code of a quantity is named here.
"""

from ciibridge.normalise.normaliser import Normaliser
from ciibridge.normalise.settings import ClockPolicy, MeterSettings

__all__ = ["ClockPolicy", "MeterSettings", "Normaliser"]
