/**
 * Serves built web pages below a path, from memory and with a content security policy that allows only this
 * server's own files. Every address without a file gets the single page, which interprets the address. If
 * nothing was built, a page explains how to build it.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Fault } from '#schemas/fault.ts'

type Page = { type: string; content: Buffer; packed: Packed[]; etag: string; cache: string }

/**
 * What the build has compressed, the smallest first: compressing again and again would be work for nothing.
 */
type Packed = { encoding: string; content: Buffer }

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json; charset=utf-8',
}
const INDEX = 'index.html'
// The build puts a digest of the content into the file names of this folder.
const HASHED = 'assets/'
const FOR_EVER = 'public, max-age=31536000, immutable'
const ENCODINGS = { br: '.br', gzip: '.gz' }
const MAX_FILES = 500
const MAX_BYTES = 16 * 1024 * 1024

const HEADERS = {
  'content-security-policy': [
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'",
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
}

/** `prefix` has no slash at its end; `how` is the command that builds the files in `directory`. */
export function servePages(
  app: FastifyInstance,
  q: { prefix: string; directory: string; how: string },
): void {
  let pages: Map<string, Page> | undefined
  const serve = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    reply.headers(HEADERS)
    pages ??= await readPages(q.directory)
    if (pages === undefined) return reply.code(503).type(TYPES['.html']!).send(notBuilt(q.how))
    const name = (request.params as { '*'?: string })['*'] ?? ''
    const page = pages.get(name) ?? (isAddress(name) ? pages.get(INDEX) : undefined)
    if (page === undefined) throw new Fault('not_found')
    const { encoding, content } = chosen(page, request.headers['accept-encoding'])
    const etag = encoding === undefined ? page.etag : page.etag.replace(/"$/, `-${encoding}"`)
    reply.headers({ 'cache-control': page.cache, etag, vary: 'accept-encoding' })
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
    if (encoding !== undefined) reply.header('content-encoding', encoding)
    return reply.type(page.type).send(content)
  }
  // Served from memory: otherwise loading a page with its files would use up an address's rate limit.
  const config = { rateLimit: false }
  app.get(q.prefix, { config }, async (_request, reply) => reply.redirect(`${q.prefix}/`, 308))
  app.get(`${q.prefix}/*`, { config }, serve)
}

/**
 * The first form that the browser accepts. One that it accepts with a weight is not taken: no browser says
 * such a thing of these.
 */
function chosen(page: Page, accepted = ''): { encoding?: string; content: Buffer } {
  const names = accepted.split(',').map((name) => name.trim().toLowerCase())
  return page.packed.find(({ encoding }) => names.includes(encoding)) ?? { content: page.content }
}

/** Addresses for the page itself: all except file names that the build makes. */
function isAddress(name: string): boolean {
  return !name.startsWith(HASHED)
}

async function readPages(directory: string): Promise<Map<string, Page> | undefined> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = entries.filter((entry) => entry.isFile() && TYPES[path.extname(entry.name)] !== undefined)
  const pages = new Map<string, Page>()
  let bytes = 0
  for (const entry of files.slice(0, MAX_FILES)) {
    const file = path.join(entry.parentPath, entry.name)
    const name = path.relative(directory, file).split(path.sep).join('/')
    const content = await readFile(file)
    const packed = await readPacked(file)
    for (const one of [content, ...packed.map((form) => form.content)]) bytes += one.length
    if (bytes > MAX_BYTES) throw new Fault('io_error', { what: `${directory} holds more than a build makes` })
    pages.set(name, {
      type: TYPES[path.extname(name)]!,
      content,
      packed,
      etag: `"${createHash('sha256').update(content).digest('base64url')}"`,
      cache: name.startsWith(HASHED) ? FOR_EVER : 'no-cache',
    })
  }
  return pages.has(INDEX) ? pages : undefined
}

async function readPacked(file: string): Promise<Packed[]> {
  const forms = Object.entries(ENCODINGS).map(async ([encoding, end]) => {
    const content = await readFile(file + end).catch(() => undefined)
    return content === undefined ? [] : [{ encoding, content }]
  })
  return (await Promise.all(forms)).flat()
}

function notBuilt(how: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Not built</title>
<h1>These pages are not built yet</h1><p>Run <code>${how}</code> where this server is installed, then reload.</p></html>`
}
