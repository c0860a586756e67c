"""What a log line is about, for programs: a stable code and fields beside the words.

    _log.warning("meter %s: …", name, extra=event("problem", meter=name, code="bad_checksum"))

The words are for people and may change; the codes do not. Fields hold neither a key nor a whole serial number, as the words do not.
"""

from __future__ import annotations

from typing import Final

#: Code → when it is logged. docs/reference/events.md is generated from it.
EVENTS: Final[dict[str, str]] = {
    "started": "The service reads its meters.",
    "ended": "The service has ended in good order.",
    "note": "A remark on the configuration.",
    "reloaded": "A new configuration is in force.",
    "reload_refused": "A new configuration is wrong; the old one goes on.",
    "restart_needed": "A setting has changed that takes a restart.",
    "clock_set": "The clock of this machine was set.",
    "failing": "A broker, a port or the state file has failed, for a reason that was not told before; it is tried again.",
    "recovered": "It works again, or for the first time.",
    "protocol_older": "The broker does not take MQTT 5.",
    "publish_refused": "The broker refuses messages.",
    "not_confirmed": "The broker did not confirm the last messages in time.",
    "catching_up": "Messages that waited for the broker are sent.",
    "link": "The state of the link to a meter has changed.",
    "problem": "A problem of a meter, the first of its kind in an hour.",
    "problems": "Problems of a meter that were only counted since.",
    "gap": "Telegrams are missing.",
    "port_reopened": "A silent port is opened anew.",
    "port_moved": "An adapter is found under another name.",
    "recording_ended": "A recording is at its end.",
    "same_meter_twice": "Two ports deliver the same meter.",
    "not_stored": "There is no place for a state file, or it cannot be written in time.",
    "state_damaged": "The state file was damaged and is set aside.",
    "no_systemd": "systemd does not listen where it said it would.",
    "metrics_not_served": "The port for Prometheus is taken or not permitted.",
    "bug": "A task has ended with an error of ours.",
}


def event(code: str, /, **fields: object) -> dict[str, object]:
    """Make ``extra`` of a log call: ``code`` is one of ``EVENTS``; fields are texts and numbers."""
    return {"event": code, "fields": fields}
