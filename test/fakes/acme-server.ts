/**
 * An ACME server over https whose CA is the development authority, so that it gives signing certificates too,
 * and that lies, throttles or is silent as the test says. It believes every challenge that is told to be
 * ready, and checks no signature: pebble does both.
 */
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { Authority } from '#certs/authority.ts'
import { parseCertificate } from '#core/certificate/certificate.ts'
import { requestBy } from '#security-server/keys/certification-request.ts'
import { certificatePem } from '#security-server/keys/pem.ts'
import { selfSignedCertificate } from '#security-server/keys/self-signed.ts'

export type AcmeLie =
  | 'none'
  | 'other-key'
  | 'other-subject'
  | 'no-certificate'
  | 'throttled'
  | 'silent'
  | 'trickles'
  | 'never-ends'
  | 'cannot-look'
  | 'endless'
  | 'redirects'
  | 'elsewhere'
  | 'refuses'
  | 'no-nonce'
  | 'bad-nonces'
  | 'not-json'

export type FakeAcme = {
  directoryUrl: string
  tlsCa: string
  lie: AcmeLie
  /** Every request: method and path. */
  asked: string[]
  orders: number
  /** The payload and the head of the last order, and of the last account. */
  lastOrder: Record<string, unknown>
  lastAccount: Record<string, unknown>
  lastAgent: string
  /** Whether somebody ended the account. */
  isDeactivated: boolean
  /** The window that ARI tells; without it there is none. */
  window: { start: string; end: string } | undefined
  /** When its certificates end, if not as the authority's do. */
  notAfter: Date | undefined
}

const PROBLEM = 'urn:ietf:params:acme:error:'
const NO_ADDRESS = 'error doing http GET: no such host'

type Order = { name: string; ready: boolean; valid: boolean; pem: string }

export async function startFakeAcme(
  t: Test,
  authority: Authority,
  usage: 'signing' | 'authentication',
): Promise<FakeAcme> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const names = { hostName: 'acme.example', ipAddresses: ['127.0.0.1'] }
  const tlsCa = certificatePem(parseCertificate(selfSignedCertificate({ privateKey, names, at: new Date() })))
  const orders = new Map<string, Order>()
  const server = https.createServer({
    ...{ cert: tlsCa, key: privateKey.export({ format: 'pem', type: 'pkcs8' }) },
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const at = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const fake: FakeAcme = {
    ...{
      directoryUrl: `${at}/directory`,
      tlsCa,
      lie: 'none',
      asked: [],
      orders: 0,
      window: undefined,
      notAfter: undefined,
    },
    ...{ lastOrder: {}, lastAccount: {}, lastAgent: '', isDeactivated: false },
  }

  function send(
    response: ServerResponse,
    status: number,
    body: object | string,
    more: Record<string, string> = {},
  ): void {
    const nonce: Record<string, string> = fake.lie === 'no-nonce' ? {} : { 'replay-nonce': randomUUID() }
    const type =
      typeof body === 'string'
        ? 'application/pem-certificate-chain'
        : status < 400
          ? 'application/json'
          : 'application/problem+json'
    response.writeHead(status, { 'content-type': type, ...nonce, ...more })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }
  const problem = (
    response: ServerResponse,
    status: number,
    type: string,
    more: Record<string, string> = {},
  ): void => send(response, status, { type: `${PROBLEM}${type}`, detail: `it is ${type}` }, more)

  async function certify(order: Order, csr: string): Promise<void> {
    const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
    const subject = Object.entries({ C: 'FI', O: 'Agency', serialNumber: 'DEV/ss1/GOV', CN: '1000' }).map(
      ([type, value]) => ({ type, value }),
    )
    const request =
      fake.lie === 'other-key'
        ? await requestBy({ key: other, subject, dnsNames: [order.name] })
        : Buffer.from(csr, 'base64url')
    const issued = await authority.issue({
      ...{ request, profile: usage },
      ...(fake.notAfter === undefined ? {} : { notAfter: fake.notAfter }),
      ...(fake.lie === 'other-subject'
        ? {
            subject: [
              ['C', 'FI'],
              ['O', 'Other'],
              ['2.5.4.5', 'DEV/ss1/COM'],
              ['CN', '4000'],
            ] as never,
          }
        : {}),
    })
    order.pem = fake.lie === 'no-certificate' ? 'there is none' : certificatePem(issued)
    order.valid = true
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '', method = '' } = request
    fake.asked.push(`${method} ${url}`)
    fake.lastAgent = request.headers['user-agent'] ?? ''
    const body = JSON.parse((await textOf(request)) || '{}') as Record<string, string>
    const payload = JSON.parse(Buffer.from(body['payload'] ?? '', 'base64url').toString() || '{}') as Record<
      string,
      unknown
    >
    if (fake.lie === 'silent') return
    if (fake.lie === 'trickles') {
      response.writeHead(200, { 'content-type': 'application/json' })
      const timer = setInterval(() => response.write(' '), 50)
      response.on('close', () => clearInterval(timer))
      return
    }
    if (fake.lie === 'endless') {
      response.writeHead(200, { 'content-type': 'application/json' })
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 0x20)));
      }
      response.on('drain', more)
      return more()
    }
    if (fake.lie === 'redirects') return send(response, 302, {}, { location: `${at}${url}?again` })
    if (fake.lie === 'not-json' && url === '/directory') return send(response, 200, 'hello')
    const ari = fake.window === undefined ? {} : { renewalInfo: `${at}/renewal-info` }
    if (url === '/directory')
      return send(response, 200, {
        ...{ newNonce: `${at}/nonce`, newAccount: `${at}/account`, newOrder: `${at}/order`, ...ari },
        meta: { externalAccountRequired: true, profiles: { 'signing-2': 'signing certificates' } },
      })
    if (url.startsWith('/renewal-info/')) return send(response, 200, { suggestedWindow: fake.window! })
    if (url === '/nonce') return send(response, 200, {})
    if (fake.lie === 'bad-nonces') return problem(response, 400, 'badNonce')
    if (fake.lie === 'throttled') return problem(response, 429, 'rateLimited', { 'retry-after': '7200' })
    if (url === '/account/1') {
      fake.isDeactivated = payload['status'] === 'deactivated'
      return send(response, 200, { status: fake.isDeactivated ? 'deactivated' : 'valid' })
    }
    if (url === '/account') {
      if (payload['onlyReturnExisting'] === true)
        return fake.isDeactivated
          ? problem(response, 401, 'unauthorized')
          : send(response, 200, { status: 'valid' }, { location: `${at}/account/1` })
      fake.lastAccount = payload
      return send(response, 201, { status: 'valid' }, { location: `${at}/account/1` })
    }
    if (url === '/order') {
      if (fake.lie === 'refuses') return problem(response, 403, 'rejectedIdentifier')
      fake.lastOrder = payload
      fake.orders += 1
      const id = String(fake.orders)
      const [identifier] = payload['identifiers'] as { value: string }[]
      orders.set(id, { name: identifier!.value, ready: false, valid: false, pem: '' })
      return send(
        response,
        201,
        {},
        { location: `${fake.lie === 'elsewhere' ? 'https://127.0.0.2:1' : at}/order/${id}` },
      )
    }
    const [, what, id = ''] = url.split('/')
    const order = orders.get(id)
    if (order === undefined) return problem(response, 404, 'malformed')
    if (what === 'order')
      return send(response, 200, {
        status: order.valid ? 'valid' : order.ready ? 'ready' : 'pending',
        ...{ authorizations: [`${at}/authorization/${id}`], finalize: `${at}/finalize/${id}` },
        ...(order.valid ? { certificate: `${at}/certificate/${id}` } : {}),
      })
    if (what === 'authorization')
      return send(response, 200, {
        ...{ status: order.ready ? 'valid' : 'pending', identifier: { type: 'dns', value: order.name } },
        challenges: [
          {
            ...{ type: 'http-01', url: `${at}/challenge/${id}`, token: 'a-token-of-the-fake-server' },
            // As step-ca's: it stays pending, and is looked at again when it is told once more.
            ...(fake.lie === 'cannot-look'
              ? { error: { type: `${PROBLEM}connection`, detail: NO_ADDRESS } }
              : {}),
          },
        ],
      })
    if (what === 'challenge') {
      order.ready = fake.lie !== 'never-ends' && fake.lie !== 'cannot-look'
      return send(response, 200, {})
    }
    if (what === 'finalize') {
      await certify(order, String(payload['csr']))
      return send(response, 200, {})
    }
    return send(response, 200, order.pem)
  }

  server.on('request', (request, response) => {
    answer(request, response).catch((cause: unknown) => {
      problem(response, 500, 'serverInternal')
      t.comment(String(cause))
    })
  })
  return fake
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}
