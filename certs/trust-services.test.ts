/** The trust services over HTTP and as a process: openssl as client, every fault switch, start and end. */
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import t from 'tap'
import { readCertificate } from '#core/certificate/certificate.ts'
import { buildOcspRequest } from '#core/certificate/ocsp-request.ts'
import { verifyOcspResponse } from '#core/certificate/ocsp-response.ts'
import { buildTimeStampRequest } from '#core/timestamp/time-stamp-request.ts'
import { readTimeStampResponse } from '#core/timestamp/time-stamp-response.ts'
import { verifyTimeStampToken } from '#core/timestamp/verify-token.ts'
import { concordatProgram } from '#test/concordat-program.ts'
import { findProgram, skipFor } from '#test/outside-tools.ts'
import { createAuthority } from './authority.ts'
import { pemOf } from './pem.ts'
import { FAULT_MODES } from './switches.ts'
import { startTrustServices } from './trust-services.ts'

const openssl = findProgram(['openssl'])
const folder = mkdtempSync(path.join(tmpdir(), 'concordat-trust-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const run = promisify(execFile)
const now = (): Date => new Date()

function file(name: string, content?: string | Buffer): string {
  if (content !== undefined) writeFileSync(path.join(folder, name), content)
  return path.join(folder, name)
}

const SUBJECT = '/C=FI/O=Tax agency/serialNumber=DEV\\/SS1\\/GOV/CN=1234'
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('key')]
const DATA = Buffer.from('data')
const QUERY = buildTimeStampRequest({ imprint: createHash('sha512').update(DATA).digest() })

async function post(url: string, type: string, body: Buffer): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'content-type': type }, body: new Uint8Array(body) })
}

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer())
}

t.test('openssl is served, and the switches do what they say', async (t) => {
  if (openssl === undefined) return skipFor(t, 'no openssl')
  const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
  const services = await startTrustServices({ authority, host: '127.0.0.1', apiKey: 'secret' })
  t.teardown(() => services.close())
  const { caUrl, ocspUrl, tsaUrl } = services

  await run(openssl, ['req', '-new', ...KEY, '-subj', SUBJECT, '-out', file('request')])
  const issue = (profile: string): Promise<Response> =>
    post(`${caUrl}/certificates?profile=${profile}`, 'application/pkcs10', readFileSync(file('request')))
  const issued = await issue('signing')
  t.equal(issued.status, 200)
  const leaf = readCertificate(await bytesOf(issued))
  const short = readCertificate(await bytesOf(await issue('signing&days=3')))
  t.ok(short.notAfter.getTime() - Date.now() <= 3 * 86_400_000, 'as short as it is asked for')
  for (const days of ['0', '731', '-1', '1e1', '3&days=4', ''])
    t.equal((await issue(`signing&days=${days}`)).status, 400, `days=${days}`)
  for (const which of ['root', 'intermediate', 'tsa'] as const) {
    t.equal(await (await fetch(`${caUrl}/${which}`)).text(), pemOf(authority[which]))
  }
  const [rootFile, intermediateFile] = [
    file('root.pem', pemOf(authority.root)),
    file('intermediate.pem', pemOf(authority.intermediate)),
  ]

  const about = ['-issuer', intermediateFile, '-cert', file('leaf.pem', pemOf(leaf)), '-nonce']
  const trust = ['-CAfile', rootFile, '-verify_other', intermediateFile]
  const opensslAsks = async (): Promise<string> => {
    const { stdout, stderr } = await run(openssl, ['ocsp', ...about, ...trust, '-url', `${ocspUrl}/`])
    return stdout + stderr
  }
  t.match(await opensslAsks(), /leaf\.pem: good.*Response verify OK/s)
  const upper = ['-issuer', rootFile, '-cert', intermediateFile, '-CAfile', rootFile, '-url', `${ocspUrl}/`]
  t.match((await run(openssl, ['ocsp', ...upper])).stdout, /intermediate\.pem: good/)

  await run(openssl, ['ts', '-query', '-data', file('data', DATA), '-sha512', '-cert', '-out', file('query')])
  const stamped = await post(tsaUrl, 'application/timestamp-query', readFileSync(file('query')))
  t.equal(stamped.headers.get('content-type'), 'application/timestamp-reply')
  file('reply', await bytesOf(stamped))
  const reply = ['-queryfile', file('query'), '-in', file('reply'), '-CAfile', rootFile]
  const said = await run(openssl, ['ts', '-verify', ...reply, '-untrusted', intermediateFile])
  t.match(said.stdout + said.stderr, /Verification: OK/)

  const status = async (): Promise<string> => {
    const { issuer, certificate } = { issuer: authority.intermediate, certificate: leaf }
    const asked = buildOcspRequest(certificate, issuer)
    const answer = await post(ocspUrl, 'application/ocsp-request', asked)
    const response = await bytesOf(answer)
    const responders = [authority.ocspResponder]
    verifyOcspResponse({ response, certificate, issuer, responders, at: now(), freshnessSeconds: 600 })
    return 'good'
  }
  const stamp = async (): Promise<Date> => {
    const token = readTimeStampResponse(
      await bytesOf(await post(tsaUrl, 'application/timestamp-query', QUERY)),
    )
    return verifyTimeStampToken({ token, data: DATA, tsaCertificates: [authority.tsa] }).time
  }
  const weekAgo = Date.now() - 6 * 86_400_000
  t.equal(await status(), 'good')
  t.ok((await stamp()).getTime() > weekAgo)
  const expected: Record<string, [ocsp: RegExp, tsa: RegExp | 'old']> = {
    down: [/fetch failed/, /fetch failed/],
    stale: [/too old/, 'old'],
    malformed: [/malformed/, /malformed/],
    revoked: [/revoked/, /refused/],
    unknown: [/unknown/, /refused/],
    'wrong-signer': [/not authorised/, /not in the configuration/],
  }
  t.same([...Object.keys(expected), 'none', 'slow'].sort(), [...FAULT_MODES].sort())
  for (const [mode, [ocsp, tsa]] of Object.entries(expected)) {
    services.fault('ocsp', mode as 'down')
    services.fault('tsa', mode as 'down')
    await t.rejects(status(), ocsp, mode)
    if (tsa === 'old') t.ok((await stamp()).getTime() < weekAgo)
    else await t.rejects(stamp(), tsa, mode)
  }
  for (const service of ['ca', 'ocsp', 'tsa'] as const) services.fault(service, 'slow', 1)
  t.equal(await status(), 'good', 'late, but there')
  t.equal((await issue('signing')).status, 200)
  for (const service of ['ca', 'ocsp', 'tsa'] as const) services.fault(service, 'none')

  services.fault('ca', 'stale')
  t.ok(readCertificate(await bytesOf(await issue('signing'))).notAfter < now())
  services.fault('ca', 'malformed')
  const cut = await bytesOf(await issue('signing'))
  t.throws(() => readCertificate(cut))
  services.fault('ca', 'down')
  await t.rejects(issue('signing'), /fetch failed/)
  services.fault('ca', 'revoked')
  t.equal((await issue('signing')).status, 503)
  services.fault('ca', 'none')

  services.setClockOffset('all', 86_400_000)
  await t.rejects(status(), /ahead/)
  t.ok((await stamp()).getTime() > Date.now() + 86_000_000)
  t.ok(readCertificate(await bytesOf(await issue('signing'))).notBefore > now())
  services.setClockOffset('all', 0)
  t.throws(() => services.fault('ca', 'broken' as 'down'), { code: 'invalid_input' })

  t.equal((await issue('nothing')).status, 400)
  t.equal((await issue('authentication')).status, 200)
  t.equal((await post(ocspUrl, 'text/plain', QUERY)).status, 400)
  t.equal((await post(tsaUrl, 'application/ocsp-request', QUERY)).status, 400)
  t.equal((await post(tsaUrl, 'application/timestamp-query', Buffer.alloc(70_000))).status, 413)

  const admin = async (method: string, url: string, body: unknown, key = 'secret'): Promise<Response> =>
    fetch(url, {
      method,
      headers: { authorization: `X-Road-ApiKey token=${key}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  t.equal((await admin('PUT', `${tsaUrl}/admin/switch`, { mode: 'down' }, 'other')).status, 401)
  t.equal((await fetch(`${tsaUrl}/admin/switch`)).status, 401)
  t.equal((await fetch(`${ocspUrl}/health/live`)).status, 200)
  t.match(await (await admin('PUT', `${tsaUrl}/admin/switch`, { mode: 'down' })).json(), { mode: 'down' })
  const ready = await fetch(`${tsaUrl}/health/ready`)
  t.equal(ready.status, 503)
  t.match(await ready.json(), { checks: [{ reason: 'switched down' }] })
  t.equal((await admin('PUT', `${tsaUrl}/admin/switch`, { mode: 'none', more: 1 })).status, 400)
  t.match(await (await admin('GET', `${tsaUrl}/admin/switch`, undefined)).json(), { clockOffsetMs: 0 })

  const serialNumber = leaf.serialNumber.toString(16)
  t.equal((await admin('POST', `${caUrl}/revocations`, { serialNumber }, 'other')).status, 401)
  t.equal((await admin('POST', `${caUrl}/revocations`, { serialNumber: 'x' })).status, 400)
  t.equal((await admin('POST', `${caUrl}/revocations`, { serialNumber, reason: 99 })).status, 400)
  t.equal((await admin('POST', `${caUrl}/revocations`, { serialNumber: '1' })).status, 404)
  t.equal((await admin('POST', `${caUrl}/revocations`, { serialNumber, reason: 1 })).status, 204)
  t.match(await opensslAsks(), /leaf\.pem: revoked.*keyCompromise/s)

  services.fault('ocsp', 'slow', 600_000)
  const waiting = status()
  const outcome = waiting.then(
    () => 'answered',
    () => 'broken off',
  )
  await new Promise((resolve) => setTimeout(resolve, 20))
  await services.close()
  t.equal(await outcome, 'broken off', 'closing does not wait for slow answers')
})

t.test('as a process', async (t) => {
  const settings = 'instance: DEV\ndirectory: ./state\ncaPort: 0\nocspPort: 0\ntsaPort: 0\n'
  const start = async (configuration: string): Promise<{ line: string; code: number; root: string }> => {
    const args = ['trust-services', '--configuration', configuration]
    const child = spawn(concordatProgram(), args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const ended = once(child, 'exit')
    const lines: string[] = []
    let root = ''
    for await (const line of createInterface(child.stdout)) {
      const caUrl = /is ready: CA (\S+),/.exec(line)?.[1]
      if (caUrl === undefined) continue
      lines.push(line)
      root = await (await fetch(`${caUrl}/root`)).text()
      child.kill('SIGTERM')
    }
    const [code] = (await ended) as [number]
    return { line: lines.at(-1) ?? '', code, root }
  }
  const first = await start(file('good.yaml', settings))
  t.match(first, { line: /trust-services is ready/, code: 0, root: /BEGIN CERTIFICATE/ })
  const second = await start(file('good.yaml'))
  t.same({ code: second.code, root: second.root }, { code: 0, root: first.root }, 'the same authority')
  t.same(await start(file('bad.yaml', `${settings}colour: red\n`)), { line: '', code: 2, root: '' })
  t.same(await start(file('other.yaml', settings.replace('DEV', 'TEST'))), { line: '', code: 2, root: '' })
})
