/**
 * Pages as text. Guarantees that a value is text of the page, whoever wrote it: only what `html` itself made
 * is markup.
 */

export type Html = { readonly markup: string }

type Value = Html | string | number | undefined | false | readonly Value[]

// Control characters and marks that turn the direction of what follows; what others wrote may hold them.
const UNSEEN = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

export function html(parts: TemplateStringsArray, ...values: Value[]): Html {
  return { markup: parts.reduce((made, part, at) => made + markupOf(values[at - 1]) + part) }
}

export const NOTHING: Html = { markup: '' }

/** What somebody else wrote, kept apart from the direction of the text around it. */
export function foreign(text: string): Html {
  return html`<bdi>${text}</bdi>`
}

function markupOf(value: Value): string {
  if (value === undefined || value === false) return ''
  if (typeof value === 'string' || typeof value === 'number') return escapeHtml(String(value))
  if ('markup' in value) return value.markup
  return value.map(markupOf).join('')
}

function escapeHtml(text: string): string {
  return text.replace(UNSEEN, '\ufffd').replace(/[&<>"'`]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
