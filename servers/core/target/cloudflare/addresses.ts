import * as z from 'zod';
import { ToolError } from '../../errors.ts';
import { findOrMake } from '../find_or_make.ts';
import { ApiRefusal } from '../rest.ts';
import type { Address, Addresses } from '../target.ts';
import type { CloudflareClient } from './client.ts';

const zone = z.object({ id: z.string(), name: z.string() });
const record = z.object({
  id: z.string(),
  type: z.string(),
  name: z.string(),
  content: z.string().nullish(),
  proxied: z.boolean().nullish(),
});
const domain = z.object({
  id: z.string(),
  hostname: z.string(),
  service: z.string(),
  zone_name: z.string().nullish(),
});

type Found = Address & { id: string };

const DOMAINS = '/accounts/:account/workers/domains';

/** The zones and custom domains of an account. Records that Cloudflare makes for a custom domain are not told apart. */
export function cloudflareAddresses(client: CloudflareClient): Addresses {
  async function zoneId(name: string): Promise<string> {
    const found = (await client.all(zone, '/zones', { name })).find((one) => one.name === name);
    if (found) return found.id;
    throw new ToolError(
      'CONFLICT',
      `The zone ${name} is not in the Cloudflare account.`,
      'Say so in task_block; a human adds the zone to the account, or infra.yaml names another.',
      { rule: 'infra.zone' },
    );
  }

  async function list(zones: readonly string[]): Promise<Found[]> {
    const found: Found[] = [];
    for (const name of zones) {
      const records = await client.all(record, `/zones/${await zoneId(name)}/dns_records`);
      found.push(...records.map((one) => dnsOf(name, one)));
    }
    if (zones.length === 0) return found;
    const domains = await client.all(domain, DOMAINS);
    return [...found, ...domains.map(domainOf)];
  }

  async function setRecord(address: Address, id: string | null): Promise<string> {
    const { zone: name = '', content, proxied } = address.settings;
    const [type, host] = address.name.split(' ');
    const json = { type, name: host, content, proxied: proxied === 'true' };
    const path = `/zones/${await zoneId(name)}/dns_records`;
    if (id !== null) {
      const changed = { method: 'PATCH' as const, path: `${path}/${id}`, json, repeatable: true };
      return (await client.call(record, changed)).id;
    }
    const find = async () =>
      (await client.all(record, path)).find(
        (one) => one.type === type && one.name === host && one.content === content,
      )?.id;
    const make = async () => (await client.call(record, { method: 'POST', path, json })).id;
    return (await findOrMake(find, make)).value;
  }

  async function setDomain({ name, settings }: Address): Promise<string> {
    const there = (await client.all(domain, DOMAINS)).find((one) => one.hostname === name);
    if (there && there.service === settings.worker) return there.id;
    const zone_id = await zoneId(settings.zone ?? '');
    const json = { hostname: name, service: settings.worker, zone_id, environment: 'production' };
    return (await client.call(domain, { method: 'PUT', path: DOMAINS, json, repeatable: true })).id;
  }

  return {
    list,
    set: (address, id) => (address.kind === 'dns' ? setRecord(address, id) : setDomain(address)),
    async remove({ kind, id, settings }) {
      const path =
        kind === 'dns' ? `/zones/${await zoneId(settings.zone ?? '')}/dns_records/${id}` : `${DOMAINS}/${id}`;
      await client.call(z.unknown(), { method: 'DELETE', path, repeatable: true }).catch((error: unknown) => {
        if (!(error instanceof ApiRefusal) || error.status !== 404) throw error;
      });
    },
  };
}

const dnsOf = (zone: string, { id, type, name, content, proxied }: z.output<typeof record>): Found => ({
  kind: 'dns',
  id,
  name: `${type} ${name}`,
  settings: { zone, content: content ?? '', proxied: String(proxied ?? false) },
});

const domainOf = ({ id, hostname, service, zone_name }: z.output<typeof domain>): Found => ({
  kind: 'domain',
  id,
  name: hostname,
  settings: { worker: service, ...(zone_name ? { zone: zone_name } : {}) },
});
