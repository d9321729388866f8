import { BUILDERS, playAll } from './played.ts';

playAll(BUILDERS);
