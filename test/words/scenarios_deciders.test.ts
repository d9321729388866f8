import { rolesWithScenarios } from '../../words/scenario.ts';
import { BUILDERS, playAll } from './played.ts';

playAll(rolesWithScenarios().filter((role) => !BUILDERS.includes(role)));
