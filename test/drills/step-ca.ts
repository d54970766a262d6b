/**
 * Certificates for authentication and for signing renew themselves at a real step-ca: bound accounts, HTTP-01
 * at a security server's own listener, then DNS-01 by a hook; a revoked one is replaced by itself; exchanges
 * go on.
 *
 *   sh test/drills/step-ca/build.sh <folder>
 *   node test/drills/step-ca.ts --programs <folder>
 *
 * It needs Go, and takes a quarter of an hour: an old and a new certificate are both in use for ten minutes.
 */
import { X509Certificate } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import tls from 'node:tls'
import { parseArgs } from 'node:util'
import t from 'tap'
import { readContainer } from '#core/container/read-container.ts'
import { startChallengeDns } from '../challenge-dns.ts'
import { addService, type ProviderSystem, startProviderSystem } from '../fakes/provider-system.ts'
import { type Instance, prepareInstance } from '../processes.ts'
import { until } from '../until.ts'
import { colons } from '../world.ts'
import { type StepCa, startStepCa } from './step-ca/ca.ts'
import { type Responder, startResponder } from './step-ca/responder.ts'

const NAME = 'tax.step.example'
const CA = 'step-ca'
const PROFILE = 'org.example.StepCertificateProfileInfoProvider'
const HTTP_PORT = 5002
/** Two thirds of it are four hours: of step-ca, which does not say when. */
const LIVES = '6h'
const LONGEST = { deadlineMs: 900_000, pauseMs: 1000 }

type Renewal = {
  id: string
  usage: 'SIGNING' | 'AUTHENTICATION'
  state: string
  nextAt: string
  tries: number
  certificateSha256?: string
  nextCertificateSha256?: string
  error?: { code: string; message: string }
  steps: { step: string; detail: string }[]
}
type Held = {
  sha256: string
  usage: Renewal['usage']
  issuer: string
  serialNumber: string
  notBefore: string
  active: boolean
  ocsp: { state: string }
}

const { values } = parseArgs({ options: { programs: { type: 'string' } } })
if (values.programs === undefined) throw new Error('--programs <folder that step-ca/build.sh filled>')
const programs = path.resolve(values.programs)
// `until` comes from the tests, whose harness gives a file half a minute.
t.setTimeout(0)
const folder = mkdtempSync(path.join(tmpdir(), 'step-ca-'))
const record = path.join(folder, 'record')
const closing: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
const wrong: string[] = []

process.exitCode = 1
try {
  const instance = await prepareInstance()
  closing.push(() => instance.stop())
  const dns = await startChallengeDns(instance.address(60), textOf)
  closing.push(() => dns.close())
  const stepCa = await startStepCa({
    ...{ programs, folder, address: instance.address(61), resolver: dns.at },
    ...{ httpPort: HTTP_PORT, lives: LIVES },
  })
  closing.push(() => stepCa.close())
  closing.push(() => sayErrors(stepCa))
  const responder = await startResponder(instance.address(62), () => stepCa.revoked())
  closing.push(() => responder.close())
  const system = await startProviderSystem(instance.address(40))
  closing.push(() => system.close())
  await drill({ instance, stepCa, responder, system, names: dns.names })
} catch (thrown) {
  wrong.push(String(thrown).slice(0, 2000))
  say(`WRONG ${String(thrown).slice(0, 2000)}`)
} finally {
  for (const close of closing.toReversed()) await close()
}
say(wrong.length === 0 ? 'All of it held.' : `It did not hold: ${wrong.join('; ')}`)
process.exitCode = wrong.length === 0 ? 0 : 1

/** What step-ca says of them, where something did not hold. */
function sayErrors(stepCa: StepCa): void {
  if (wrong.length === 0) return
  const lines = stepCa.log().split('\n')
  for (const line of lines.filter((one) => one.includes('level=error')).slice(-10)) say(line.slice(0, 500))
}

/** The TXT record that the hook wrote. */
function textOf(asked: string): string | undefined {
  const [name, value] = existsSync(record) ? readFileSync(record, 'utf8').trim().split(' ') : []
  return name === asked ? value : undefined
}

async function drill(q: {
  instance: Instance
  stepCa: StepCa
  responder: Responder
  system: ProviderSystem
  names: Map<string, string>
}): Promise<void> {
  const { instance, stepCa, system, names } = q
  const { population, tax } = instance.servers
  const settings = {
    CONCORDAT_ACME_CA_FILE: stepCa.rootFile,
    CONCORDAT_ACME_COUNTRY: 'FI',
    CONCORDAT_ACME_ACCOUNTS: JSON.stringify([{ ca: CA, ...stepCa.binding }]),
  }
  const byHttp = {
    CONCORDAT_ACME_CHALLENGE_ADDRESS: tax.address,
    CONCORDAT_ACME_CHALLENGE_PORT: `${HTTP_PORT}`,
  }
  for (const name of ['trust', 'registry', 'population'] as const) await instance.start(name)
  await instance.start('tax', { ...settings, ...byHttp })
  await approve(instance, q)
  await addService(instance.admin.population, {
    ...{ provider: population.client, serviceCode: 'echo', url: system.url },
    grants: [{ client: tax.client }],
  })
  await instance.publish()
  await exchange(instance, 'the sandbox CA')

  // A name that step-ca does not find.
  await begin(instance, 'AUTHENTICATION')
  const failed = await renewal(instance, 'AUTHENTICATION', ({ error }) => error !== undefined)
  say(`     without an address: ${failed.error!.code}: ${failed.error!.message}`)
  expect(/connection/.test(failed.error!.message), 'the error says what step-ca says')
  names.set(NAME, tax.address)
  await hurry(instance, failed)
  await begin(instance, 'SIGNING')
  for (const usage of ['AUTHENTICATION', 'SIGNING'] as const) {
    const tries = usage === 'AUTHENTICATION' ? failed.tries : 0
    const { error, nextCertificateSha256 } = await inUse(instance, usage, tries)
    if (error !== undefined) throw new Error(`${usage}: by HTTP-01, ${error.message}`)
    const { active } = await held(instance, nextCertificateSha256!)
    expect(active, `${usage}: the new certificate is active`)
  }
  await exchange(instance)
  for (const usage of ['AUTHENTICATION', 'SIGNING'] as const) await looksSettled(instance, usage)
  await exchange(instance, 'step-ca')
  expect((await peerIssuer(tax)) === 'Step intermediate', 'peers are shown the certificate of step-ca')

  // By DNS-01: the one because somebody wants it, the other because it is revoked.
  await instance.process('tax').stop()
  await instance.start('tax', { ...settings, CONCORDAT_ACME_DNS_HOOK: hook() })
  await instance.publish()
  const before = await renewal(instance, 'SIGNING', () => true)
  await stepCa.revoke((await held(instance, before.certificateSha256!)).serialNumber)
  await instance.admin.tax.send('PUT', '/token-certificates/refresh-ocsp')
  const { ocsp } = await held(instance, before.certificateSha256!)
  expect(ocsp.state === 'revoked', `the revocation is seen: ${ocsp.state}`)
  const { error, steps } = await inUse(instance, 'SIGNING')
  expect(error === undefined, `SIGNING: by DNS-01, ${error?.message ?? 'no error'}`)
  expect(
    steps.some(({ detail }) => detail === 'revoked'),
    'it was ordered because the one before is revoked',
  )
  // The registration is signed with it.
  await hurry(instance, await renewal(instance, 'AUTHENTICATION', () => true))
  const shown = await inUse(instance, 'AUTHENTICATION')
  expect(shown.error === undefined, `AUTHENTICATION: by DNS-01, ${shown.error?.message ?? 'no error'}`)
  expect(existsSync(record), 'the hook was called')
  await exchange(instance, 'step-ca')
  const accounts = await instance.admin.tax.get<{ id: string }[]>('/acme-accounts')
  expect(accounts.length === 1, `one account for both: ${accounts.length}`)
  await instance.admin.tax.send('PUT', `/acme-accounts/${accounts[0]!.id}/deactivate`)
  const left = await instance.admin.tax.get<object[]>('/acme-accounts')
  expect(left.length === 0, 'the account is ended at step-ca')
}

/** The registry approves it, and new authentication certificates of its servers by itself. */
async function approve(
  { registryAdmin }: Instance,
  { stepCa, responder }: { stepCa: StepCa; responder: Responder },
): Promise<void> {
  const { url, certificate } = responder
  const ocspResponders = [{ url, certificate }]
  await registryAdmin.send('PUT', `/certificate-profiles/${PROFILE}`, profile())
  const { id } = await registryAdmin.send<{ id: number }>('POST', '/certification-services', {
    ...{ name: CA, certificateProfileInfo: PROFILE, certificate: readFileSync(stepCa.rootFile, 'utf8') },
    ...{ ocspResponders, acmeServer: { directoryUrl: stepCa.directoryUrl } },
  })
  await registryAdmin.send('POST', `/certification-services/${id}/intermediate-cas`, {
    ...{ certificate: readFileSync(stepCa.intermediateFile, 'utf8'), ocspResponders },
  })
  await registryAdmin.send('PUT', '/automatic-approvals/authCertReg/GOV')
}

/**
 * As BasicACME's, but with no common name for signing: step-ca takes each for a DNS name, as RFC 8555 7.4
 * says.
 */
function profile(): object {
  const member = [
    { attribute: 'C', label: 'Country', value: '{country}' },
    { attribute: 'O', label: 'Organisation', value: '{memberName}' },
    { attribute: 'businessCategory', label: 'Member class', value: '{memberClass}' },
    { attribute: 'serialNumber', label: 'Member code', value: '{memberCode}' },
  ]
  const identify = {
    parts: {
      instance: { instance: true },
      memberClass: { attribute: 'businessCategory' },
      memberCode: { attribute: 'serialNumber' },
    },
  }
  return {
    ...{ name: PROFILE, title: 'step-ca' },
    signing: { request: member, identify: [identify] },
    authentication: { request: [...member, { attribute: 'CN', label: 'Server', value: '{dnsName}' }] },
  }
}

async function begin({ admin, servers }: Instance, usage: Renewal['usage']): Promise<void> {
  const memberId = usage === 'SIGNING' ? { memberId: colons(servers.tax.member) } : {}
  const body = { usage, ...memberId, caName: CA, dnsName: NAME }
  const begun = await admin.tax.send<Renewal>('POST', '/certificate-renewals', body)
  // The present certificate would last.
  await hurry({ admin }, begun)
}

async function hurry({ admin }: Pick<Instance, 'admin'>, { id }: Renewal): Promise<void> {
  await admin.tax.send('PUT', `/certificate-renewals/${encodeURIComponent(id)}/now`)
}

function renewal(
  { admin }: Instance,
  usage: Renewal['usage'],
  holds: (one: Renewal) => boolean,
): Promise<Renewal> {
  return until(
    `the renewal ${usage}`,
    async (saw) => {
      const { renewals } = await admin.tax.get<{ renewals: Renewal[] }>('/certificate-renewals')
      const { steps: _, ...told } = renewals.find((one) => one.usage === usage)!
      saw(told)
      const found = renewals.find((one) => one.usage === usage)!
      return holds(found) && found
    },
    LONGEST,
  )
}

/** The new certificate is in use beside the old one, or something failed. */
function inUse(instance: Instance, usage: Renewal['usage'], failedTries = 0): Promise<Renewal> {
  return renewal(
    instance,
    usage,
    ({ state, tries, error }) => state === 'RETIRING' || (error !== undefined && tries > failedTries),
  )
}

async function looksSettled(instance: Instance, usage: Renewal['usage']): Promise<void> {
  const { certificateSha256, nextAt } = await renewal(instance, usage, ({ state }) => state === 'WAITING')
  const { issuer, notBefore } = await held(instance, certificateSha256!)
  const hours = (Date.parse(nextAt) - Date.parse(notBefore)) / 3600_000
  expect(
    issuer.includes('Step intermediate'),
    `${usage}: the old one is retired, the present one is of ${issuer}`,
  )
  expect(
    hours > 3.9 && hours < 4.2,
    `${usage}: the next after ${hours.toFixed(2)} of 6 hours, as nobody says when`,
  )
}

async function held({ admin }: Instance, sha256: string): Promise<Held> {
  return admin.tax.get<Held>(`/token-certificates/${sha256}`)
}

/**
 * An exchange, and who signed its request; while both certificates are in use, the one that ends later does.
 */
async function exchange(instance: Instance, by?: 'step-ca' | 'the sandbox CA'): Promise<void> {
  const { population, tax } = instance.servers
  const id = `by-${crypto.randomUUID()}`
  const headers = { 'X-Road-Client': tax.client, 'X-Road-Id': id }
  const target = `/r1/${population.client}/echo/persons`
  const { status, body } = await instance.ask('tax', target, { method: 'POST', headers, body: 'asked' })
  expect(status === 200, `an exchange: ${status} ${status === 200 ? '' : body}`)
  const record = await until(`the record of ${id}, in the index`, async () => {
    const rows = await instance.admin.tax.get<{ index: number; kind: string }[]>(
      `/message-log/records?queryId=${id}`,
    )
    return rows.find(({ kind }) => kind === 'request')
  })
  const at = `/message-log/records/${record.index}/container?case=1&reason=drill`
  const { signatures } = await readContainer(await instance.admin.tax.bytes(at))
  const [, base64] = /X509Certificate>([A-Za-z0-9+/=\s]+)</.exec(signatures.toString())!
  const { issuer } = new X509Certificate(Buffer.from(base64!, 'base64'))
  const signer = issuer.includes('Step intermediate') ? 'step-ca' : 'the sandbox CA'
  expect(by === undefined || by === signer, `its request is signed by a certificate of ${signer}`)
}

function peerIssuer({ address, messagePort }: { address: string; messagePort: number }): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = tls.connect({ host: address, port: messagePort, rejectUnauthorized: false }, () => {
    resolve(String(socket.getPeerCertificate().issuer.CN))
    socket.destroy()
  })
  socket.on('error', reject)
  return promise
}

function hook(): string {
  const program = path.join(folder, 'hook')
  writeFileSync(program, `#!/bin/sh\nif [ "$1" = present ]; then echo "$2 $3" >${record}; fi\n`)
  chmodSync(program, 0o700)
  return program
}

function expect(holds: boolean, what: string): void {
  say(`${holds ? 'ok   ' : 'WRONG'} ${what}`)
  if (!holds) wrong.push(what)
}

function say(line: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`)
}
