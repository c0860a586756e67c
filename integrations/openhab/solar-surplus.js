// Use your own solar power: switch a heat pump or a charger by what flows into the grid. For openHAB 4.0 or newer.
// Belongs in: conf/automation/js/solar-surplus.js, with the add-on "JavaScript Scripting". What it does and why:
// docs/how-to/use-your-own-solar-power.md. For a second device: a second file, with higher thresholds for what comes last.
const { items, rules, triggers } = require('openhab');

const SETTINGS = {
    // Item that `ciigen openhab` made for your meter: SmartMeter_<id>_Power_Net; it becomes UNDEF when the meter falls silent
    power: 'SmartMeter_lgz1030600000001_Power_Net',
    device: 'HeatPump', //            Switch Item of the device
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

let memory = null;

function evaluate() {
    const device = items.getItem(SETTINGS.device);
    if (device.state !== 'ON' && device.state !== 'OFF') {
        return; // not known what it does: not known what to do
    }
    const power = items.getItem(SETTINGS.power).quantityState?.toUnit('W')?.float ?? null;
    const before = memory;
    memory = step(before, device.state === 'ON', power, Date.now() / 1000);
    if (memory.asked && memory !== before) {
        console.info(`${SETTINGS.device} ${memory.on ? 'ON' : 'OFF'}: ${power === null ? 'no data' : `${power} W`} at the grid`);
        device.sendCommand(memory.on ? 'ON' : 'OFF');
    }
}

rules.JSRule({
    name: `Solar surplus: ${SETTINGS.device}`,
    description: 'docs/how-to/use-your-own-solar-power.md',
    triggers: [
        triggers.ItemStateUpdateTrigger(SETTINGS.power),
        triggers.GenericCronTrigger('0/10 * * * * ?'),
    ],
    execute: evaluate,
});
