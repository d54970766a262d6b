/**
 * The TLS profiles against OpenSSL's own client and server, with P-256 and RSA authentication certificates.
 * The suites of an X-Road server connect, everything weaker is refused, in both directions.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { findProgram, skipFor } from '#test/outside-tools.ts'
import { until } from '#test/until.ts'
import { certificatePem } from '../keys/pem.ts'
import { proposeSubject } from '../keys/propose-subject.ts'
import { createOcspByHash } from './ocsp-by-hash.ts'
import { createPeerWorld, type Server } from './peer-fixture.ts'
import { tlsCredentials } from './tls-profile.ts'
import { clientOf, listen, onlySs2, PORTS, REQUEST, textOf } from './wire-fixture.ts'

/** The suites of an X-Road server, which speaks TLS 1.2 only (wire, ports and TLS). */
const ECDHE_RSA = 'ECDHE-RSA-AES256-SHA384'
const DHE_RSA = 'DHE-RSA-AES256-SHA256'
const ECDHE_ECDSA = 'ECDHE-ECDSA-AES256-SHA384'
const XROAD = [ECDHE_RSA, DHE_RSA, ECDHE_ECDSA].join(':')
/** Makes OpenSSL offer suites that it disables by default. */
const WEAK = ':@SECLEVEL=0'

const world = await createPeerWorld(t)
const openssl = findProgram(['openssl'])
const folder = mkdtempSync(path.join(tmpdir(), 'concordat-tls-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

type KeyKind = 'P-256' | 'RSA-2048'

/** Makes certificates of both kinds for a server. */
async function certify(server: Server): Promise<Record<KeyKind, string>> {
  const made = {} as Record<KeyKind, string>
  for (const algorithm of ['P-256', 'RSA-2048'] as const) {
    const key = await server.keys.createKey({ usage: 'AUTHENTICATION', label: algorithm, algorithm })
    const profile = world.globalConfiguration.current().index.shared.approvedCas[0]!.certificateProfileInfo
    const who = { member: server.id, memberName: 'Agency', server: server.id, dnsName: 'ss.example' }
    const { request } = await server.keys.createRequest({
      keyId: key.id,
      subject: proposeSubject({ profile, usage: 'AUTHENTICATION', ...who }),
    })
    const certificate = await world.authority.issue({ request, profile: 'authentication' })
    made[algorithm] = (await server.keys.importCertificate(certificate.der)).sha256
  }
  return made
}

const certified = {
  ss1: await certify(world.consumer),
  ss2: await certify(world.provider),
}

/** Registers only the certificates of these kinds, so that both servers present them. */
function present(consumer: KeyKind, provider: KeyKind): void {
  world.restore()
  onlySs2(world)
  const hashes: Record<string, string> = { ss1: certified.ss1[consumer], ss2: certified.ss2[provider] }
  world.reconfigure((shared) => ({
    ...shared,
    securityServers: shared.securityServers.map((one) => {
      const hash = hashes[one.id.serverCode]
      return hash === undefined ? one : { ...one, authCertHashes: [Buffer.from(hash, 'hex')] }
    }),
  }))
}

/** Key, certificate and chain of a server as command-line options with files for OpenSSL. */
function credentialFiles(server: Server): string[] {
  const identity = server.keys.authenticationIdentity()
  const file = (name: string, text: string): string => {
    const made = path.join(folder, `${identity.certificate.sha256.slice(0, 16)}-${name}`)
    writeFileSync(made, text, { mode: 0o600 })
    return made
  }
  const { key } = tlsCredentials(identity)
  return [
    ...['-key', file('key.pem', key), '-cert', file('cert.pem', certificatePem(identity.certificate))],
    ...['-cert_chain', file('chain.pem', identity.intermediates.map(certificatePem).join(''))],
  ]
}

/** Sends one request with OpenSSL's client; returns the status line, or why there is none. */
function askByOpenssl(server: Server, args: string[]): Promise<string> {
  const where = ['-connect', `${server.address}:${PORTS.messagePort}`, '-quiet']
  const child = spawn(openssl!, ['s_client', ...where, ...args])
  let text = ''
  return new Promise((resolve) => {
    const collect = (chunk: Buffer): void => {
      text += chunk.toString()
      if (/HTTP\/1\.1 \d+/.test(text)) child.kill()
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.stdin.on('error', () => undefined)
    child.once('close', () => resolve(/HTTP\/1\.1 \d+/.exec(text)?.[0] ?? text))
    child.stdin.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n')
  })
}

/** Runs OpenSSL's server in the place of the provider: it reads one request per connection and answers. */
async function serveByOpenssl(t: Test, server: Server, args: string[]): Promise<void> {
  const where = ['-accept', `${server.address}:${PORTS.messagePort}`, '-quiet', '-Verify', '3']
  const child: ChildProcessWithoutNullStreams = spawn(openssl!, ['s_server', ...where, ...args])
  const ended = once(child, 'exit')
  child.stdin.on('error', () => undefined)
  child.stderr.resume()
  child.stdout.on('data', (chunk: Buffer) => {
    if (chunk.toString().includes('POST / HTTP/1.1')) {
      child.stdin.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfine')
    }
  })
  t.teardown(async () => {
    child.kill()
    // The next one needs its port.
    await ended
  })
  const responder = createOcspByHash(server.keys)
  await responder.listen({ host: server.address, port: PORTS.ocspPort })
  t.teardown(() => responder.close())
}

t.test("what an X-Road server's client offers is taken, what is weaker is not", async (t) => {
  if (openssl === undefined) return skipFor(t, 'openssl is not installed')
  for (const [provider, consumer, suites] of [
    ['P-256', 'RSA-2048', [XROAD, ECDHE_ECDSA]],
    ['RSA-2048', 'P-256', [XROAD, ECDHE_RSA, DHE_RSA]],
    ['RSA-2048', 'RSA-2048', [XROAD, DHE_RSA, 'ECDHE-RSA-AES256-GCM-SHA384']],
  ] as const) {
    await t.test(`${consumer} to ${provider}`, async (t) => {
      present(consumer, provider)
      const seen: string[] = []
      const ss1 = idText(world.consumer.id)
      await listen(t, world, world.provider, {
        tls12: [ss1],
        ocsp: false,
        answer: (request, reply) => {
          const socket = request.raw.socket as TLSSocket
          seen.push(`${socket.getProtocol()} ${socket.getCipher().name} ${socket.isSessionReused()}`)
          return reply.send('fine')
        },
      })
      const own = credentialFiles(world.consumer)
      const ask = (...args: string[]): Promise<string> => askByOpenssl(world.provider, [...own, ...args])
      for (const suite of suites) {
        t.equal(await ask('-tls1_2', '-cipher', suite), 'HTTP/1.1 200', suite)
        const expected = suite === XROAD ? (provider === 'P-256' ? ECDHE_ECDSA : ECDHE_RSA) : suite
        t.equal(seen.at(-1), `TLSv1.2 ${expected} false`)
      }
      t.equal(await ask(), 'HTTP/1.1 200')
      t.match(seen.at(-1), /^TLSv1\.3 /, 'the newer one where both have it')
      const all = `ALL:COMPLEMENTOFALL${WEAK}`
      t.equal(await ask('-tls1_2', '-cipher', all), 'HTTP/1.1 200')
      t.match(seen.at(-1), /GCM/, 'authenticated encryption where both have it')
      const session = path.join(folder, 'session')
      for (const which of ['-sess_out', '-sess_in']) {
        t.equal(await ask('-tls1_2', '-cipher', suites[0], which, session), 'HTTP/1.1 200')
      }
      t.match(seen.at(-1), / false$/, 'a session is not resumed')

      const served = seen.length
      const refused: [string, string[]][] = [
        ['TLS 1.1', ['-tls1_1', '-cipher', all]],
        ['TLS 1.0', ['-tls1', '-cipher', all]],
        ...[
          ['RSA key exchange', `AES256-GCM-SHA384:AES256-SHA256:AES256-SHA:AES128-SHA${WEAK}`],
          ['128-bit CBC', `ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA256:DHE-RSA-AES128-SHA256${WEAK}`],
          ['CBC with SHA-1', `ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES256-SHA:DHE-RSA-AES256-SHA${WEAK}`],
          ['no authentication', `aNULL${WEAK}`],
          ['no encryption', `eNULL${WEAK}`],
        ].map(([what, ciphers]): [string, string[]] => [what!, ['-tls1_2', '-cipher', ciphers!]]),
      ]
      for (const [what, args] of refused)
        t.match(await ask(...args), /alert (handshake failure|protocol version)/, what)
      const stranger = ['-tls1_2', '-cipher', suites[0]]
      t.notMatch(await askByOpenssl(world.provider, stranger), /^HTTP/, 'no certificate')
      t.equal(seen.length, served, 'nothing of it reached a handler')
    })
  }
})

t.test('while the profile is off TLS 1.2 is refused', async (t) => {
  if (openssl === undefined) return skipFor(t, 'openssl is not installed')
  present('RSA-2048', 'RSA-2048')
  await listen(t, world, world.provider, { ocsp: false })
  const own = credentialFiles(world.consumer)
  t.equal(await askByOpenssl(world.provider, own), 'HTTP/1.1 200')
  t.match(await askByOpenssl(world.provider, [...own, '-tls1_2']), /alert protocol version/)
})

t.test("our client speaks to what an X-Road server's listener offers, and to nothing weaker", async (t) => {
  if (openssl === undefined) return skipFor(t, 'openssl is not installed')
  const ss2 = idText(world.provider.id)
  for (const [provider, consumer, suites] of [
    ['P-256', 'RSA-2048', [XROAD]],
    ['RSA-2048', 'P-256', [XROAD, DHE_RSA]],
    ['RSA-2048', 'RSA-2048', [ECDHE_RSA]],
  ] as const) {
    for (const suite of suites) {
      await t.test(`${consumer} to ${provider} by ${suite}`, async (t) => {
        present(consumer, provider)
        const own = credentialFiles(world.provider)
        await serveByOpenssl(t, world.provider, [...own, '-tls1_2', '-cipher', suite])
        const named = clientOf(t, world, { tls12: [ss2], connectTimeoutMs: 10_000 })
        t.equal(await textOf((await retried(() => named.post(REQUEST))).content), 'fine')
        const others = clientOf(t, world, { tls12: [idText(world.second.id)] })
        await t.rejects(
          others.post(REQUEST),
          { code: 'tls_failed', message: /speaks no TLS 1\.3 .* peers\.xroadTlsPeers/ },
          'only where the operator named it, and else it says so',
        )
      })
    }
  }
  for (const [what, args] of [
    ['TLS 1.1', ['-tls1_1', '-cipher', `ALL${WEAK}`]],
    ['RSA key exchange', ['-tls1_2', '-cipher', `AES256-GCM-SHA384:AES256-SHA256:AES256-SHA${WEAK}`]],
    ['CBC with SHA-1', ['-tls1_2', '-cipher', `ECDHE-RSA-AES256-SHA:DHE-RSA-AES256-SHA${WEAK}`]],
  ] as const) {
    await t.test(`refused: ${what}`, async (t) => {
      present('RSA-2048', 'RSA-2048')
      await serveByOpenssl(t, world.provider, [...credentialFiles(world.provider), ...args])
      const named = clientOf(t, world, { tls12: [ss2] })
      const failure = await retried(() => named.post(REQUEST)).then(
        () => 'it answered',
        (cause: unknown) => cause as Fault,
      )
      t.match(failure, {
        code: 'tls_failed',
        message: /no version and suite in common/,
        cause: { message: /alert (protocol version|handshake failure)/ },
      })
    })
  }
})

/** OpenSSL's server does not report when it is ready, so the act is repeated while nobody listens. */
async function retried<T>(act: () => Promise<T>): Promise<T> {
  const { value } = await until('a server that listens', async (saw) => {
    try {
      return { value: await act() }
    } catch (cause) {
      const refused = JSON.stringify([cause, (cause as Fault).cause]).includes('ECONNREFUSED')
      if (!(cause instanceof Fault) || !refused) throw cause
      return void saw(cause)
    }
  })
  return value
}
