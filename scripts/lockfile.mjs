// Completes package-lock.json after `npm install`: npm leaves out optional packages of other platforms when the
// registry it asked does not have them, and `npm ci` then refuses the whole file.
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const file = join(dirname(dirname(fileURLToPath(import.meta.url))), 'package-lock.json');
const lock = JSON.parse(await readFile(file, 'utf8'));

const SYSTEMS = {
  darwin: 'darwin',
  linux: 'linux',
  android: 'android',
  freebsd: 'freebsd',
  openharmony: 'openharmony',
  win32: 'win32',
  windows: 'win32',
};
const PROCESSORS = {
  arm64: 'arm64',
  x64: 'x64',
  64: 'x64',
  ia32: 'ia32',
  ppc64: 'ppc64',
  riscv64: 'riscv64',
  s390x: 's390x',
  arm: 'arm',
};

for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (/^\d+\.\d+\.\d+/.test(version) && !isLocked(path, name)) {
      lock.packages[`node_modules/${name}`] = {
        version,
        ...platformOf(name),
        ...(entry.dev && { dev: true }),
        optional: true,
      };
    }
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
await writeFile(file, `${JSON.stringify(lock, null, 2)}\n`);

function isLocked(path, name) {
  return [`${path}/node_modules/${name}`, `node_modules/${name}`].some((place) => lock.packages[place]);
}

function platformOf(name) {
  const words = name.split('/').at(-1).split('-');
  const cpu = words.map((word) => PROCESSORS[word]).find(Boolean);
  const os = words.map((word) => SYSTEMS[word]).find(Boolean);
  return { ...(cpu && { cpu: [cpu] }), ...(os && { os: [os] }) };
}
