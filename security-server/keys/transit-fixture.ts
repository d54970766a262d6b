/** A server for tests that speaks as a transit engine does, and lies when it is told to. */
import { generateKeyPairSync, sign } from 'node:crypto'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { parseCertificate } from '#core/certificate/certificate.ts'
import { certificatePem } from './pem.ts'
import { selfSignedCertificate } from './self-signed.ts'

export type Lie = (
  url: string,
  body: Record<string, unknown>,
) => Answer | undefined | Promise<Answer | undefined>
/** Status 0: none. */
type Answer = { status?: number; json?: object; text?: string; headers?: Record<string, string> }

/** Speaks as a transit engine does, but for what `lie` says. */
export async function startLiar(t: Test) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const names = { hostName: 'liar.example', ipAddresses: ['127.0.0.1'] }
  const ca = certificatePem(parseCertificate(selfSignedCertificate({ privateKey, names, at: new Date() })))
  const liar = { lie: (() => undefined) as Lie, asked: [] as string[], logins: 0, pair }
  const server = https.createServer(
    { cert: ca, key: privateKey.export({ format: 'pem', type: 'pkcs8' }) },
    (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', async () => {
        const body = JSON.parse(Buffer.concat(chunks).toString() || '{}') as Record<string, unknown>
        const url = request.url!.slice('/v1/'.length)
        liar.asked.push(`${request.method} ${url}`)
        const lied = await liar.lie(url, body)
        if (lied?.status === 0) return
        response.writeHead(lied?.status ?? 200, { 'content-type': 'application/json', ...lied?.headers })
        response.end(lied?.text ?? JSON.stringify(lied?.json ?? honest(url)))
      })
    },
  )
  const honest = (url: string): object => {
    if (url.endsWith('/login')) {
      liar.logins += 1
      return { auth: { client_token: `token-${liar.logins}`, lease_duration: 3600, renewable: true } }
    }
    if (url === 'auth/token/lookup-self') return { data: { ttl: 3600, renewable: true } }
    if (url.startsWith('transit/keys/'))
      return {
        data: {
          ...{
            type: 'ecdsa-p256',
            latest_version: 1,
            exportable: false,
            allow_plaintext_backup: false,
            imported_key: false,
          },
          keys: { 1: { public_key: pair.publicKey.export({ format: 'pem', type: 'spki' }) } },
        },
      }
    if (/^auth|config$/.test(url)) return { data: {} }
    // Of other data than was asked for.
    const value = sign('sha256', Buffer.from('other data'), {
      key: pair.privateKey,
      dsaEncoding: 'ieee-p1363',
    })
    return { data: { signature: `vault:v1:${value.toString('base64url')}` } }
  }
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { liar, ca, url: `https://127.0.0.1:${(server.address() as AddressInfo).port}` }
}
