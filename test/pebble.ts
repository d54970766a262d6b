/**
 * Pebble, the ACME server that Let's Encrypt made for tests, as a process on a loopback address, with a DNS
 * server that answers as the test says.
 */
import { spawn } from 'node:child_process'
import { generateKeyPairSync, randomInt } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { Agent, request } from 'undici'
import { parseCertificate } from '#core/certificate/certificate.ts'
import { certificatePem } from '#security-server/keys/pem.ts'
import { selfSignedCertificate } from '#security-server/keys/self-signed.ts'
import { startChallengeDns } from './challenge-dns.ts'
import { until } from './until.ts'

/** Where scripts/test/outside-tools.sh puts it. */
const PROGRAM = path.join(homedir(), '.cache/concordat/pebble-2.10.3/pebble')

export const hasPebble = (): boolean => existsSync(PROGRAM)

export type Pebble = {
  directoryUrl: string
  /** PEM of the CA of its own TLS certificate. */
  tlsCa: string
  /** The certificates of the CA that it is, DER. */
  root: Buffer
  intermediate: Buffer
  /** Where it looks at challenges by HTTP, at the addresses that `names` has. */
  httpPort: number
  binding: { kid: string; macKey: Buffer }
  names: Map<string, string>
}

/** Starts it with external account bindings, and with one of `rejected` nonces in a hundred refused. */
export async function startPebble(
  t: Test,
  o: { rejected: number; validitySeconds: number; textOf?: (name: string) => string | undefined },
): Promise<Pebble> {
  const folder = mkdtempSync(path.join(tmpdir(), 'pebble-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const names = { hostName: 'pebble.example', ipAddresses: [address] }
  const tlsCa = certificatePem(parseCertificate(selfSignedCertificate({ privateKey, names, at: new Date() })))
  const file = (name: string): string => path.join(folder, name)
  writeFileSync(file('key.pem'), privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
  writeFileSync(file('certificate.pem'), tlsCa)
  const binding = { kid: 'member-1', macKey: Buffer.from('a key that the CA gave a member!') }
  const httpPort = 5002
  writeFileSync(
    file('pebble.json'),
    JSON.stringify({
      pebble: {
        ...{ listenAddress: `${address}:14000`, managementListenAddress: `${address}:15000` },
        ...{ certificate: file('certificate.pem'), privateKey: file('key.pem'), httpPort, tlsPort: 5001 },
        externalAccountBindingRequired: true,
        externalAccountMACKeys: { [binding.kid]: binding.macKey.toString('base64url') },
        ...{ retryAfter: { authz: 1, order: 1 }, keyAlgorithm: 'ecdsa' },
        profiles: { default: { description: 'for tests', validityPeriod: o.validitySeconds } },
      },
    }),
  )
  const dns = await startChallengeDns(address, o.textOf ?? (() => undefined))
  t.teardown(() => dns.close())
  const child = spawn(PROGRAM, ['-config', file('pebble.json'), '-dnsserver', dns.at, '-strict'], {
    stdio: 'ignore',
    env: { PEBBLE_WFE_NONCEREJECT: String(o.rejected), PEBBLE_VA_NOSLEEP: '1' },
  })
  t.teardown(() => void child.kill('SIGKILL'))
  const agent = new Agent({ connect: { ca: tlsCa } })
  t.teardown(() => agent.close())
  await until('pebble listens at both ports', async () => {
    const answers = (port: number, at: string) =>
      request(`https://${address}:${port}/${at}`, { dispatcher: agent }).then(
        ({ body }) => body.dump().then(() => true),
        () => false,
      )
    return (await answers(14000, 'dir')) && (await answers(15000, 'roots/0'))
  })
  const certificate = async (which: string): Promise<Buffer> => {
    const { body } = await request(`https://${address}:15000/${which}/0`, { dispatcher: agent })
    return Buffer.from(/-----BEGIN CERTIFICATE-----([^-]+)/.exec(await body.text())![1]!, 'base64')
  }
  return {
    ...{ directoryUrl: `https://${address}:14000/dir`, tlsCa, httpPort, binding },
    ...{ root: await certificate('roots'), intermediate: await certificate('intermediates') },
    names: dns.names,
  }
}
