import type { Page } from 'playwright-core';
import { installBasics } from './basics.ts';
import { installClipping } from './clipping.ts';
import { installKeyboard } from './keyboard.ts';
import { installReach } from './reach.ts';
import { installWidgets } from './widgets.ts';

/** Puts our rules into every document that the page loads, before its own scripts. */
export async function installRules(page: Page): Promise<void> {
  for (const part of [installBasics, installClipping, installReach, installKeyboard, installWidgets])
    await page.addInitScript(part);
}
