// Use your own solar power: switch a heat pump or a charger by what flows into the grid. For ioBroker's adapter "javascript".
// Belongs in: Scripts → + → JavaScript, pasted as it is. What it does and why: docs/how-to/use-your-own-solar-power.md.
// For a second device: a second script, with higher thresholds for what comes last.

const SETTINGS = {
    meter: 'alias.0.smartmeter.smartmeter', // what `ciigen push iobroker` or the import made
    device: '0_userdata.0.heatpump', //        boolean state that switches the device
    staleMin: 2, //                            a power that is older is not known any more (minutes)
    onSurplusW: 2000, //   on when at least so much flows into the grid (W): what the device draws, or more
    onAfterMin: 5, //      … for so long (minutes)
    offImportW: 200, //    off when at least so much is drawn from the grid (W)
    offAfterMin: 10, //    … for so long; not knowing counts as drawing
    minRunMin: 20, //      once on, it stays on so long
    minPauseMin: 10, //    once off, it stays off so long
};

// ---- the rule; docs/how-to/use-your-own-solar-power.md says it in words ----
/**
 * One step: says whether the device shall be on. Knows no clock, no meter and no device.
 * @param {object} memory  what the last step returned; null at the start
 * @param {boolean} on     what the device says of itself
 * @param {?number} net    W at the connection point, positive when drawn from the grid; null: not known
 * @param {number} now     s, of any clock that goes steadily
 * @returns {{on: boolean, since: number, met: ?number, asked: boolean}} since: of the last switching; met: since when there
 *     is a reason to switch; asked: the device has not yet followed
 */
function step(memory, on, net, now) {
    const before = memory ?? { on, since: now, met: null, asked: false };
    const same = on === before.on;
    if (!same && before.asked && now - before.since < FOLLOWS_S) {
        return before;
    }
    // switched by somebody else, or not followed: that counts as switching, too
    const since = same ? before.since : now;
    const reason = on ? net === null || net >= SETTINGS.offImportW : net !== null && -net >= SETTINGS.onSurplusW;
    const met = reason ? (same ? before.met : null) ?? now : null;
    const heldMin = on ? SETTINGS.offAfterMin : SETTINGS.onAfterMin;
    const restMin = on ? SETTINGS.minRunMin : SETTINGS.minPauseMin;
    if (met !== null && now - met >= heldMin * 60 && now - since >= restMin * 60) {
        return { on: !on, since: now, met: null, asked: true };
    }
    return { on, since, met, asked: false };
}

/** A device has so long to follow a command (s). */
const FOLLOWS_S = 60;
// ---- end of the rule ----

const POWER = `${SETTINGS.meter}.power.power_net`;
const REACHABLE = `${SETTINGS.meter}.info.reachable`;
let memory = null;

/** W at the connection point; null when the meter is away or its last value is old. */
function netPower(now) {
    const power = getState(POWER);
    const known =
        getState(REACHABLE)?.val === true && Number.isFinite(power?.val) && now - power.ts / 1000 <= SETTINGS.staleMin * 60;
    return known ? power.val : null;
}

function evaluate() {
    const on = getState(SETTINGS.device)?.val;
    if (typeof on !== 'boolean') {
        return; // not known what it does: not known what to do
    }
    const now = Date.now() / 1000;
    const power = netPower(now);
    const before = memory;
    memory = step(before, on, power, now);
    if (memory.asked && memory !== before) {
        log(`${SETTINGS.device} ${memory.on ? 'on' : 'off'}: ${power === null ? 'no data' : `${power} W`} at the grid`);
        setState(SETTINGS.device, memory.on, false);
    }
}

on({ id: POWER, change: 'any' }, evaluate);
setInterval(evaluate, 10_000);
