/**
 * Words of the trade that stand for one another, a group a line; a word may be in several groups. Whoever asks
 * rarely uses the word that was written down. Not a dictionary: words here need not mean the same, only be said in
 * the same place.
 */
const GROUPS = `
  login signin logon authenticate authentication credential session
  logout signout
  signup register registration enrol onboarding
  password passphrase secret
  permission privilege grant access authorisation authorization allowed right
  forbidden denied refused rejected unauthorised blocked 401 403
  user customer client account tenant subscriber visitor person people
  newcomer new
  employee staff colleague teammate member
  team organisation organization company workspace
  admin administrator owner operator
  developer engineer programmer
  stranger outsider outside external public anonymous
  attacker hacker malicious hostile abuse
  robot bot spam crawler
  invoice bill receipt charge
  pay payment paid charge card checkout
  price pricing cost fee plan tier expensive dollars euro
  money amount sum currency cents
  currency exchange conversion fx rate
  refund chargeback
  tax vat
  subscription plan membership
  free trial
  budget spend spending expense cost
  revenue income earnings sales
  buy purchase order
  bank card
  deploy deployment release ship rollout publish upload live
  rollback revert undo restore
  canary gradual staged percent
  version release revision build
  upgrade update bump
  dependency package library module vendor
  pin pinned exact lock lockfile
  preview staging sandbox test
  production live prod
  infrastructure provision provisioning resource create
  server machine host box instance vm
  cloud hosting hoster
  container docker image
  worker function lambda
  queue job background task sidekiq
  schedule cron timer nightly periodic daily
  alarm alert notification notice page
  monitor monitoring check probe watch healthcheck
  outage downtime incident down unavailable offline failure
  uptime availability sla
  flap flapping unstable
  postmortem root cause reason why
  cause reason because
  error failure exception fault crash bug broken defect
  fail failed broke refused
  silent silently quietly unnoticed
  fix repair solve correct mend remedy
  workaround bypass
  slow sluggish latency delay lag performance
  fast quick quicker speed
  timeout deadline expired cut
  memory ram heap limit
  cpu processor compute
  disk storage space
  cache cached caching stale
  expire expiry expiration ttl lifetime
  delete remove erase drop purge
  prune cleanup clean vacuum
  keep retain retention store stored save
  evict evicted lost vanish disappear missing evaporate
  stale outdated old obsolete legacy
  deprecated archived unmaintained abandoned legacy
  database datastore db sql table d1 sqlite postgres
  table row column
  index scan query
  schema migration migrate
  transaction atomic
  lock deadlock
  race concurrent concurrency parallel simultaneous
  duplicate twice double identical same repeated
  number serial sequence numbering id
  unique distinct
  gap gapless skipped
  count total tally counter counting
  list browse listing page pagination
  sort order
  search find look lookup
  backup dump copy snapshot
  restore recover recovery
  export download
  import upload ingest
  sync synchronise replicate
  file document attachment
  folder directory path
  pdf document print printing
  render renderer rendering generate
  image picture photo avatar thumbnail
  screenshot picture
  font typeface
  resize scale shrink crop
  video media
  mail email inbox message
  mailbox inbox
  newsletter digest
  unsubscribe optout
  spam junk
  bounce undeliverable
  sms text phone
  push notification
  webhook callback event
  delivery send sent deliver
  retry retried again repeat resend
  idempotent idempotency replay duplicate
  signature sign signed hmac
  verify check validate
  token key secret credential
  encrypt encryption cipher
  hash digest checksum scrypt bcrypt argon2
  rotate rotation renew
  leak leaked exposed
  header headers
  request call fetch
  response answer reply
  endpoint route url address
  url link address
  redirect forward
  slug path
  domain dns hostname
  certificate tls ssl https
  ip ipv6 network
  firewall waf
  proxy gateway
  cdn edge
  region location
  api interface integration
  integrator api developer
  throttle throttling rate limit quota
  limit maximum cap bound most
  minimum least threshold floor
  frontend browser page
  page site website homepage
  widget embed embedded iframe snippet
  script javascript js
  style css
  mobile phone iphone android ios
  safari browser
  blog blogger wordpress article
  seo google search indexed noindex
  marketing campaign advertising
  traffic visits visitors
  conversion rate
  channel source
  name brand trademark
  legal law lawyer compliance
  privacy gdpr personal
  contract agreement terms
  country locale region
  language translation locale i18n
  date day month time
  timezone utc
  currently today now present
  format notation syntax
  parse parser parsing
  csv spreadsheet
  json payload body
  encoding utf unicode
  decimal float rounding exponent scientific
  money cents minor
  typo misspelt misspelled spelling mistake
  mistake error wrong
  secure security vulnerability hole
  xss injection escape sanitise innerhtml
  execute run
  ssrf internal network
  upload attach
  review reviewer inspection inspect judge
  approve approved accept accepted
  reject rejected decline refuse
  merge merged land
  commit change diff patch
  branch mainline trunk
  repository repo git
  test tests suite spec
  qa quality
  lint types
  refactor rewrite
  estimate estimated predicted forecast guess
  effort long
  deadline due
  plan roadmap
  backlog todo to-do
  task work job ticket issue
  blocked waiting stuck
  idea proposal
  decide decision chose choose
  why reason rationale
  instead replaced switch switched
  replace replaced substitute fallback alternative
  vendor provider supplier service
  switch move moved migrate
  stop closed kill shutdown discontinue end
  start begin launch
  launch live release
  announce announced announcement
  customer support complaint complain
  complaint feedback
  testimonial quote recommendation review
  wall widget
  note document
  share shared public
  invite invitation
  role team
  setting config configuration option flag
  flag toggle switch
  environment variable env
  log logs logging trace
  metric metrics figure statistics
  dashboard chart
  report summary
  model ai llm
  agent bot
  prompt instruction
  truncated incomplete partial half cut
  complete whole full
  empty blank nothing
  large big huge biggest largest
  small tiny
  maintenance works
  weekend night
  weekly tuesday weekday
  month monthly
  cost cheap
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
