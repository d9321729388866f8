import type { Attack } from '../types.ts';
import { errorLeak } from './error-leak.ts';
import { headerInjection } from './header-injection.ts';
import { mainPath } from './main-path.ts';
import { reflectedXss } from './reflected-xss.ts';
import { securityHeaders } from './security-headers.ts';
import { serverError } from './server-error.ts';
import { storedXss } from './stored-xss.ts';

/** Every attack class, in the order they run: what matters most first, what litters the product's data last. */
export const ATTACKS: readonly Attack[] = [
  mainPath,
  storedXss,
  reflectedXss,
  headerInjection,
  serverError,
  errorLeak,
  securityHeaders,
];
