/** The one page of the development provider: name and password, without script, style or request to another host. */
import type { FastifyReply } from 'fastify'

/** `allowed`: the origins to which the login redirects, since browsers apply the page's form policy to redirects too. */
export function sendSignIn(
  reply: FastifyReply,
  status: number,
  page: { action: string; client: string; allowed: string[]; name?: string },
): FastifyReply {
  const { action, client, allowed, name } = page
  const policy = `default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self' ${allowed.join(' ')}`
  const field = (name: string, label: string, more: string): string =>
    `<p><label for="${name}">${label}</label><br><input id="${name}" name="${name}" required maxlength="255" ${more}></p>`
  const html = [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<title>Development login</title></head><body><main><h1>Development login</h1>',
    `<p>For ${escapeHtml(client)}. This provider is for development only: its people and passwords lie in a file.</p>`,
    name !== undefined ? '<p role="alert"><strong>This name and password do not fit.</strong></p>' : '',
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
