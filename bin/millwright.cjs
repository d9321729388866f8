#!/usr/bin/env node
// biome-ignore-all lint/style/useNodejsImportProtocol: an old Node does not know it
// It must parse on Node 12: its first work is to find the right one.

const fs = require('fs');
const os = require('os');
const path = require('path');
const childProcess = require('child_process');
const url = require('url');

const OLDEST = [22, 12];
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
const root = path.dirname(path.dirname(fs.realpathSync(__filename)));

if (isNewEnough(process.versions.node)) run();
else runUnderBundledNode();

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

/** A host starts many servers, and scripts many commands: each loads what it needs, compiled once. */
function run() {
  const args = process.argv.slice(2);
  const serves = args[0] === 'mcp' && !args.includes('--help') && !args.includes('-h');
  const entry = path.join(root, 'dist', serves ? 'mcp.js' : 'cli.js');
  // Beside the program and never in a shared folder: who could write into the cache could run code here.
  require('module').enableCompileCache(path.join(root, '.compile-cache'));
  if (!fs.existsSync(entry)) fail(`dist/ is missing; run \`npm run build\` in ${root}.`);
  import(url.pathToFileURL(entry).href)
    .then((program) => (serves ? program.mcp(args.slice(1), process.env) : program.main(args)))
    .catch((error) => fail(process.env.MILLWRIGHT_DEBUG ? error.stack : error.message));
}

function runUnderBundledNode() {
  const need = `Millwright needs Node ${OLDEST.join('.')} or newer and this is ${process.versions.node}`;
  const binary = bundledNode();
  if (!binary) fail(`${need}; install a newer one, or run \`npm ci\` in ${root}.`);
  // Before the start: a signal in between would end this process and leave the other one behind.
  let child;
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  child = childProcess.spawn(binary, [__filename, ...process.argv.slice(2)], { stdio: 'inherit' });
  child.on('error', (error) => fail(`${need}; ${binary} does not start (${error.code}).`));
  child.on('exit', (code, signal) => process.exit(signal ? 128 + os.constants.signals[signal] : code));
}

/** The binary of the package `node`, which lies beside this package or above it. */
function bundledNode() {
  try {
    const found = require.resolve('node/package.json', { paths: [root] });
    const binary = path.join(path.dirname(found), 'bin', 'node');
    return fs.existsSync(binary) ? binary : undefined;
  } catch (_missing) {
    return undefined;
  }
}

function fail(what) {
  process.stderr.write(`millwright: ${what}\n`);
  process.exit(3);
}
