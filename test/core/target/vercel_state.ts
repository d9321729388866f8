import type { RequestListener } from 'node:http';

/** A deployment as the stub keeps it. `files` holds what was uploaded, by path. */
export interface StubDeployment {
  id: string;
  projectId: string;
  readyState: string;
  /** STAGED, or PROMOTED once it had the traffic. */
  readySubstate: string;
  created: number;
  meta: Record<string, string>;
  files: Map<string, Buffer>;
  /** The values that the project had when the deployment was made. */
  env: Record<string, string>;
  handler?: RequestListener;
}

export interface StubProject {
  id: string;
  name: string;
  createdAt: number;
  ssoProtection: { deploymentType: string } | null;
  env: Record<string, string>;
  /** The deployment that its host leads to. */
  served: string | null;
  lastAliasRequest: { jobStatus: string; requestedAt: number; toDeploymentId: string; type: string } | null;
}

export interface VercelState {
  projects: StubProject[];
  deployments: StubDeployment[];
  /** By SHA-1. */
  files: Map<string, Buffer>;
  /** Entries of a page of any listing. */
  page: number;
  /** Promotions end in this state. */
  promotions: 'succeeded' | 'failed';
  /** New deployments get the traffic at once, as a project with other settings would have it. */
  assigns: boolean;
}

export const freshState = (): VercelState => ({
  projects: [],
  deployments: [],
  files: new Map(),
  page: 100,
  promotions: 'succeeded',
  assigns: false,
});

export interface StubAnswer {
  status: number;
  body?: unknown;
}

export const failed = (status: number, code: string, more: object = {}): StubAnswer => ({
  status,
  body: { error: { code, message: `${code}, says the stub`, ...more } },
});
