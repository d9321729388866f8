/** A pipeline with every kind of gate that needs no git: documents, a human's decision, a review, a rollback. */
export const LINE = {
  pipeline: 'line',
  title: 'A line for the model',
  rounds: 3,
  phases: [
    {
      id: 'idea',
      name: 'Idea',
      on_failure: 'drop',
      steps: [step('brief', 'ceo', { writes: ['brief'], checkpoint: { name: 'brief', artifact: 'brief' } })],
    },
    {
      id: 'build',
      name: 'Build',
      on_failure: 'build',
      steps: [
        step('draft', 'developer', { writes: ['draft'] }),
        step('note', 'qa'),
        step('accept', 'cto', { after: ['draft'], accepts: ['draft'] }),
      ],
    },
    { id: 'ship', name: 'Ship', on_failure: 'rollback', steps: [step('ship', 'infra')] },
  ],
};

interface LineStep {
  id: string;
  role: string;
  writes: string[];
  after: string[];
  accepts: string[];
  checkpoint?: { name: string; artifact: string };
}

function step(id: string, role: string, more: Partial<LineStep> = {}) {
  const words = { title: `Do ${id}`, criteria: ['It holds'], stops: ['It does not'] };
  return { id, role, ...words, writes: [], after: [], accepts: [], ...more };
}

/** What a pipeline gets when its last phase fails: no definition lists it. */
export const UNDO: LineStep = { id: 'rollback', role: 'infra', writes: ['incident'], after: [], accepts: [] };

export const ROLES = ['ceo', 'developer', 'qa', 'cto', 'infra'] as const;
export type Role = (typeof ROLES)[number];

export const stepNamed = (id: string): LineStep =>
  id === UNDO.id
    ? UNDO
    : (LINE.phases.flatMap(({ steps }) => steps).find((one) => one.id === id) as LineStep);
