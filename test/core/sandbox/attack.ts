import type { Decoy } from './mode.ts';

/** What each act brought; `true` means that it succeeded. */
export interface Loot {
  environment: boolean;
  file: boolean;
  port: boolean;
  socket: boolean;
  abstract: boolean;
  signal: boolean;
  descriptor: boolean;
  writeFolder: boolean;
  writeUsr: boolean;
  pids: number;
}

/** A command that tries everything against the decoy and prints its loot as JSON. */
export const attack = (decoy: Decoy): [string, ...string[]] => [
  'node',
  '-e',
  SCRIPT,
  '--',
  JSON.stringify(decoy),
];
export const loot = (stdout: string): Loot => JSON.parse(stdout) as Loot;

const SCRIPT = `
const fs = require('node:fs'), net = require('node:net');
const decoy = JSON.parse(process.argv[1]);
const can = (act) => { try { return act() !== false; } catch { return false; } };
const reach = (where) => new Promise((done) => {
  const socket = net.connect(where, () => { socket.destroy(); done(true); });
  socket.on('error', () => done(false));
});
(async () => {
  console.log(JSON.stringify({
    environment: can(() => fs.readFileSync('/proc/' + decoy.pid + '/environ', 'latin1').includes('DECOY_SECRET')),
    file: can(() => fs.readFileSync(decoy.secretFile, 'utf8') === 'decoy'),
    port: await reach({ host: '127.0.0.1', port: decoy.port }),
    socket: await reach({ path: decoy.socketPath }),
    abstract: await reach({ path: '\\0' + decoy.abstractName }),
    signal: can(() => process.kill(decoy.pid, 0)),
    descriptor: fs.readdirSync('/proc/self/fd').some((fd) => can(() => fs.readlinkSync('/proc/self/fd/' + fd).includes('leaked-by'))),
    writeFolder: can(() => fs.writeFileSync(decoy.folder + '/written', 'x')),
    writeUsr: can(() => fs.writeFileSync('/usr/millwright-test', 'x')),
    pids: fs.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)).length,
  }));
})();
`;
