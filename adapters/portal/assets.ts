/**
 * The few files that pages load: the style, a little script, the sign; and the page that verifies proofs
 * offline, if it is built.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import type { FastifyInstance } from 'fastify'

const CONSOLE = path.join(import.meta.dirname, '../../console')
const FILES = {
  tokens: { file: 'kit/tokens.css', type: 'text/css; charset=utf-8' },
  style: { file: 'citizen/citizen.css', type: 'text/css; charset=utf-8' },
  script: { file: 'citizen/citizen.js', type: 'text/javascript; charset=utf-8' },
  icon: { file: 'citizen/icon.svg', type: 'image/svg+xml' },
} as const
/** Made by `concordat console`. */
const VERIFY = path.join(CONSOLE, 'dist/agency/verify.html')
const FOR_EVER = 'public, max-age=31536000, immutable'

type Assets = Record<keyof typeof FILES, string>

/** Adds their routes; returns their addresses, which change with the content. */
export async function serveAssets(app: FastifyInstance): Promise<Assets> {
  const served = Object.entries(FILES).map(async ([name, { file, type }]) => {
    const content = await readFile(path.join(CONSOLE, file))
    const packed = brotliCompressSync(content)
    const digest = createHash('sha256').update(content).digest('base64url').slice(0, 10)
    const address = `/assets/${digest}${path.extname(file)}`
    app.get(address, async ({ headers }, reply) => {
      reply.headers({ 'cache-control': FOR_EVER, vary: 'accept-encoding' }).type(type)
      if (!/\bbr\b/.test(headers['accept-encoding'] ?? '')) return reply.send(content)
      return reply.header('content-encoding', 'br').send(packed)
    })
    return [name, address] as const
  })
  return Object.fromEntries(await Promise.all(served)) as Assets
}

/** The page that verifies offline, to be kept with the proofs; undefined if it was not built. */
export function readVerifyPage(): Promise<Buffer | undefined> {
  return readFile(VERIFY).catch(() => undefined)
}
