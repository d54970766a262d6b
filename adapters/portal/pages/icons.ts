/**
 * The drawings of the pages. Each stands beside words that say the same, so readers of the page aloud pass
 * over them. They are once in a page, and named wherever they are shown: a list has thousands.
 */
import { type Html, html } from './html.ts'

const SHAPES = {
  both: html`<g fill="currentColor"><circle cx="8" cy="12" r="4.6"/><circle cx="16" cy="12" r="4.6"/></g>`,
  one: html`<circle fill="currentColor" cx="8" cy="12" r="4.6"/><circle cx="16" cy="12" r="4.6"/>`,
  differing: html`<circle cx="12" cy="12" r="8.5"/><path d="M8 10h8M8 14h8M14.5 7l-5 10"/>`,
  bars: html`<path d="M4 7h16M4 12h16M4 17h16"/>`,
  open: html`<path d="m8 10 4 4 4-4"/>`,
  proof: html`<path d="M12 3 5 6v5c0 4.6 3 8.2 7 10 4-1.8 7-5.4 7-10V6z"/><path d="m9 12 2.2 2.2 4-4.2"/>`,
  eye: html`<path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z"/><circle cx="12" cy="12" r="2.8"/>`,
  question: html`<circle cx="12" cy="12" r="9"/><path d="M9.5 9.300a2.6 2.6 0 1 1 3.7 2.700c-.8.4-1.2.9-1.2 1.700M12 16.800v.1"/>`,
  nothing: html`<path d="M4 7h16M6 7l1 13h10l1-13M9 7V4h6v3M10 11v5M14 11v5"/>`,
  wrong: html`<path d="M12 4 2.8 20h18.400z"/><path d="M12 10v4.500M12 17.300v.1"/>`,
  yes: html`<circle cx="12" cy="12" r="9"/><path d="m8 12.3 2.7 2.7 5.3-5.5"/>`,
  no: html`<circle cx="12" cy="12" r="9"/><path d="M8.5 12h7"/>`,
  file: html`<path d="M12 4v11M7.5 11 12 15.5 16.5 11M5 20h14"/>`,
  print: html`<path d="M7 9V4h10v5M7 17H4.500v-8h15v8H17M7 14h10v6H7z"/>`,
}

type Name = keyof typeof SHAPES

/** What each page begins with. */
export const DRAWINGS = html`<svg class="drawings" width="0" height="0" aria-hidden="true" focusable="false">${Object.entries(
  SHAPES,
).map(([name, shape]) => html`<symbol id="i-${name}" viewBox="0 0 24 24">${shape}</symbol>`)}</svg>`

export const ICONS = Object.fromEntries(
  Object.keys(SHAPES).map((name) => [
    name,
    html`<svg class="icon ${name}" aria-hidden="true"><use href="#i-${name}"/></svg>`,
  ]),
) as Record<Name, Html>
