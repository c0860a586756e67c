// Runs a script of integrations/ against a day that is told to it, with only the border of its host in place of the host:
//   node solar_script.cjs SCRIPT < {"settings": {…}, "follows": bool, "steps": [[second, net | null | "silent", hand?], …]}
// prints [[second, true | false], …], the commands. null: the host says that the meter is away; "silent": it says nothing.
'use strict';
const fs = require('node:fs');
const vm = require('node:vm');

const day = JSON.parse(fs.readFileSync(0, 'utf8'));
const host = { now: 0, net: null, on: false, stamp: 0, reachable: false, commands: [], listeners: [], ticks: [] };

function command(on) {
    host.commands.push([host.now, on]);
    if (day.follows !== false) {
        host.on = on;
    }
}

// what openhab-js gives a script, as far as the script may use it
const openhab = {
    items: {
        getItem(name) {
            if (name === 'HeatPump') {
                const state = host.on === null ? 'NULL' : host.on ? 'ON' : 'OFF';
                return { state, sendCommand: value => command(value === 'ON') };
            }
            if (name !== 'SmartMeter_lgz1030600000001_Power_Net') throw new Error(`no Item ${name}`);
            const toUnit = unit => (unit === 'W' ? { float: host.net } : null);
            return { quantityState: host.net === null ? null : { toUnit } };
        },
    },
    triggers: {
        ItemStateUpdateTrigger: item => ['update', item],
        GenericCronTrigger: cron => ['cron', cron],
    },
    rules: {
        JSRule({ triggers, execute }) {
            for (const [kind] of triggers) (kind === 'cron' ? host.ticks : host.listeners).push(execute);
        },
    },
};

// what ioBroker's javascript adapter gives
const ioBroker = {
    getState(id) {
        if (id === '0_userdata.0.heatpump') return { val: host.on };
        if (id.endsWith('.info.reachable')) return { val: host.reachable };
        if (id.endsWith('.power.power_net')) return { val: host.net, ts: host.stamp * 1000 };
        throw new Error(`no state ${id}`);
    },
    setState(id, value, acknowledged) {
        if (acknowledged !== false) throw new Error('a command must not be acknowledged');
        command(value);
    },
    on: (pattern, callback) => host.listeners.push(callback),
    setInterval: callback => host.ticks.push(callback),
    log() {},
};

const border = {
    Date: { now: () => host.now * 1000 },
    console: { info() {} },
    require(name) {
        if (name !== 'openhab') throw new Error(`no module ${name}`);
        return openhab;
    },
    ...ioBroker,
};
let source = fs.readFileSync(process.argv[2], 'utf8');
for (const [name, value] of Object.entries(day.settings ?? {})) {
    const changed = source.replace(new RegExp(`\\b${name}: -?[\\d.]+`), `${name}: ${value}`);
    if (changed === source) throw new Error(`no setting ${name} other than ${value}`);
    source = changed;
}
vm.runInNewContext(source, border, { filename: process.argv[2] });

for (const [second, net, hand] of day.steps) {
    host.now = second;
    if (hand !== undefined) host.on = hand;
    if (net === 'silent') {
        for (const tick of host.ticks) tick();
        continue;
    }
    host.reachable = net !== null;
    if (net !== null) host.stamp = second;
    // ioBroker keeps the last value of a meter that is away; openHAB's Item becomes undefined
    if (net !== null || process.argv[2].includes('openhab')) host.net = net;
    for (const called of net === null ? host.ticks : host.listeners) called();
}
console.log(JSON.stringify(host.commands));
