import type { Attack } from '../types.ts';
import { authMissing } from './auth-missing.ts';
import { commandInjection } from './command-injection.ts';
import { cookie } from './cookie.ts';
import { cors } from './cors.ts';
import { errorLeak } from './error-leak.ts';
import { expiredToken } from './expired-token.ts';
import { headerInjection } from './header-injection.ts';
import { idempotency } from './idempotency.ts';
import { mainPath } from './main-path.ts';
import { malformedBody } from './malformed-body.ts';
import { massAssignment } from './mass-assignment.ts';
import { openRedirect } from './open-redirect.ts';
import { otherUser } from './other-user.ts';
import { oversizedBody } from './oversized-body.ts';
import { pagination } from './pagination.ts';
import { pathTraversal } from './path-traversal.ts';
import { race } from './race.ts';
import { rateLimit } from './rate-limit.ts';
import { reflectedXss } from './reflected-xss.ts';
import { roleEscalation } from './role-escalation.ts';
import { securityHeaders } from './security-headers.ts';
import { serverError } from './server-error.ts';
import { sqlInjection } from './sql-injection.ts';
import { ssrf } from './ssrf.ts';
import { storedXss } from './stored-xss.ts';
import { templateInjection } from './template-injection.ts';
import { validation } from './validation.ts';

/** Every attack class, in the order they run: what needs untouched data or matters most first, what litters it last. */
export const ATTACKS: readonly Attack[] = [
  race,
  mainPath,
  storedXss,
  otherUser,
  roleEscalation,
  expiredToken,
  reflectedXss,
  sqlInjection,
  authMissing,
  massAssignment,
  idempotency,
  headerInjection,
  ssrf,
  openRedirect,
  cors,
  pagination,
  commandInjection,
  templateInjection,
  pathTraversal,
  validation,
  malformedBody,
  serverError,
  oversizedBody,
  rateLimit,
  cookie,
  errorLeak,
  securityHeaders,
];
