import type { Page } from 'playwright-core';
import { installBasics } from './basics.ts';
import { installClipping } from './clipping.ts';
import { installKeyboard } from './keyboard.ts';
import { installReach } from './reach.ts';
import { installWaiting } from './waiting.ts';
import { installWidgets } from './widgets.ts';

const RULES = [installBasics, installWaiting, installClipping, installReach, installKeyboard, installWidgets]
  .map((part) => `(${part})();`)
  .join('\n');

/** Puts our rules into every document that the page loads, before its own scripts. */
export const installRules = (page: Page): Promise<unknown> => page.addInitScript(RULES);
