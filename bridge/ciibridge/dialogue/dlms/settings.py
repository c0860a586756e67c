"""From the settings of a meter to who asks it: addresses, what to read, secrets.

address         client/server[/physical], e.g. 16/1 or 1/1/17
read            OBIS[;class[;attribute]], e.g. 0-0:25.9.0;40 (a push setup), 1-0:99.1.0;7 (a load profile), 1-0:1.8.0
authentication  none, low, high, md5, sha1, gmac or sha256; with a password low unless told otherwise
baudrate        300: the meter is called by mode E of IEC 62056-21 first; any other: HDLC at once
"""

from __future__ import annotations

import re
import secrets
from functools import partial
from typing import TYPE_CHECKING, Final

from ciimodel.catalogue import PushList

from ciibridge.decode.dlms.shapes import CaptureObject as Attribute
from ciibridge.dialogue import Change, Part
from ciibridge.dialogue.dlms.access import CLIENT_TITLE, Access, Authentication
from ciibridge.dialogue.dlms.reader import DlmsAsker, Wanted
from ciibridge.dialogue.dlms.scalers import VALUE
from ciibridge.dialogue.dlms.wrapper import WrapperLink
from ciibridge.dialogue.iec62056 import enter_hdlc
from ciibridge.errors import ConfigError
from ciibridge.normalise.positional import obis_of

if TYPE_CHECKING:  # ``asking`` lists this module among the ways
    from ciibridge.dialogue.asking import Asking

ADDRESS: Final = re.compile(r"\d{1,3}/\d{1,5}(/\d{1,5})?")
ADDRESS_WORDS: Final = "client and server address, with the physical one where there is one: 16/1 or 1/1/17"
READ: Final = re.compile(r"\d{1,3}-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3}(\*\d{1,3})?(;\d{1,5}(;\d{1,3})?)?")
READ_WORDS: Final = 'an OBIS code, with the class where it is no register: "1-0:1.8.0", "0-0:25.9.0;40"'
_CALLED_AT: Final = 300
_REGISTER: Final = 3
_PROFILE: Final = 7
_PUSH_SETUP: Final = 40


def asker(asking: Asking) -> DlmsAsker:
    """Make who asks. Raises ConfigError when the settings do not fit each other."""
    opening = partial(_call, asking) if asking.baudrate == _CALLED_AT else None
    return DlmsAsker(_access(asking), _wanted(asking), asking.zone, secrets.token_bytes, opening)


def wrapper_asker(asking: Asking) -> DlmsAsker:
    """Make who asks over TCP. Raises ConfigError when the settings do not fit each other."""
    access = _access(asking)
    if access.physical is not None:
        raise ConfigError(
            "address: the wrapper knows no physical address: Write client and logical device, e.g. 16/1"
        )
    return DlmsAsker(access, _wanted(asking), asking.zone, secrets.token_bytes, link=WrapperLink)


def _call(asking: Asking) -> Part[None]:
    """Call the meter at 300 baud and go over to HDLC. After an association it is to be called anew."""
    if asking.can_change:
        yield Change(_CALLED_AT, bytesize=7, parity="even")
    yield from enter_hdlc(asking)


def _access(asking: Asking) -> Access:
    if len(asking.addresses) > 1:
        raise ConfigError("address: one meter is read through one association: write one address")
    client, server, physical = (
        (*asking.addresses[0].split("/"), "")[:3] if asking.addresses else ("16", "1", "")
    )
    usual = Authentication.LOW if asking.password else Authentication.NONE
    return Access(
        client=int(client),
        server=int(server),
        physical=int(physical) if physical else None,
        authentication=Authentication(asking.authentication) if asking.authentication else usual,
        password=asking.password.encode() if asking.password else None,
        key=asking.key,
        auth_key=asking.auth_key,
        client_title=asking.client_title or CLIENT_TITLE,
    )


def _wanted(asking: Asking) -> Wanted:
    """Tell what to read: as configured, else what the model pushes, else what the meter itself says it pushes."""
    told = [_attribute(text) for text in asking.read]
    setups = [item.obis for item in told if item.class_id == _PUSH_SETUP]
    profiles = [item.obis for item in told if item.class_id == _PROFILE]
    objects = [item for item in told if item.class_id not in (_PUSH_SETUP, _PROFILE)]
    usual = Wanted()
    if not setups and not objects:
        setups = [obis_of(pushed.object) for pushed in asking.lists if pushed.object]
        setups += usual.push_setups
        objects = _objects(asking.lists)
    return Wanted(tuple(dict.fromkeys(setups)), tuple(objects), tuple(profiles) or usual.profiles)


def _objects(lists: tuple[PushList, ...]) -> list[Attribute]:
    """Give the objects of the first list of the model that has codes: what a meter that hides its push setup is asked for."""
    for pushed in lists:
        objects = [
            Attribute(element.class_id or _REGISTER, obis_of(element.obis), element.attribute)
            for element in pushed.elements
            if element.obis is not None
        ]
        if objects:
            return objects
    return []


def _attribute(text: str) -> Attribute:
    code, _, rest = text.partition(";")
    class_id, _, attribute = rest.partition(";")
    return Attribute(int(class_id or _REGISTER), obis_of(code), int(attribute or VALUE))
