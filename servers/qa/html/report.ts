import type { SuiteReport } from '../checks.ts';
import { SEVERITIES, worstFirst } from '../finding.ts';
import { joined } from '../not_tested.ts';
import { STYLE } from './style.ts';

type Shown = SuiteReport['findings'][number];

export interface ReportPage {
  target: string;
  report: SuiteReport;
  /** Milliseconds since 1970. */
  at: number;
  version: string;
  /** Pictures of pages as they are, and what changed since the pictures of the last run. */
  pages: { name: string; bytes: Buffer; change?: string }[];
}

/**
 * The report as one HTML file that needs nothing else: the verdict, every finding, worst first, with its picture and
 * how to see it again, what ran and what could not be tested. What the product said is text in it and never markup;
 * a policy in the page allows no script and no request.
 */
export function htmlReport({ target, report, at, version, pages }: ReportPage): string {
  const { verdict, findings, checks, not_tested, ms } = report;
  const counts = SEVERITIES.map(
    (severity) => [severity, findings.filter((one) => one.severity === severity).length] as const,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<title>${text(`${verdict}: ${target}`)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<h1>${text(target)}</h1>
<p class="verdict ${verdict}">${verdict}</p>
<p class="soft">${text(SENTENCES[verdict])} ${text(when(at))}, ${seconds(ms)}, Millwright ${text(version)}.</p>
${findings.length === 0 ? '' : `<ul class="counts">${counts.map(([name, n]) => `<li><b>${n}</b> ${name}</li>`).join('')}</ul>`}
</header>
<section>
<h2>Findings</h2>
${findings.length === 0 ? '<p class="soft">Nothing was found by the checks below.</p>' : worstFirst(findings).map(article).join('\n')}
</section>
<section>
<h2>What ran</h2>
<table><thead><tr><th scope="col">Check</th><th scope="col">Ran</th><th scope="col" class="n">Time</th></tr></thead><tbody>
${checks.map(({ name, ran, ms: took }) => `<tr><td>${text(name)}</td><td>${ran ? 'yes' : 'no'}</td><td class="n">${seconds(took)}</td></tr>`).join('\n')}
</tbody></table>
</section>
<section>
<h2>Not tested</h2>
${
  not_tested.length === 0
    ? '<p class="soft">Nothing that the checks know of.</p>'
    : `<ul class="plain">${joined(not_tested)
        .map((what) => `<li>${text(what)}</li>`)
        .join('\n')}</ul>`
}
</section>
${pages.length === 0 ? '' : `<section><h2>The pages as they were</h2><div class="pictures">${pages.map(page).join('\n')}</div></section>`}
</main>
</body>
</html>
`;
}

const SENTENCES: Record<SuiteReport['verdict'], string> = {
  PASS: 'Nothing worse than low was proved.',
  FAIL: 'At least one defect was proved.',
  UNTESTED: 'Nothing was proved, and not everything could be run or reached: this is no pass.',
};

function article({ class: kind, severity, where, what, reproduce, confirmed, picture }: Shown): string {
  const tags = `${severity} · ${kind}${confirmed ? '' : ' · seen once, not confirmed'}`;
  const [title, rest] = headline(what);
  return `<article class="${severity}">
<p class="tags">${text(tags)}</p>
<h3>${text(title)}</h3>
<p class="where">${text(where)}</p>
${rest === '' ? '' : `<p class="seen">${text(rest)}</p>`}
${picture ? figure(picture, `${kind}: ${where}`) : ''}
<pre>${text(reproduce)}</pre>
</article>`;
}

/** The first line or sentence, and what follows it. */
function headline(what: string): [string, string] {
  const end = /\n|[.!?] +(?=\S)/.exec(what);
  return end ? [what.slice(0, end.index + 1).trim(), what.slice(end.index + 1).trim()] : [what, ''];
}

const page = ({ name, bytes, change }: ReportPage['pages'][number]): string =>
  `<figure>${image(bytes, name)}<figcaption>${text(name)}${change ? ` · ${text(change)}` : ''}</figcaption></figure>`;

const figure = (picture: Buffer, alt: string): string => `<figure>${image(picture, alt)}</figure>`;

const image = (bytes: Buffer, alt: string): string =>
  `<img loading="lazy" alt="${text(alt)}" src="data:image/png;base64,${bytes.toString('base64')}">`;

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const text = (value: string): string =>
  value
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]/g, ' ')
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

const seconds = (ms: number): string => (ms < 950 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);
const when = (at: number): string => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
