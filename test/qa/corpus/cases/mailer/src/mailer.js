import { config } from './config.js';

/** The headers every mail of ours carries. */
export const headers = (to, subject) => ({ To: to, Subject: subject, 'X-Region': config.region });
