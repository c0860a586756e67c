// Writes objects into a running ioBroker through the package that its own command uses: node iobroker_objects.cjs FILE
// FILE: {"set": {id: object}, "extend": {id: part of an object}}. Runs in the folder of the installation.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { createRequire } = require('node:module');

const controller = createRequire(path.join(process.cwd(), 'node_modules/iobroker.js-controller/package.json'));
const { dbConnectAsync } = controller('@iobroker/js-controller-cli');

async function main() {
    const wanted = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
    const { objects } = await dbConnectAsync(false, {});
    for (const [id, object] of Object.entries(wanted.set ?? {})) {
        await objects.setObjectAsync(id, object);
    }
    for (const [id, part] of Object.entries(wanted.extend ?? {})) {
        await objects.extendObjectAsync(id, part);
    }
}

main().then(() => process.exit(0), error => {
    console.error(error);
    process.exit(1);
});
