/**
 * `concordat bench backlog`: many signatures wait while the time-stamping authority is away. Measures the
 * time from its return until all are time-stamped and the status of every signer is fetched. Authority and
 * responder run in a process of their own.
 */
import { hash, type KeyObject, randomInt, randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type Authority, createAuthority, SUBJECT_PROFILE_CLASS } from '#certs/authority.ts'
import { generateKey } from '#certs/keys.ts'
import type { Certificate } from '#core/certificate/certificate.ts'
import { buildOcspRequest } from '#core/certificate/ocsp-request.ts'
import { indexConfiguration } from '#core/configuration/configuration-index.ts'
import { methodFor, signValue } from '#core/signature/algorithms.ts'
import { prepareSignature } from '#core/signature/write-signature.ts'
import { createTimeStampClient } from '#security-server/features/time-stamping/client.ts'
import { createFetchStatus, readable } from '#security-server/features/time-stamping/fetch-status.ts'
import { certificationRequest } from '#security-server/keys/certification-request.ts'
import { createOcspClient } from '#security-server/keys/client.ts'
import { openWholeLog, type WholeLog } from '#security-server/open-log.ts'
import { tallyOf } from '../../command-line/tally.ts'
import { type Started, scriptCommand, startProcess } from '../../sandbox/processes.ts'
import { CLIENT, SERVER } from './exchanges.ts'

const USAGE = `Usage: concordat bench backlog [--signatures N] [--signers N] [--json]

Logs N signatures (100000) of so many signers (16) on the embedded store while no authority answers, then starts one and stamps.
`
const AT_ONCE = 64
const MESSAGE = Buffer.from(
  'GET\r\n/r1/DEV/GOV/1234/population/persons\r\nX-Road-Client:DEV/GOV/5678/tax\r\n',
)

type Signer = { certificate: Certificate; key: KeyObject; ocspResponses: Buffer[] }

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      signatures: { type: 'string', default: '100000' },
      signers: { type: 'string', default: '16' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [signatures, count] = [Number(values.signatures), Number(values.signers)]
  if (values.help || !Number.isSafeInteger(signatures) || signatures < 1 || !(count >= 1 && count <= 256)) {
    ;(values.help ? process.stdout : process.stderr).write(USAGE)
    return values.help ? 0 : 2
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-bench-backlog-'))
  let services: Started | undefined
  try {
    const port = randomInt(20_000, 60_000)
    const directory = path.join(folder, 'trust-services')
    const authority = await createAuthority({ directory, clock: Date.now, instance: 'DEV' })
    const signers: Signer[] = []
    while (signers.length < count) signers.push(await newSigner(authority))
    const log = await openLog(folder, authority, port)
    const filled = Date.now()
    await fill(log, signers, signatures)
    const fillSeconds = (Date.now() - filled) / 1000
    services = await startServices(folder, directory, port)
    const returned = Date.now()
    const batches = await log.timeStampNow()
    const seconds = (Date.now() - returned) / 1000
    const waiting = log.oldestUnstamped()
    await log.close()
    const figures = { signatures, signers: count, fillSeconds, batches, backlogSeconds: seconds }
    const text = `${signatures} signatures of ${count} signers, ${batches} batches: stamped ${seconds.toFixed(1)} s after the authority's return\n`
    process.stdout.write(values.json ? `${JSON.stringify(figures)}\n` : text)
    return waiting === undefined ? 0 : 1
  } finally {
    await services?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function newSigner(authority: Authority): Promise<Signer> {
  const key = await generateKey('P-256')
  const subject = [
    { type: 'C', value: 'FI' },
    { type: 'O', value: 'Agency' },
    { type: 'serialNumber', value: 'DEV/ss1/GOV' },
    { type: 'CN', value: randomUUID().slice(0, 8) },
  ]
  const request = certificationRequest({ privateKey: key, subject })
  const certificate = await authority.issue({ request, profile: 'signing' })
  const ocspResponses = [authority.ocspAnswer(buildOcspRequest(certificate, authority.intermediate))]
  return { certificate, key, ocspResponses }
}

function openLog(folder: string, authority: Authority, port: number): Promise<WholeLog> {
  const index = indexConfiguration({
    ...{
      instance: 'DEV',
      sources: [],
      members: [],
      securityServers: [],
      globalGroups: [],
      memberClasses: [],
    },
    approvedCas: [
      {
        ...{ name: 'CA', authenticationOnly: false, certificateProfileInfo: SUBJECT_PROFILE_CLASS },
        topCa: { cert: authority.root.der, ocsp: [{ url: `http://127.0.0.1:${port + 1}` }] },
        intermediateCas: [
          { cert: authority.intermediate.der, ocsp: [{ url: `http://127.0.0.1:${port + 1}` }] },
        ],
      },
    ],
    approvedTsas: [{ name: 'TSA', url: `http://127.0.0.1:${port + 2}`, cert: authority.tsa.der }],
    ocspFreshnessSeconds: 3600,
  })
  const status = createFetchStatus({
    ...{ clock: Date.now, configurations: () => [index], fetchOcsp: createOcspClient().fetch },
  })
  for (const name of ['keys', 'bodies']) mkdirSync(path.join(folder, name), { mode: 0o700 })
  return openWholeLog({
    databaseUrl: `sqlite:${path.join(folder, 'log.db')}`,
    keyFolder: path.join(folder, 'keys'),
    bodyFolder: path.join(folder, 'bodies'),
    ...{ server: SERVER, node: 'node1', clock: Date.now },
    stamp: createTimeStampClient({
      ...{ clock: Date.now, configuration: () => index, heard: () => undefined },
      fetchStatus: status.ofStampers,
    }),
    signerStatus: (certificates) => status.ofSigners(readable(certificates)),
  })
}

/** One signature per record, which needs the most work from the authority. */
async function fill(log: WholeLog, signers: Signer[], signatures: number): Promise<void> {
  const tally = tallyOf({ what: 'signing', unit: 'signatures', total: signatures })
  for (let done = 0; done < signatures; done += AT_ONCE) {
    const count = Math.min(AT_ONCE, signatures - done)
    await Promise.all(
      Array.from({ length: count }, (_, i) => logOne(log, signers[(done + i) % signers.length]!)),
    )
    tally.at(done + count)
  }
  tally.end()
}

async function logOne(log: WholeLog, { certificate, key, ocspResponses }: Signer): Promise<void> {
  const ids = { id: randomUUID(), requestId: randomUUID() }
  const message = Buffer.concat([MESSAGE, Buffer.from(`x-road-request-id:${ids.requestId}\r\n`)])
  const method = methodFor(key)
  const time = new Date()
  const { toBeSigned, finish } = prepareSignature({
    ...{ signingTime: time, certificate, intermediates: [], ocspResponses, method },
    reference: { uri: '/message.xml', sha512: hash('sha512', message, 'buffer') },
  })
  await log.append({
    ...{ kind: 'request', direction: 'in', ids, time, outcome: '', message, body: undefined },
    ...{ client: CLIENT, peer: { ...SERVER, serverCode: 'ss2' } },
    service: { ...CLIENT, subsystemCode: 'population', serviceCode: 'persons' },
    signature: { signatures: finish(signValue(method, key, toBeSigned)) },
  })
}

function startServices(folder: string, directory: string, port: number): Promise<Started> {
  const file = path.join(folder, 'trust-services.yaml')
  const ports = `caPort: ${port}\nocspPort: ${port + 1}\ntsaPort: ${port + 2}\n`
  writeFileSync(file, `instance: DEV\ndirectory: ${directory}\nlogLevel: error\n${ports}`)
  const command = scriptCommand(path.join(import.meta.dirname, '../../../certs/main.ts'))
  return startProcess({ name: 'trust-services', command, args: ['--configuration', file], directory: folder })
}
