# generated from schema/ by ciigen, do not edit
"""The payloads of the profile as models: ``State.model_validate_json(message.payload)``."""

from __future__ import annotations

from typing import Annotated, Dict, Literal
from pydantic import BaseModel, ConfigDict, Field
from builtins import list as list_aliased


class Values(BaseModel):
    """
    Name of a quantity → value in the unit of the profile.
    """

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
    )
    __annotations__ = {
        "__pydantic_extra__": Dict[str, float],
    }
    power_import: Annotated[float | None, Field(title="Power import")] = None
    """
    Active power drawn from the grid (+A). OBIS 1-*:1.7.0. Unit W.
    """
    power_import_l1: Annotated[float | None, Field(title="Power import L1")] = None
    """
    Active power drawn from the grid (+A). OBIS 1-*:21.7.0. Unit W.
    """
    power_import_l2: Annotated[float | None, Field(title="Power import L2")] = None
    """
    Active power drawn from the grid (+A). OBIS 1-*:41.7.0. Unit W.
    """
    power_import_l3: Annotated[float | None, Field(title="Power import L3")] = None
    """
    Active power drawn from the grid (+A). OBIS 1-*:61.7.0. Unit W.
    """
    power_export: Annotated[float | None, Field(title="Power export")] = None
    """
    Active power fed into the grid (−A). OBIS 1-*:2.7.0. Unit W.
    """
    power_export_l1: Annotated[float | None, Field(title="Power export L1")] = None
    """
    Active power fed into the grid (−A). OBIS 1-*:22.7.0. Unit W.
    """
    power_export_l2: Annotated[float | None, Field(title="Power export L2")] = None
    """
    Active power fed into the grid (−A). OBIS 1-*:42.7.0. Unit W.
    """
    power_export_l3: Annotated[float | None, Field(title="Power export L3")] = None
    """
    Active power fed into the grid (−A). OBIS 1-*:62.7.0. Unit W.
    """
    power_net: Annotated[float | None, Field(title="Net power")] = None
    """
    Import minus export; positive when drawing from the grid. OBIS 1-*:16.7.0. Unit W.
    """
    power_net_l1: Annotated[float | None, Field(title="Net power L1")] = None
    """
    Import minus export; positive when drawing from the grid. OBIS 1-*:36.7.0. Unit W.
    """
    power_net_l2: Annotated[float | None, Field(title="Net power L2")] = None
    """
    Import minus export; positive when drawing from the grid. OBIS 1-*:56.7.0. Unit W.
    """
    power_net_l3: Annotated[float | None, Field(title="Net power L3")] = None
    """
    Import minus export; positive when drawing from the grid. OBIS 1-*:76.7.0. Unit W.
    """
    power_absolute: Annotated[float | None, Field(title="Absolute power")] = None
    """
    Sum of the magnitudes of import and export. OBIS 1-*:15.7.0. Unit W.
    """
    reactive_power_import: Annotated[float | None, Field(title="Reactive power import")] = None
    """
    OBIS 1-*:3.7.0. Unit var.
    """
    reactive_power_import_l1: Annotated[float | None, Field(title="Reactive power import L1")] = None
    """
    OBIS 1-*:23.7.0. Unit var.
    """
    reactive_power_import_l2: Annotated[float | None, Field(title="Reactive power import L2")] = None
    """
    OBIS 1-*:43.7.0. Unit var.
    """
    reactive_power_import_l3: Annotated[float | None, Field(title="Reactive power import L3")] = None
    """
    OBIS 1-*:63.7.0. Unit var.
    """
    reactive_power_export: Annotated[float | None, Field(title="Reactive power export")] = None
    """
    OBIS 1-*:4.7.0. Unit var.
    """
    reactive_power_export_l1: Annotated[float | None, Field(title="Reactive power export L1")] = None
    """
    OBIS 1-*:24.7.0. Unit var.
    """
    reactive_power_export_l2: Annotated[float | None, Field(title="Reactive power export L2")] = None
    """
    OBIS 1-*:44.7.0. Unit var.
    """
    reactive_power_export_l3: Annotated[float | None, Field(title="Reactive power export L3")] = None
    """
    OBIS 1-*:64.7.0. Unit var.
    """
    reactive_power_q1: Annotated[float | None, Field(title="Reactive power QI")] = None
    """
    OBIS 1-*:5.7.0. Unit var.
    """
    reactive_power_q2: Annotated[float | None, Field(title="Reactive power QII")] = None
    """
    OBIS 1-*:6.7.0. Unit var.
    """
    reactive_power_q3: Annotated[float | None, Field(title="Reactive power QIII")] = None
    """
    OBIS 1-*:7.7.0. Unit var.
    """
    reactive_power_q4: Annotated[float | None, Field(title="Reactive power QIV")] = None
    """
    OBIS 1-*:8.7.0. Unit var.
    """
    reactive_power_net: Annotated[float | None, Field(title="Net reactive power")] = None
    """
    OBIS 1-*:130.7.0. Unit var.
    """
    apparent_power_import: Annotated[float | None, Field(title="Apparent power import")] = None
    """
    OBIS 1-*:9.7.0. Unit VA.
    """
    apparent_power_import_l1: Annotated[float | None, Field(title="Apparent power import L1")] = None
    """
    OBIS 1-*:29.7.0. Unit VA.
    """
    apparent_power_import_l2: Annotated[float | None, Field(title="Apparent power import L2")] = None
    """
    OBIS 1-*:49.7.0. Unit VA.
    """
    apparent_power_import_l3: Annotated[float | None, Field(title="Apparent power import L3")] = None
    """
    OBIS 1-*:69.7.0. Unit VA.
    """
    apparent_power_export: Annotated[float | None, Field(title="Apparent power export")] = None
    """
    OBIS 1-*:10.7.0. Unit VA.
    """
    apparent_power_export_l1: Annotated[float | None, Field(title="Apparent power export L1")] = None
    """
    OBIS 1-*:30.7.0. Unit VA.
    """
    apparent_power_export_l2: Annotated[float | None, Field(title="Apparent power export L2")] = None
    """
    OBIS 1-*:50.7.0. Unit VA.
    """
    apparent_power_export_l3: Annotated[float | None, Field(title="Apparent power export L3")] = None
    """
    OBIS 1-*:70.7.0. Unit VA.
    """
    power_factor: Annotated[float | None, Field(title="Power factor")] = None
    """
    OBIS 1-*:13.7.0.
    """
    power_factor_l1: Annotated[float | None, Field(title="Power factor L1")] = None
    """
    OBIS 1-*:33.7.0.
    """
    power_factor_l2: Annotated[float | None, Field(title="Power factor L2")] = None
    """
    OBIS 1-*:53.7.0.
    """
    power_factor_l3: Annotated[float | None, Field(title="Power factor L3")] = None
    """
    OBIS 1-*:73.7.0.
    """
    frequency: Annotated[float | None, Field(title="Frequency")] = None
    """
    OBIS 1-*:14.7.0. Unit Hz.
    """
    current: Annotated[float | None, Field(title="Current")] = None
    """
    OBIS 1-*:11.7.0. Unit A.
    """
    current_l1: Annotated[float | None, Field(title="Current L1")] = None
    """
    OBIS 1-*:31.7.0. Unit A.
    """
    current_l2: Annotated[float | None, Field(title="Current L2")] = None
    """
    OBIS 1-*:51.7.0. Unit A.
    """
    current_l3: Annotated[float | None, Field(title="Current L3")] = None
    """
    OBIS 1-*:71.7.0. Unit A.
    """
    current_n: Annotated[float | None, Field(title="Current N")] = None
    """
    OBIS 1-*:91.7.0. Unit A.
    """
    current_sum: Annotated[float | None, Field(title="Total current")] = None
    """
    OBIS 1-*:90.7.0. Unit A.
    """
    voltage: Annotated[float | None, Field(title="Voltage")] = None
    """
    OBIS 1-*:12.7.0. Unit V.
    """
    voltage_l1: Annotated[float | None, Field(title="Voltage L1")] = None
    """
    OBIS 1-*:32.7.0. Unit V.
    """
    voltage_l2: Annotated[float | None, Field(title="Voltage L2")] = None
    """
    OBIS 1-*:52.7.0. Unit V.
    """
    voltage_l3: Annotated[float | None, Field(title="Voltage L3")] = None
    """
    OBIS 1-*:72.7.0. Unit V.
    """
    voltage_avg_l1: Annotated[float | None, Field(title="Average voltage L1")] = None
    """
    OBIS 1-*:32.24.0. Unit V.
    """
    voltage_avg_l2: Annotated[float | None, Field(title="Average voltage L2")] = None
    """
    OBIS 1-*:52.24.0. Unit V.
    """
    voltage_avg_l3: Annotated[float | None, Field(title="Average voltage L3")] = None
    """
    OBIS 1-*:72.24.0. Unit V.
    """
    phase_angle_l1: Annotated[float | None, Field(title="Phase angle U–I L1")] = None
    """
    OBIS 1-*:81.7.40. Unit rad.
    """
    phase_angle_l2: Annotated[float | None, Field(title="Phase angle U–I L2")] = None
    """
    OBIS 1-*:81.7.51. Unit rad.
    """
    phase_angle_l3: Annotated[float | None, Field(title="Phase angle U–I L3")] = None
    """
    OBIS 1-*:81.7.62. Unit rad.
    """
    energy_import: Annotated[float | None, Field(title="Energy import")] = None
    """
    Register of the energy drawn from the grid (+A). OBIS 1-*:1.8.0. Unit Wh.
    """
    energy_import_l1: Annotated[float | None, Field(title="Energy import L1")] = None
    """
    Register of the energy drawn from the grid (+A). OBIS 1-*:21.8.0. Unit Wh.
    """
    energy_import_l2: Annotated[float | None, Field(title="Energy import L2")] = None
    """
    Register of the energy drawn from the grid (+A). OBIS 1-*:41.8.0. Unit Wh.
    """
    energy_import_l3: Annotated[float | None, Field(title="Energy import L3")] = None
    """
    Register of the energy drawn from the grid (+A). OBIS 1-*:61.8.0. Unit Wh.
    """
    energy_import_t1: Annotated[float | None, Field(title="Energy import, tariff 1")] = None
    """
    Register of the energy drawn from the grid (+A). OBIS 1-*:1.8.1. Unit Wh.
    """
    energy_import_t2: Annotated[float | None, Field(title="Energy import, tariff 2")] = None
    """
    Register of the energy drawn from the grid (+A). OBIS 1-*:1.8.2. Unit Wh.
    """
    energy_import_t3: Annotated[float | None, Field(title="Energy import, tariff 3")] = None
    """
    Register of the energy drawn from the grid (+A). OBIS 1-*:1.8.3. Unit Wh.
    """
    energy_import_t4: Annotated[float | None, Field(title="Energy import, tariff 4")] = None
    """
    Register of the energy drawn from the grid (+A). OBIS 1-*:1.8.4. Unit Wh.
    """
    energy_export: Annotated[float | None, Field(title="Energy export")] = None
    """
    Register of the energy fed into the grid (−A). OBIS 1-*:2.8.0. Unit Wh.
    """
    energy_export_l1: Annotated[float | None, Field(title="Energy export L1")] = None
    """
    Register of the energy fed into the grid (−A). OBIS 1-*:22.8.0. Unit Wh.
    """
    energy_export_l2: Annotated[float | None, Field(title="Energy export L2")] = None
    """
    Register of the energy fed into the grid (−A). OBIS 1-*:42.8.0. Unit Wh.
    """
    energy_export_l3: Annotated[float | None, Field(title="Energy export L3")] = None
    """
    Register of the energy fed into the grid (−A). OBIS 1-*:62.8.0. Unit Wh.
    """
    energy_export_t1: Annotated[float | None, Field(title="Energy export, tariff 1")] = None
    """
    Register of the energy fed into the grid (−A). OBIS 1-*:2.8.1. Unit Wh.
    """
    energy_export_t2: Annotated[float | None, Field(title="Energy export, tariff 2")] = None
    """
    Register of the energy fed into the grid (−A). OBIS 1-*:2.8.2. Unit Wh.
    """
    energy_export_t3: Annotated[float | None, Field(title="Energy export, tariff 3")] = None
    """
    Register of the energy fed into the grid (−A). OBIS 1-*:2.8.3. Unit Wh.
    """
    energy_export_t4: Annotated[float | None, Field(title="Energy export, tariff 4")] = None
    """
    Register of the energy fed into the grid (−A). OBIS 1-*:2.8.4. Unit Wh.
    """
    energy_net: Annotated[float | None, Field(title="Net energy")] = None
    """
    Register of the meter that rises with import and falls with export. OBIS 1-*:16.8.0. Unit Wh.
    """
    energy_absolute: Annotated[float | None, Field(title="Absolute energy")] = None
    """
    OBIS 1-*:15.8.0. Unit Wh.
    """
    reactive_energy_import: Annotated[float | None, Field(title="Reactive energy import")] = None
    """
    OBIS 1-*:3.8.0. Unit varh.
    """
    reactive_energy_import_t1: Annotated[float | None, Field(title="Reactive energy import, tariff 1")] = None
    """
    OBIS 1-*:3.8.1. Unit varh.
    """
    reactive_energy_import_t2: Annotated[float | None, Field(title="Reactive energy import, tariff 2")] = None
    """
    OBIS 1-*:3.8.2. Unit varh.
    """
    reactive_energy_export: Annotated[float | None, Field(title="Reactive energy export")] = None
    """
    OBIS 1-*:4.8.0. Unit varh.
    """
    reactive_energy_export_t1: Annotated[float | None, Field(title="Reactive energy export, tariff 1")] = None
    """
    OBIS 1-*:4.8.1. Unit varh.
    """
    reactive_energy_export_t2: Annotated[float | None, Field(title="Reactive energy export, tariff 2")] = None
    """
    OBIS 1-*:4.8.2. Unit varh.
    """
    reactive_energy_q1: Annotated[float | None, Field(title="Reactive energy QI")] = None
    """
    OBIS 1-*:5.8.0. Unit varh.
    """
    reactive_energy_q1_t1: Annotated[float | None, Field(title="Reactive energy QI, tariff 1")] = None
    """
    OBIS 1-*:5.8.1. Unit varh.
    """
    reactive_energy_q1_t2: Annotated[float | None, Field(title="Reactive energy QI, tariff 2")] = None
    """
    OBIS 1-*:5.8.2. Unit varh.
    """
    reactive_energy_q2: Annotated[float | None, Field(title="Reactive energy QII")] = None
    """
    OBIS 1-*:6.8.0. Unit varh.
    """
    reactive_energy_q2_t1: Annotated[float | None, Field(title="Reactive energy QII, tariff 1")] = None
    """
    OBIS 1-*:6.8.1. Unit varh.
    """
    reactive_energy_q2_t2: Annotated[float | None, Field(title="Reactive energy QII, tariff 2")] = None
    """
    OBIS 1-*:6.8.2. Unit varh.
    """
    reactive_energy_q3: Annotated[float | None, Field(title="Reactive energy QIII")] = None
    """
    OBIS 1-*:7.8.0. Unit varh.
    """
    reactive_energy_q3_t1: Annotated[float | None, Field(title="Reactive energy QIII, tariff 1")] = None
    """
    OBIS 1-*:7.8.1. Unit varh.
    """
    reactive_energy_q3_t2: Annotated[float | None, Field(title="Reactive energy QIII, tariff 2")] = None
    """
    OBIS 1-*:7.8.2. Unit varh.
    """
    reactive_energy_q4: Annotated[float | None, Field(title="Reactive energy QIV")] = None
    """
    OBIS 1-*:8.8.0. Unit varh.
    """
    reactive_energy_q4_t1: Annotated[float | None, Field(title="Reactive energy QIV, tariff 1")] = None
    """
    OBIS 1-*:8.8.1. Unit varh.
    """
    reactive_energy_q4_t2: Annotated[float | None, Field(title="Reactive energy QIV, tariff 2")] = None
    """
    OBIS 1-*:8.8.2. Unit varh.
    """
    apparent_energy_import: Annotated[float | None, Field(title="Apparent energy import")] = None
    """
    OBIS 1-*:9.8.0. Unit VAh.
    """
    apparent_energy_export: Annotated[float | None, Field(title="Apparent energy export")] = None
    """
    OBIS 1-*:10.8.0. Unit VAh.
    """
    demand_import: Annotated[float | None, Field(title="Demand import, current period")] = None
    """
    OBIS 1-*:1.4.0. Unit W.
    """
    demand_export: Annotated[float | None, Field(title="Demand export, current period")] = None
    """
    OBIS 1-*:2.4.0. Unit W.
    """
    demand_last_import: Annotated[float | None, Field(title="Demand import, last period")] = None
    """
    OBIS 1-*:1.5.0. Unit W.
    """
    demand_last_export: Annotated[float | None, Field(title="Demand export, last period")] = None
    """
    OBIS 1-*:2.5.0. Unit W.
    """
    demand_avg_import: Annotated[float | None, Field(title="Average power import")] = None
    """
    OBIS 1-*:1.24.0. Unit W.
    """
    demand_avg_net: Annotated[float | None, Field(title="Average net power")] = None
    """
    OBIS 1-*:16.24.0. Unit W.
    """
    max_demand_import: Annotated[float | None, Field(title="Maximum demand import")] = None
    """
    OBIS 1-*:1.6.0. Unit W.
    """
    max_demand_export: Annotated[float | None, Field(title="Maximum demand export")] = None
    """
    OBIS 1-*:2.6.0. Unit W.
    """
    voltage_sags_l1: Annotated[float | None, Field(title="Voltage sags L1")] = None
    """
    OBIS 1-*:32.32.0.
    """
    voltage_sags_l2: Annotated[float | None, Field(title="Voltage sags L2")] = None
    """
    OBIS 1-*:52.32.0.
    """
    voltage_sags_l3: Annotated[float | None, Field(title="Voltage sags L3")] = None
    """
    OBIS 1-*:72.32.0.
    """
    voltage_swells_l1: Annotated[float | None, Field(title="Voltage swells L1")] = None
    """
    OBIS 1-*:32.36.0.
    """
    voltage_swells_l2: Annotated[float | None, Field(title="Voltage swells L2")] = None
    """
    OBIS 1-*:52.36.0.
    """
    voltage_swells_l3: Annotated[float | None, Field(title="Voltage swells L3")] = None
    """
    OBIS 1-*:72.36.0.
    """
    power_failures: Annotated[float | None, Field(title="Power failures")] = None
    """
    OBIS 0-0:96.7.21.
    """
    power_failures_long: Annotated[float | None, Field(title="Long power failures")] = None
    """
    OBIS 0-0:96.7.9.
    """
    current_limit: Annotated[float | None, Field(title="Current limit")] = None
    """
    OBIS 1-*:31.4.0. Unit A.
    """
    power_limit: Annotated[float | None, Field(title="Power limit")] = None
    """
    OBIS 0-0:17.0.0. Unit W.
    """
    energy_sub: Annotated[float | None, Field(title="Sub-meter energy")] = None
    """
    OBIS 0-n:24.2.1. Unit Wh.
    """
    volume_gas: Annotated[float | None, Field(title="Gas volume")] = None
    """
    OBIS 0-n:24.2.1, 0-n:24.2.3, 0-n:24.3.0. Unit m³.
    """
    volume_water: Annotated[float | None, Field(title="Water volume")] = None
    """
    OBIS 0-n:24.2.1, 0-n:24.3.0. Unit m³.
    """
    energy_heat: Annotated[float | None, Field(title="Heat energy")] = None
    """
    OBIS 0-n:24.2.1, 0-n:24.3.0. Unit Wh.
    """
    energy_cooling: Annotated[float | None, Field(title="Cooling energy")] = None
    """
    OBIS 0-n:24.2.1, 0-n:24.3.0. Unit Wh.
    """


class Texts(BaseModel):
    """
    Name of a quantity → text.
    """

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
    )
    __annotations__ = {
        "__pydantic_extra__": Dict[str, str],
    }
    power_failure_log: Annotated[str | None, Field(title="Power failure log")] = None
    """
    OBIS 1-*:99.97.0.
    """
    breaker_state: Annotated[str | None, Field(title="Breaker")] = None
    """
    connected: connected; disconnected: disconnected; ready: ready for reconnection. OBIS 0-0:96.3.10.
    """
    tariff_active: Annotated[str | None, Field(title="Active tariff")] = None
    """
    t1: tariff 1; t2: tariff 2; t3: tariff 3; t4: tariff 4. OBIS 0-0:96.14.0.
    """
    message_text: Annotated[str | None, Field(title="Message to the customer")] = None
    """
    OBIS 0-0:96.13.0.
    """
    message_code: Annotated[str | None, Field(title="Message code")] = None
    """
    OBIS 0-0:96.13.1.
    """
    valve_state: Annotated[str | None, Field(title="Valve")] = None
    """
    connected: open; disconnected: closed; ready: ready to open. OBIS 0-n:24.4.0.
    """


class State(BaseModel):
    """
    One telegram. Holds only what the telegram held: no nulls, no zeros of ours. On the topic of a sub-meter, `values` are those of the sub-meter.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    profile: Annotated[str, Field(pattern="^1\\.[0-9]+$")]
    """
    Version of the topic contract.
    """
    meter: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]
    """
    Meter id, the third level of the topic.
    """
    seq: Annotated[int, Field(ge=0)]
    """
    Number of the telegram, rising by one with each telegram of this meter, over restarts of the bridge, too. The same number is the same telegram; a number left out is a lost message, or the bridge was killed.
    """
    ts: Annotated[
        str, Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?Z$")
    ]
    """
    Time of the reading, RFC 3339 in UTC.
    """
    ts_source: Literal["meter", "message", "receiver"]
    """
    Where ts comes from: meter is the clock object of the telegram, message the time of the APDU, receiver the clock of the bridge.
    """
    rx: Annotated[
        str | None, Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?Z$")
    ] = None
    """
    Time of reception, RFC 3339 in UTC; absent where the clock of the receiver is not trusted.
    """
    list: Annotated[str | None, Field(min_length=1)] = None
    """
    Push list of the telegram, an OBIS code or a list name; absent where the telegram names none.
    """
    values: Annotated[Values, Field(title="Values")]
    """
    Name of a quantity → value in the unit of the profile.
    """
    texts: Annotated[Texts | None, Field(title="Texts")] = None
    """
    Name of a quantity → text.
    """
    derived: list_aliased[str] | None = None
    """
    Names in values that were computed, not sent by the meter.
    """
    channels: dict[str, dict[str, float]] | None = None
    """
    Number of a sub-meter's channel → its values, name of a quantity → value.
    """
    obis: dict[str, float | str | bool] | None = None
    """
    Objects the profile does not know, full OBIS code → value as sent, without a unit.
    """


class Tariff(BaseModel):
    model_config = ConfigDict(
        frozen=True,
    )
    label: str
    """
    Name the operator uses.
    """
    rank: Literal["high", "low", "normal", "unknown"]
    """
    Which of the prices it is.
    """


class Quantity(BaseModel):
    model_config = ConfigDict(
        frozen=True,
    )
    obis: Annotated[str | None, Field(pattern="^[0-9]+-[0-9]+:[0-9]+\\.[0-9]+\\.[0-9]+(\\*[0-9]+)?$")] = None
    """
    OBIS code as the meter sends it, A-B:C.D.E; absent where derived.
    """
    unit: Literal["W", "var", "VA", "V", "A", "Hz", "Wh", "varh", "VAh", "m³", "rad", "1"] | None = None
    """
    Unit of the profile; absent for a text.
    """
    kind: Literal[
        "instantaneous", "cumulative", "balance", "demand", "max_demand", "counter", "text", "timestamp"
    ]
    """
    What sort of quantity it is.
    """
    decimals: Annotated[int | None, Field(ge=0)] = None
    """
    Digits after the point that the meter gives.
    """
    interval_s: Annotated[float | None, Field(gt=0.0)] = None
    """
    Learnt interval between two values, in seconds; absent until learnt.
    """
    derived: bool
    """
    Computed from other quantities, not sent by the meter.
    """


class Channel(BaseModel):
    model_config = ConfigDict(
        frozen=True,
    )
    id: str | None = None
    """
    Serial number of the sub-meter.
    """
    type: Annotated[int | None, Field(ge=0, le=255)] = None
    """
    M-Bus device type (EN 13757-3), e.g. 3 for gas.
    """
    manufacturer: str | None = None
    """
    Its maker, where its telegrams say which model it is.
    """
    model: str | None = None
    """
    Its model, as the maker calls it.
    """
    model_id: str | None = None
    """
    Its model in the catalogue, e.g. gwf-mtkcoder.
    """
    quantities: list_aliased[str] | None = None
    """
    Names of its quantities.
    """


class Meta(BaseModel):
    """
    Who the meter is and what it sends. What is not known is absent.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    profile: Annotated[str, Field(pattern="^1\\.[0-9]+$")]
    """
    Version of the topic contract.
    """
    meter: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]
    """
    Meter id, the third level of the topic.
    """
    identity: dict[str, str] | None = None
    """
    Numbers and names the meter gives itself, name of a quantity → text.
    """
    manufacturer: str | None = None
    """
    Maker of the meter.
    """
    model: str | None = None
    """
    Model as the maker calls it.
    """
    model_id: Annotated[str | None, Field(pattern="^[a-z0-9-]+$")] = None
    """
    Id of the model in the schema.
    """
    candidates: list_aliased[str] | None = None
    """
    Ids of the models that fit the telegrams equally well; present while the model is not certain.
    """
    operator: Annotated[str | None, Field(pattern="^[a-z0-9-]+$")] = None
    """
    Id of the network operator in the schema, when configured.
    """
    interface: Literal["mbus", "p1", "optical", "rs485", "module", "other"] | None = None
    """
    Connector in use.
    """
    protocol: Literal["dlms-hdlc", "dlms-mbus", "dsmr-p1", "iec62056-21", "mbus", "sml"] | None = None
    """
    Protocol of the telegrams.
    """
    encrypted: bool | None = None
    """
    Whether the telegrams are encrypted.
    """
    authenticated: bool | None = None
    """
    Whether the authentication tag of the telegrams is checked.
    """
    tariffs: dict[str, Tariff] | None = None
    """
    Meaning of the tariff numbers of this meter; t1 is high in Switzerland and low in the Netherlands.
    """
    software: str | None = None
    """
    What publishes this, with its version.
    """
    quantities: dict[str, Quantity]
    """
    Catalogue of what has been published, name of a quantity → its facts.
    """
    channels: dict[str, Channel] | None = None
    """
    Number of a sub-meter's channel → who it is and what it sends.
    """


class Diag(BaseModel):
    """
    State of the link to the meter. Counters start at zero with the bridge.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    ts: Annotated[
        str, Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?Z$")
    ]
    """
    Time of this report by the clock of the bridge, RFC 3339 in UTC.
    """
    link: Literal[
        "waiting",
        "ok",
        "stale",
        "key_missing",
        "key_wrong",
        "not_authentic",
        "replayed",
        "bad_frames",
        "unknown_format",
        "port_error",
    ]
    """
    waiting: nothing came yet; ok; stale: nothing for three times the usual gap between telegrams, at least 30 s; key_missing: encrypted, no key given; key_wrong; not_authentic: the tag does not fit; replayed; bad_frames: noise or damaged frames only; unknown_format: good frames that are not understood; port_error: the port cannot be read.
    """
    hint: str | None = None
    """
    What a person can do about the state of the link; absent while it is ok.
    """
    frames_ok: Annotated[int | None, Field(ge=0)] = None
    """
    Good frames of the link layer.
    """
    frames_bad: Annotated[int | None, Field(ge=0)] = None
    """
    Damaged or incomplete frames.
    """
    telegrams: Annotated[int | None, Field(ge=0)] = None
    """
    Telegrams that gave a reading.
    """
    bytes: Annotated[int | None, Field(ge=0)] = None
    """
    Octets received.
    """
    withheld: Annotated[int | None, Field(ge=0)] = None
    """
    Values not published because they were implausible or a counter fell.
    """
    problems: dict[str, int] | None = None
    """
    Code of a problem → how often it occurred.
    """
    last_rx: Annotated[
        str | None, Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?Z$")
    ] = None
    """
    Time of the last telegram, RFC 3339 in UTC; absent before the first.
    """
    age_s: Annotated[float | None, Field(ge=0.0)] = None
    """
    Seconds since the last telegram.
    """
    interval_s: Annotated[float | None, Field(gt=0.0)] = None
    """
    Longest learnt interval between two telegrams of one list, in seconds.
    """
    telegrams_per_minute: Annotated[float | None, Field(ge=0.0)] = None
    """
    Rate over the last minutes.
    """
    clock_offset_s: float | None = None
    """
    Clock of the meter minus clock of the receiver, in seconds; absent where the meter sends no time.
    """
    queued: Annotated[int | None, Field(ge=0)] = None
    """
    Messages waiting for the broker.
    """
    dropped: Annotated[int | None, Field(ge=0)] = None
    """
    Messages lost because the queue was full.
    """
    software: str | None = None
    """
    What publishes this, with its version.
    """


class Error(BaseModel):
    """
    An event. The same problem is repeated at a limited rate; its count is in diag.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    ts: Annotated[
        str, Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?Z$")
    ]
    """
    Time of the event by the clock of the bridge, RFC 3339 in UTC.
    """
    code: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
    """
    Stable code for programs.
    """
    message: Annotated[str, Field(min_length=1)]
    """
    What happened, for people. Holds no key and no whole serial number.
    """
    hint: Annotated[str, Field(min_length=1)]
    """
    What to do about it.
    """
    quantity: Annotated[str | None, Field(pattern="^[a-z][a-z0-9_]*$")] = None
    """
    Quantity it is about, if one.
    """
    offset: Annotated[int | None, Field(ge=0)] = None
    """
    Octet in the stream or telegram where it was found.
    """
    count: Annotated[int | None, Field(ge=1)] = None
    """
    How often it happened since the last report.
    """
    from_: Annotated[
        str | None,
        Field(
            alias="from", pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?Z$"
        ),
    ] = None
    """
    Begin of the time it is about, RFC 3339 in UTC; for a gap, the ts of the last telegram before it.
    """
    to: Annotated[
        str | None, Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?Z$")
    ] = None
    """
    End of the time it is about, RFC 3339 in UTC; for a gap, the ts of the first telegram after it.
    """
