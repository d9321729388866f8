/**
 * Words of the trade that stand for one another, a group a line; a word may be in several groups. Whoever asks
 * rarely uses the word that was written down. Not a dictionary: words here need not mean the same, only be said in
 * the same place. What any software team says belongs here; a product's own words belong into aliases.
 */
const GROUPS = `
  login signin logon authenticate authentication credential session
  logout signout
  signup register registration enrol onboarding
  password passphrase secret
  permission privilege grant access authorisation authorization role allowed
  forbidden denied refused rejected unauthorised unauthorized blocked 401 403
  user customer client account tenant member
  team organisation organization company workspace
  admin administrator owner operator
  developer engineer programmer
  public anonymous external guest
  attacker hacker malicious hostile abuse
  bot robot crawler spam
  invoice bill receipt
  pay payment charge checkout card
  price pricing cost fee
  plan subscription tier membership
  amount sum money total currency
  refund chargeback
  tax vat
  budget spend spending cost
  revenue income earnings sales
  buy purchase order
  deploy deployment release ship rollout publish
  rollback revert undo
  canary gradual staged percent
  version release revision build
  upgrade update bump
  dependency package library module vendor
  pin pinned exact lock lockfile
  staging preview sandbox test
  production prod live
  infrastructure provision provisioning resource create
  server machine host instance vm
  cloud hosting provider
  container docker image
  worker function lambda serverless
  queue job background task
  schedule cron timer periodic nightly daily
  alarm alert notification page
  monitor monitoring check probe watch healthcheck
  outage downtime incident down unavailable offline
  uptime availability sla
  postmortem retrospective cause reason
  error failure exception fault crash bug broken defect
  silent silently quietly unnoticed
  fix repair solve correct remedy
  workaround bypass
  slow sluggish latency delay lag performance
  fast quick speed
  timeout deadline expired
  memory ram heap
  cpu processor compute
  disk storage space
  cache cached caching
  expire expiry expiration ttl lifetime
  delete remove erase drop purge
  prune cleanup clean vacuum
  keep retain retention store save
  lost vanish disappear missing
  stale outdated old obsolete
  deprecated archived unmaintained abandoned legacy
  database datastore db sql sqlite postgres
  table row column record
  index scan query
  schema migration migrate
  transaction atomic
  lock deadlock mutex
  race concurrent concurrency parallel simultaneous
  duplicate twice double repeated
  id identifier number serial sequence
  unique distinct
  count total tally counter
  list listing page pagination
  sort order
  search find lookup
  backup dump snapshot copy
  restore recover recovery
  export download
  import upload ingest
  sync synchronise replicate
  file document attachment
  folder directory path
  pdf document print
  render rendering generate
  image picture photo avatar thumbnail
  font typeface
  resize scale crop
  mail email inbox message
  unsubscribe optout
  bounce undeliverable
  sms text phone
  webhook callback event
  send sent deliver delivery
  retry retried again resend
  idempotent idempotency replay duplicate
  signature sign signed hmac
  verify check validate
  token key secret credential
  encrypt encryption cipher
  hash digest checksum
  rotate rotation renew
  leak leaked exposed
  request call fetch
  response answer reply
  endpoint route url address
  url link address
  redirect forward
  dns domain hostname
  certificate tls ssl https
  ip network
  firewall waf
  proxy gateway
  cdn edge
  region location
  api interface integration
  throttle throttling rate limit quota
  limit maximum cap bound
  minimum least threshold
  frontend browser page
  page site website
  widget embed embedded iframe snippet
  script javascript js
  style css
  mobile phone iphone android ios
  seo indexed crawled
  marketing campaign advertising
  traffic visits visitors
  legal lawyer compliance
  privacy gdpr personal
  contract agreement terms
  country locale region
  language translation locale i18n
  timezone utc
  format notation syntax
  parse parser parsing
  csv spreadsheet
  json payload body
  encoding utf unicode
  decimal float rounding precision
  typo misspelt misspelled spelling
  secure security vulnerability hole
  xss injection escape sanitise
  execute run
  review reviewer inspection
  approve approved accept accepted
  reject rejected decline refuse
  merge merged land
  commit change diff patch
  branch mainline trunk
  repository repo git
  test suite spec
  qa quality
  refactor rewrite
  estimate predicted forecast guess
  deadline due
  plan roadmap
  backlog todo
  task work job ticket issue
  blocked waiting stuck
  decide decision chose choose
  reason rationale
  replace replaced substitute switch switched
  fallback alternative
  vendor provider supplier service
  stop kill shutdown discontinue end
  start begin launch
  announce announcement
  support complaint feedback
  setting config configuration option
  flag toggle switch
  environment variable env
  log logs logging trace
  metric metrics figure statistics
  dashboard chart
  report summary
  model ai llm
  agent bot
  prompt instruction
  truncated incomplete partial cut
  complete whole full
  empty blank nothing
  large big huge
  small tiny
  watchdog heartbeat
  health status
  status state
`;

/** The words that are said in the place of this one, without it; none for a word that is in no group. */
export const relatedTo = (word: string): readonly string[] => RELATED.get(stem(word)) ?? [];

/** Cuts the usual endings off, so that `deployed` finds the group of `deploy`. */
const stem = (word: string) =>
  word
    .replace(/(?:ies|es|s|ing|ed|er|ation|ion)$/, '')
    .replace(/(.)\1$/, '$1')
    .replace(/e$/, '') || word;

const RELATED = relatedWords();

function relatedWords(): ReadonlyMap<string, string[]> {
  const related = new Map<string, Set<string>>();
  for (const group of GROUPS.trim().split('\n')) {
    const words = group.trim().split(' ');
    for (const word of words) {
      const others = related.get(stem(word)) ?? new Set();
      for (const other of words) if (other !== word) others.add(other);
      related.set(stem(word), others);
    }
  }
  return new Map([...related].map(([word, others]) => [word, [...others]]));
}
