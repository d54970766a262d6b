/** The pages of the login itself, without script, style or request to another host. */
import type { FastifyReply } from 'fastify'

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  // The address of a callback contains a code.
  'referrer-policy': 'no-referrer',
}

/** A page with a heading, paragraphs of plain text, and a link to continue. */
export function sendPage(
  reply: FastifyReply,
  status: number,
  page: { title: string; paragraphs: string[]; link?: { href: string; text: string }; next?: string },
): FastifyReply {
  const { title, paragraphs, link, next } = page
  const html = [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    next === undefined ? '' : `<meta http-equiv="refresh" content="0;url=${escapeHtml(next)}">`,
    `<title>${escapeHtml(title)}</title></head><body><main><h1>${escapeHtml(title)}</h1>`,
    ...paragraphs.map((text) => `<p>${escapeHtml(text)}</p>`),
    link === undefined ? '' : `<p><a href="${escapeHtml(link.href)}">${escapeHtml(link.text)}</a></p>`,
    '</main></body></html>',
  ]
  return reply.code(status).headers(HEADERS).type('text/html; charset=utf-8').send(html.join(''))
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
