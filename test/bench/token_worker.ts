import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { readDefinition } from '../../servers/core/factory/create.ts';
import { parseDefinition } from '../../servers/core/factory/parse.ts';
import { describeTool } from '../../servers/core/mcp.ts';
import { isGranted } from '../../servers/core/permissions.ts';
import { PACKAGE_ROOT } from '../../servers/core/version.ts';
import { loadFleet } from '../../servers/fleet.ts';

/** Says what `tools/list` costs each role of each preset: name, description and input schema, in o200k_base tokens. */
const { tools } = await loadFleet();
const costs = [...tools.values()].map((tool) => {
  const { name, description, inputSchema } = describeTool(tool);
  return { needs: tool.needs, tokens: countTokens(JSON.stringify({ name, description, inputSchema })) };
});

const files = await readdir(join(PACKAGE_ROOT, 'factories'));
const found: { preset: string; role: string; tokens: number }[] = [];
for (const preset of files.filter((file) => file.endsWith('.yaml')).map((file) => file.slice(0, -5))) {
  const definition = await readDefinition(preset).then(parseDefinition, () => undefined);
  for (const [role, { may }] of Object.entries(definition?.factory.roles ?? {})) {
    const tokens = costs
      .filter(({ needs }) => isGranted(may, needs))
      .reduce((sum, cost) => sum + cost.tokens, 0);
    found.push({ preset, role, tokens });
  }
}
process.stdout.write(JSON.stringify(found));
