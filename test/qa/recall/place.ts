import type { Reported } from './command.ts';

const ROUTE = /\b(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)\s+(\/[^\s,;)]*)/g;
const PARAMETER = /^(:.+|\{.+\}|\*+)$/;

/** Whether `where` of what was planted names a route. */
export const isRoute = (where: string): boolean => /^[A-Z]+ \//.test(where);

/** Whether `where` of what was planted on a page names a file that the page asks for, and not an element. */
export const isResource = (where: string): boolean => /^[\w-][\w./-]*\/[\w./-]+\.\w+$/.test(where);

/**
 * Whether a finding's `where` names the planted route. The method is the same; `:id` or `{id}` stands for one
 * segment of either; queries, fragments and a slash at the end don't count.
 */
export function sameRoute(planted: string, where: string): boolean {
  const [wanted] = routesOf(planted);
  return wanted !== undefined && routesOf(where).some((route) => isSame(wanted, route));
}

interface Route {
  method: string;
  segments: string[];
}

const routesOf = (text: string): Route[] =>
  [...text.matchAll(ROUTE)].map(([, method = '', path = '']) => ({
    method,
    segments: (path.split(/[?#]/)[0] ?? '').split('/').filter((segment) => segment !== ''),
  }));

const isSame = (a: Route, b: Route): boolean =>
  a.method === b.method &&
  a.segments.length === b.segments.length &&
  a.segments.every((segment, at) => isSameSegment(segment, b.segments[at] ?? ''));

const isSameSegment = (a: string, b: string): boolean => a === b || PARAMETER.test(a) || PARAMETER.test(b);

/** Whether a finding's `where` names the planted file, with or without a line. */
export function sameFile(planted: string, where: string): boolean {
  return where.split(/[\s,;()"'`]+/).some((part) => bare(part) === bare(planted));
}

const bare = (path: string): string => path.replace(/(:\d+){0,2}:?$/, '').replace(/^\.\//, '');

/** Whether a finding of a page names the planted file that the page asks for, in its place or in its words. */
export function sameResource(planted: string, { where, what }: Reported): boolean {
  return [where, what].some((text) => text.includes(planted));
}
