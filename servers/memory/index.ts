import type { ServerModule } from '../core/tool.ts';
import { takeQueued } from './card_queue.ts';
import { readBack } from './render.ts';
import { sowLessons } from './seeds.ts';

export default {
  name: 'memory',
  async sessionOpened(services, agent) {
    await sowLessons(services.store, services.clock.now());
    await takeQueued(services, services.paths.enrolments);
    await readBack(services, agent);
  },
} satisfies ServerModule;
