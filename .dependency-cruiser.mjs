/** The house's rules about who may import whom; see docs in AGENTS.md. `scripts/check.mjs` fails when nothing was looked at. */
export default {
  forbidden: [
    {
      name: 'core-knows-no-server',
      comment: 'core stands below every server; what servers share moves down to it.',
      severity: 'error',
      from: { path: '^servers/core/' },
      to: { path: '^(servers/(?!core/)|cli/|hosts/|rehearsal/|words/)' },
    },
    {
      name: 'servers-are-strangers',
      comment: 'A server asks another one through the store, by a read function in core.',
      severity: 'error',
      from: { path: '^servers/(?!core/)([^/]+)/' },
      to: { path: '^servers/(?!core/)([^/]+)/', pathNot: '^servers/$1/' },
    },
    {
      name: 'imports-point-down',
      severity: 'error',
      from: { path: '^servers/' },
      to: { path: '^(cli|hosts|control-room|rehearsal|words)/' },
    },
    {
      name: 'one-door-to-mcp',
      comment: 'Only core/mcp.ts knows the SDK; core/http.ts its adapter for node:http.',
      severity: 'error',
      from: { path: '^(servers|cli)/', pathNot: '^servers/core/(mcp|http)\\.ts$' },
      to: { path: 'node_modules/@modelcontextprotocol/' },
    },
    {
      name: 'one-door-to-the-database',
      severity: 'error',
      from: { path: '^(servers|cli)/', pathNot: '^servers/core/store/' },
      to: { path: 'node_modules/(better-sqlite3|pg)/' },
    },
    {
      name: 'hosts-know-no-command',
      comment: 'What hosts are told is made from plain data; the command line asks for it.',
      severity: 'error',
      from: { path: '^hosts/' },
      to: { path: '^(cli|rehearsal|words)/' },
    },
    {
      name: 'the-token-meets-no-project',
      comment: 'What speaks to a provider starts no process, reads no file and no config of a project.',
      severity: 'error',
      from: { path: '^servers/core/target/cloudflare/' },
      to: {
        path: '(^servers/core/target/(worker_config|checkout_files|bundle)\\.ts$|^servers/core/sandbox/|^(node:)?(fs|fs/promises|child_process|worker_threads|vm)$|node_modules/(execa|wrangler|miniflare)/)',
      },
    },
    {
      name: 'rehearsal-is-a-client',
      comment: 'Its actors have an MCP client, git and the command line, and nothing of the servers.',
      severity: 'error',
      from: { path: '^rehearsal/' },
      to: { path: '^(servers|cli|hosts|words|test)/' },
    },
    {
      name: 'no-test-code-in-the-product',
      severity: 'error',
      from: { path: '^(servers|cli|hosts|rehearsal|words)/' },
      to: { path: '^test/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(rehearsal/product|test/qa/corpus/(cases|hostile))/' },
    tsPreCompilationDeps: true,
    parser: 'swc',
  },
};
