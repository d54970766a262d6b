/**
 * The one page of the development provider: name and password, without script or request to another host. It
 * looks like the consoles that lead to it, light and dark, with the same colours as console/kit/tokens.css.
 */
import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'

const STYLE = `
:root { color-scheme: light dark; --ground: light-dark(#f4f6f8, #10161c); --paper: light-dark(#fff, #182028); --ink: light-dark(#1b2733, #e3e9ef);
  --quiet: light-dark(#536170, #a3b1be); --rule: light-dark(#7b8896, #74838f); --accent: light-dark(#14507d, #84bdec); --on: light-dark(#fff, #0b1722);
  --bad: light-dark(#a3261f, #ff9d94); --bad-ground: light-dark(#fbe9e7, #3f1d1b) }
* { box-sizing: border-box }
body { margin: 0; font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; color: var(--ink); background: var(--ground) }
main { max-width: 26rem; margin: 12vh auto 2rem; padding: 1.5rem; background: var(--paper); border: 1px solid var(--rule); border-radius: .375rem }
h1 { margin: 0 0 .5rem; font-size: 1.625rem; line-height: 1.25 }
p { margin: 0 0 1rem }
.quiet { color: var(--quiet); font-size: .875rem }
.bad { padding: .75rem 1rem; border: 2px solid var(--bad); border-radius: .375rem; background: var(--bad-ground) }
label { display: block; font-weight: 600 }
input, button { width: 100%; min-height: 2.75rem; padding: .25rem .75rem; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--rule); border-radius: .375rem }
button { background: var(--accent); border-color: var(--accent); color: var(--on); font-weight: 600; cursor: pointer }
:focus-visible { outline: 3px solid light-dark(#b15c00, #ffb454); outline-offset: 2px }
@media (width < 28rem) { main { margin: 0; min-height: 100vh; border: 0; border-radius: 0 } }
`
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

/**
 * `allowed`: the origins to which the login redirects, since browsers apply the page's form policy to
 * redirects too.
 */
export function sendSignIn(
  reply: FastifyReply,
  status: number,
  page: { action: string; client: string; allowed: string[]; name?: string },
): FastifyReply {
  const { action, client, allowed, name } = page
  const policy = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'self' ${allowed.join(' ')}`
  const field = (name: string, label: string, more: string): string =>
    `<p><label for="${name}">${label}</label><input id="${name}" name="${name}" required maxlength="255" ${more}></p>`
  const html = [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>Development login</title><style>${STYLE}</style></head><body><main><h1>Development login</h1>`,
    `<p class="quiet">For ${escapeHtml(client)}. This provider is for development only: its people and passwords lie in a file.</p>`,
    name !== undefined
      ? '<p class="bad" role="alert"><strong>This name and password do not fit.</strong> Type both again.</p>'
      : '',
    `<form method="post" action="${escapeHtml(action)}">`,
    field('name', 'Name', `autocomplete="username" autofocus value="${escapeHtml(name ?? '')}"`),
    field('password', 'Password', 'type="password" autocomplete="current-password"'),
    '<p><button type="submit">Log in</button></p></form></main></body></html>',
  ]
  return reply
    .code(status)
    .headers({ 'content-security-policy': policy, 'referrer-policy': 'no-referrer' })
    .type('text/html; charset=utf-8')
    .send(html.join(''))
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
