import { setTimeout as sleep } from 'node:timers/promises';
import { type Block, planFromPrompt, type Script } from './plan.ts';

/** More than the window of any model holds, so that a host compacts before its next request. */
export const FULL = 990_000;
/** A model takes longer. */
const SUMMING_UP_MS = 2000;
export const SUMMARY = 'SUMMED-UP';

/** Plays the prompt's plan; sums up when asked to; after that says what `after` says. */
export const compacting =
  (after: readonly Extract<Block, { tool: string }>[]): Script =>
  async (request) => {
    const { turns } = request;
    const words = turns.map((turn) => JSON.stringify(turn));
    if (/detailed summary|handoff summary/i.test(words.at(-1) ?? '')) {
      await sleep(SUMMING_UP_MS);
      return [{ text: `<summary>${SUMMARY}</summary>` }];
    }
    const from = words.findLastIndex((text, at) => turns[at]?.from === 'user' && text.includes(SUMMARY));
    if (from < 0) return planFromPrompt(request);
    const called = turns.slice(from).flatMap((turn) => (turn.from === 'model' ? turn.calls : []));
    return [after.find(({ tool }) => !called.includes(tool)) ?? { text: 'I stop.' }];
  };
