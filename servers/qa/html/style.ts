/** The look of the report: one column on a phone, light or dark as the reader's system is, and on paper. */
export const STYLE = `
:root{color-scheme:light dark;--ink:#14181f;--soft:#566072;--line:#dde2ea;--paper:#f6f7f9;--card:#fff;--pass:#12703c;--fail:#b3162c;--none:#7a5200;
--critical:#a3102b;--high:#b3401a;--medium:#8a6100;--low:#4b5a73}
@media (prefers-color-scheme:dark){:root{--ink:#e8ebf0;--soft:#a3adbd;--line:#333b48;--paper:#12151a;--card:#1b2027;--pass:#5fd394;--fail:#ff8797;--none:#f0c365;
--critical:#ff8797;--high:#ffa27d;--medium:#f0c365;--low:#b0bdd3}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:anywhere}
main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 4rem}
header{border-bottom:1px solid var(--line);padding-bottom:1rem;margin-bottom:1.5rem}
h1{font-size:1.1rem;margin:0;font-weight:600;color:var(--soft)}
h2{font-size:1.1rem;margin:2.25rem 0 .75rem}
.verdict{font-size:2.6rem;line-height:1.1;font-weight:750;margin:.35rem 0 .35rem;letter-spacing:-.01em}
.PASS{color:var(--pass)}.FAIL{color:var(--fail)}.UNTESTED{color:var(--none)}
.soft{color:var(--soft);margin:0}
.counts{display:flex;flex-wrap:wrap;gap:.5rem 1.25rem;margin:.9rem 0 0;padding:0;list-style:none}
.counts b{font-variant-numeric:tabular-nums}
article{background:var(--card);border:1px solid var(--line);border-left:5px solid var(--tone);border-radius:8px;padding:1rem 1.1rem;margin:0 0 1rem}
article.critical{--tone:var(--critical)}article.high{--tone:var(--high)}article.medium{--tone:var(--medium)}article.low{--tone:var(--low)}
article h3{margin:0;font-size:1.02rem;line-height:1.4}
article .tags{color:var(--tone);font-size:.85rem;font-weight:650;margin:0 0 .15rem}
article .where{color:var(--soft);font-size:.9rem;margin:.3rem 0 0}
article .seen{margin:.6rem 0 0;font-size:.93rem;white-space:pre-wrap;max-height:16rem;overflow:auto}
figure{margin:.9rem 0 0}
img{display:block;max-width:100%;max-height:34rem;height:auto;width:auto;border:1px solid var(--line);border-radius:6px}
pre{margin:.9rem 0 0;padding:.7rem .8rem;background:var(--paper);border:1px solid var(--line);border-radius:6px;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap}
table{border-collapse:collapse;width:100%;font-size:.95rem}
th,td{text-align:left;padding:.4rem .75rem .4rem 0;border-bottom:1px solid var(--line);font-weight:400}
th{color:var(--soft)}td.n{text-align:right;padding-right:0;font-variant-numeric:tabular-nums}th.n{text-align:right;padding-right:0}
ul.plain{margin:0;padding-left:1.2rem}ul.plain li{margin:.25rem 0}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,13rem),1fr));gap:1rem}
.pictures figure{margin:0}.pictures img{max-height:15rem}figcaption{font-size:.82rem;color:var(--soft);margin-top:.3rem}
@media print{body{background:#fff}article{break-inside:avoid}}
`;
