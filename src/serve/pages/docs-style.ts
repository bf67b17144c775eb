// The style of the page at `/docs`: dark or light as the reader's system is.
export const DOCS_STYLE = `:root {
  color-scheme: light dark;
  --text: light-dark(#1b1f24, #e6e9ed);
  --quiet: light-dark(#57606a, #9aa4af);
  --page: light-dark(#ffffff, #14181d);
  --raised: light-dark(#f3f5f7, #1e242b);
  --line: light-dark(#d0d7de, #38424d);
  --link: light-dark(#0b5cad, #6cb2ff);
}
body {
  margin: 0 auto;
  max-width: 64rem;
  padding: 1rem;
  background: var(--page);
  color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere;
}
a { color: var(--link); }
code { background: var(--raised); border-radius: 3px; padding: 0 0.25em; font-size: 0.9em; }
header p, section > p { color: var(--quiet); }
nav ul { padding-left: 1.2rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
section { scroll-margin-top: 1rem; }
section:target { outline: 2px solid var(--link); outline-offset: 0.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; overflow-wrap: normal; }
th, td { border-bottom: 1px solid var(--line); padding: 0.3rem 0.8rem 0.3rem 0; text-align: left; vertical-align: top; }
th { color: var(--quiet); font-weight: 600; }
`;
