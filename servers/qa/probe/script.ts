/** A script taken apart: the strings in it, escapes decoded, and the rest, with each string as `""`. */
export interface ScriptParts {
  code: string;
  strings: string[];
}

const BEFORE_REGEX = /(^|[([{,;=:!&|?+\-*%~^<>}]|\b(return|typeof|case|in|of|do|else|void|delete))\s*$/;
const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', v: '\v', 0: '\0' };

/**
 * Splits JavaScript into code and strings without running it. Comments and regular expressions are dropped;
 * a template's text counts as string, what stands in its `${}` as code.
 */
export function splitScript(source: string): ScriptParts {
  const strings: string[] = [];
  /** For each open template, how deep in braces its `${` stands. */
  const templates: number[] = [];
  let code = '';
  let depth = 0;
  let at = 0;

  const takeString = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0] ?? '';
    at += text.length;
    return text;
  };
  const takeTemplate = () => {
    const text = takeString(/(?:\\[\s\S]|\$(?!\{)|[^\\`$])*/y);
    strings.push(decode(text));
    code += '""';
    if (source.startsWith('${', at)) {
      at += 2;
      depth += 1;
      templates.push(depth);
    } else at += 1;
  };

  while (at < source.length) {
    const char = source.charAt(at);
    const two = source.slice(at, at + 2);
    if (two === '//' || source.startsWith('<!--', at)) takeString(/[^\n\r\u2028\u2029]*/y);
    else if (two === '/*') takeString(/\/\*[\s\S]*?(?:\*\/|$)/y);
    else if (char === '"' || char === "'") {
      at += 1;
      strings.push(
        decode(takeString(char === '"' ? /(?:\\[\s\S]|[^"\\\n\r])*/y : /(?:\\[\s\S]|[^'\\\n\r])*/y)),
      );
      code += '""';
      at += 1;
    } else if (char === '`') {
      at += 1;
      takeTemplate();
    } else if (char === '/' && BEFORE_REGEX.test(code.slice(-20))) {
      takeString(/\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])*\/?[a-z]*/y);
      code += '""';
    } else if (char === '}' && templates.at(-1) === depth) {
      templates.pop();
      depth -= 1;
      at += 1;
      takeTemplate();
    } else {
      if (char === '{') depth += 1;
      if (char === '}') depth -= 1;
      code += char;
      at += 1;
    }
  }
  return { code, strings };
}

function decode(text: string): string {
  return text.replace(
    /\\(u\{([\da-f]{1,6})\}|u([\da-f]{4})|x([\da-f]{2})|\r\n|[\s\S])/gi,
    (_, whole: string, a, b, c) => {
      const hex: string | undefined = a ?? b ?? c;
      if (hex !== undefined) return String.fromCodePoint(Math.min(Number.parseInt(hex, 16), 0x10ffff));
      if (/^[\r\n\u2028\u2029]/.test(whole)) return '';
      return ESCAPES[whole] ?? whole;
    },
  );
}
