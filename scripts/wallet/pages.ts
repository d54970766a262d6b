/**
 * The pages of the wallet: what it holds, who asks for what, what came of it. Each says that it is for
 * trying.
 */
import { type Html, html, NOTHING } from '#adapters/portal/pages/html.ts'
import { readJsonObject } from '#core/presentation/json.ts'
import type { Request } from './answer-request.ts'
import type { Held } from './held.ts'

const STYLE = `:root{color-scheme:light dark}body{font:1.0625rem/1.5 system-ui,sans-serif;max-inline-size:36rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}
.trying{border:.125rem dashed;padding:.5rem 1rem;border-radius:.5rem}button{min-block-size:2.75rem;padding:0 1.25rem;font:inherit}textarea{inline-size:100%;min-block-size:6rem;font:inherit}
form{display:grid;gap:.5rem;justify-items:start;margin-block:1rem}`

/** For the policy: the one style that these pages have. */
export const STYLES = STYLE

export function homePage(name: string, held: Held[]): string {
  return page(
    `Wallet of ${name}`,
    html`<h2>It holds</h2>
<ul>${held.map(({ format, type, paths }) => html`<li>${type} (${format}): ${paths.map((path) => path.at(-1)).join(', ')}</li>`)}</ul>
<h2>Answer a request</h2>
<form method="get" action="/paste"><label for="text">The text of a QR code</label>
<textarea id="text" name="text" required></textarea><button type="submit">Look at it</button></form>`,
  )
}

/** `text` names the request; it is fetched again when the person decides. */
export function requestPage(text: string, { asked, by, answers }: Request): string {
  const decision = (agrees: string, label: string): Html =>
    html`<form method="post" action="/answer"><input type="hidden" name="text" value="${text}"><input type="hidden" name="agrees" value="${agrees}">
<button type="submit">${label}</button></form>`
  const claims = (answers ?? []).flatMap(({ query, held }) =>
    (query.claims ?? []).map(({ path }) => html`<li>${String(path.at(-1))} of ${held.type}</li>`),
  )
  return page(
    'Somebody asks',
    html`<p><strong>${by}</strong> asks for:</p>
${answers === undefined ? html`<p>This wallet does not have what is asked for.</p>` : html`<ul>${claims}</ul>`}
${asked.transactionData.map(({ text: entry }) => transactionOf(entry))}
${answers === undefined ? NOTHING : decision('yes', 'Show it')}
${decision('no', 'Decline')}`,
  )
}

export function saidPage(title: string, text: string): string {
  return page(title, html`<p role="status">${text}</p><p><a href="/">Back to the wallet</a></p>`)
}

/** What the person agrees to by showing it. */
function transactionOf(entry: string): Html {
  const content = readJsonObject(Buffer.from(entry, 'base64url').toString(), 'record_malformed')
  const { purpose, contract, operation, fields, expires } = content
  return html`<p>With it you agree to: <strong>${String(purpose)}</strong></p>
<p>${String(operation)}, under the contract ${String(contract)}: ${Array.isArray(fields) ? fields.map(String).join(', ') : ''}; until ${String(expires)}.</p>`
}

function page(title: string, content: Html): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>
<style>${{ markup: STYLE }}</style></head>
<body><main><p class="trying">A wallet for trying, with credentials that prove nothing outside this machine.</p><h1>${title}</h1>
${content}</main></body></html>
`.markup
}
