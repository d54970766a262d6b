/**
 * One half of the bare pair: the same fastify and undici in two mutual-TLS proxies, without signing or
 * logging. It is the baseline for the cost of the product. The bench starts it with its settings as JSON.
 */
import { readFileSync } from 'node:fs'
import Fastify, { type FastifyInstance } from 'fastify'
import { Pool } from 'undici'

export type BareProxySettings = {
  address: string
  port: number
  target: string
  /**
   * TLS towards clients of this proxy. The provider's half demands a certificate; the consumer's half uses
   * plain HTTP.
   */
  listensWithTls: boolean
  certificateFile: string
  keyFile: string
  authorityFile: string
}

const settings = JSON.parse(process.argv[2] ?? '{}') as BareProxySettings
const tls = {
  cert: readFileSync(settings.certificateFile),
  key: readFileSync(settings.keyFile),
  ca: readFileSync(settings.authorityFile),
}
const https = { ...tls, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' as const }
const app = (settings.listensWithTls ? Fastify({ https }) : Fastify()) as FastifyInstance
const connect = settings.target.startsWith('https:')
  ? { connect: { ...tls, checkServerIdentity: () => undefined } }
  : {}
const pool = new Pool(settings.target, { connections: 64, pipelining: 1, ...connect })

app.removeAllContentTypeParsers()
app.addContentTypeParser('*', (_request, _payload, done) => done(null))
app.all('/*', async (request, reply) => {
  const { raw } = request
  const hasBody =
    raw.headers['content-length'] !== undefined || raw.headers['transfer-encoding'] !== undefined
  const headers = Object.fromEntries(Object.entries(raw.headers).filter(([name]) => !HOP_BY_HOP.has(name)))
  const answer = await pool.request({
    method: raw.method as 'GET',
    path: raw.url ?? '/',
    headers: headers as Record<string, string>,
    body: hasBody ? raw : null,
  })
  delete answer.headers['transfer-encoding']
  delete answer.headers['connection']
  return reply
    .code(answer.statusCode)
    .headers(answer.headers as Record<string, string>)
    .send(answer.body)
})

const HOP_BY_HOP = new Set([
  'host',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'expect',
])

await app.listen({ host: settings.address, port: settings.port })
process.on('disconnect', () => process.exit(0))
process.send?.({ ready: true })
