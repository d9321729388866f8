import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { replaceFile } from '../core/files.ts';
import type { Services } from '../core/services.ts';
import { cardId, type HostEvent, keepCard } from './state_cards.ts';

const eventSchema = z.strictObject({
  agent: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/),
  hostSession: z.string().max(200),
  event: z.string().max(60),
  at: z.int(),
});
/** Taken at a time; a host that was alone for long leaves no more than this many kinds of events. */
const MOST_TAKEN = 200;

const queueOf = (enrolments: string) => join(enrolments, 'queue');

/**
 * Puts an event down beside the enrolments while the store is away. The same event of the same host session lies
 * there once, the newest.
 */
export async function queueEvent(enrolments: string, event: HostEvent): Promise<void> {
  const folder = queueOf(enrolments);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await replaceFile(join(folder, `${cardId(event)}.json`), JSON.stringify(event));
}

/**
 * Takes what lies in the queue. Each event makes one card, however many processes take at once and wherever one of
 * them dies: the card has the event's id, and the file goes only after it is kept. What is no event is left alone.
 */
export async function takeQueued(services: Services, enrolments: string): Promise<void> {
  const folder = queueOf(enrolments);
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^[0-9a-f]{32}\.json$/.test(name));
  for (const name of names.slice(0, MOST_TAKEN)) {
    const path = join(folder, name);
    const text = await readFile(path, 'utf8').catch(() => undefined);
    const event = text === undefined ? undefined : parsed(text);
    if (!event) continue;
    await keepCard(services, event);
    const now = await readFile(path, 'utf8').catch(() => undefined);
    if (now === text) await rm(path, { force: true });
  }
}

function parsed(text: string): HostEvent | undefined {
  try {
    return eventSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
