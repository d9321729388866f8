#!/usr/bin/env node
// The far side of the host port: prints Claude Code's stream as the message in its prompt asks for, and does nothing else.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const prompt = process.argv[process.argv.indexOf('-p') + 1] ?? '';
const plan = /FAKE:(\w+)/.exec(prompt)?.[1] ?? 'talk';
const print = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const answer = (n, text) =>
  print({
    type: 'assistant',
    message: {
      id: `m${n}`,
      content: [{ type: 'text', text }],
      usage: { input_tokens: 400, output_tokens: 100 },
    },
  });

print({ type: 'system', subtype: 'init' });
if (plan === 'env') answer(1, 'One answer.');
if (plan === 'silent') {
  spawn('sleep', ['4321'], { detached: true, stdio: 'ignore' }).unref();
  answer(1, 'I think now.');
  await sleep(600_000);
}
if (plan === 'spend')
  for (let n = 1; n < 1000; n++) {
    answer(n, `answer ${n}`);
    await sleep(20);
  }
if (plan === 'crash') {
  answer(1, 'Half of it is');
  process.stderr.write('out of luck\n');
  process.exit(7);
}
print({
  type: 'result',
  subtype: 'success',
  is_error: false,
  result: plan === 'env' ? Object.keys(process.env).sort().join(' ') : `said ${plan}`,
  num_turns: 1,
});
