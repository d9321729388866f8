import type { Factory } from '../core/factory/definition.ts';
import { type Condition, type Phase, type Pipeline, pipelineSchema } from '../core/factory/pipeline.ts';
import { isMachineGate } from '../core/gates.ts';
import { type Capability, isGranted } from '../core/permissions.ts';

/**
 * The pipeline that a person's own commit goes through: what the factory asks of every change before a merge,
 * each by the first role that may. The first step is the person's and is done. Throws when no role may.
 */
export function adoptionPipeline(factory: Factory, title: string): Pipeline {
  const asked = (wanted: (name: string) => boolean) => factory.merge.needs.filter(wanted) as Condition[];
  const judged: [id: string, title: string, needs: Capability[], closes: Condition[]][] = [
    ['gates', 'Have the gates run on the adopted commit', ['change:submit'], asked(isMachineGate)],
    [
      'review',
      'Read every diff of the adopted commit',
      ['review:submit'],
      asked((name) => name === 'review'),
    ],
    ['qa', 'Try to break the adopted commit', ['qa:run', 'qa:verdict'], asked((name) => name === 'qa')],
    ['land', 'Have the adopted commit merged', ['change:merge'], ['merged']],
  ];
  const phases = judged
    .filter(([, , , closes]) => closes.length > 0)
    .map(([id, name, needs, closes]) => phase(id, name, roleThatMay(factory, needs), closes));
  return pipelineSchema.parse({
    pipeline: 'adopt',
    title,
    rounds: 1,
    phases: [phase('adopt', title, 'human', []), ...phases],
  });
}

function phase(id: string, title: string, role: string, closes: Condition[]): Phase {
  const criteria = [
    closes.length > 0 ? `Closed on the submitted commit: ${closes.join(', ')}` : 'It is submitted',
  ];
  const stops = ['It does not hold: task_complete with outcome "failed", saying why'];
  const step = { id, role, title, description: '', criteria, stops, closes };
  return {
    id,
    name: title.slice(0, 60),
    on_failure: 'drop',
    steps: [{ ...step, after: [], reads: [], writes: [], accepts: [] }],
  };
}

function roleThatMay(factory: Factory, needs: readonly Capability[]): string {
  const all: readonly Capability[] = ['task:work', ...needs];
  const found = Object.entries(factory.roles).find(([, role]) =>
    all.every((need) => isGranted(role.may, need)),
  );
  if (!found)
    throw new Error(`No role of this factory may ${all.join(', ')}; nobody could judge the commit.`);
  return found[0];
}
