/**
 * What the tests of this room share: a log in a folder of its own, real signatures, a time-stamping
 * authority.
 */
import { generateKeyPairSync, hash, randomUUID } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { type Authority, createAuthority } from '#certs/authority.ts'
import { issueCertificate } from '#certs/ca/issue-certificate.ts'
import { PROFILES } from '#certs/profiles.ts'
import { buildOcspRequest } from '#core/certificate/ocsp-request.ts'
import { methodFor, signValue } from '#core/signature/algorithms.ts'
import { buildHashChains } from '#core/signature/hash-chain.ts'
import { prepareSignature } from '#core/signature/write-signature.ts'
import { buildTimeStampRequest } from '#core/timestamp/time-stamp-request.ts'
import { readTimeStampResponse } from '#core/timestamp/time-stamp-response.ts'
import { addTsaCertificate } from '#core/timestamp/write-token.ts'
import { until } from '#test/until.ts'
import { createReconciliationStore, type ReconciliationStore } from '../features/reconciliation/log/store.ts'
import { type EndedLog, endedLog } from '../features/retention/ended-log.ts'
import { LOG_PARTS } from '../log-parts.ts'
import type { LogOptions } from '../open-log.ts'
import type { SpooledBody } from './bodies/spool.ts'
import { openFullLog as openAsItIs, type TestLog, type TestLogOptions } from './full-log-fixture.ts'
import { openLogDatabase } from './log-store.ts'
import { logMigrations } from './part.ts'
import type { RecordInput } from './record-input.ts'
import { startKeptThread } from './worker/kept-threads-fixture.ts'

export { logOptions, SERVER, type TestLog, type TestLogOptions } from './full-log-fixture.ts'

export const PEER = { instance: 'DEV', memberClass: 'GOV', memberCode: '5678', serverCode: 'ss2' }
export const CLIENT = { instance: 'DEV', memberClass: 'GOV', memberCode: '5678', subsystemCode: 'tax' }
export const SERVICE = {
  instance: 'DEV',
  memberClass: 'GOV',
  memberCode: '1234',
  subsystemCode: 'population',
  serviceCode: 'persons',
}

type Signer = {
  authority: Authority
  /** A real signature over the message and, by hash chain, its body. */
  sign(message: Buffer, body?: SpooledBody): NonNullable<RecordInput['signature']>
  stamp: NonNullable<LogOptions['stamp']>
  memberSigner: NonNullable<LogOptions['signer']>
}

let shared: Promise<Signer> | undefined

/** The signing key and authority, made once per test process. */
export function signer(): Promise<Signer> {
  shared ??= makeSigner()
  return shared
}

async function makeSigner(): Promise<Signer> {
  const clock = () => Date.now()
  const authority = await createAuthority({ clock, instance: 'DEV' })
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name: [string, string][] = [
    ['C', 'FI'],
    ['serialNumber', 'DEV/ss1/GOV'],
    ['CN', '1234'],
  ]
  const certificate = await issueCertificate({
    subject: name,
    publicKey,
    profile: PROFILES.signing,
    issuer: { name, publicKey, privateKey },
    notBefore: new Date(clock() - 60_000),
    notAfter: new Date(clock() + 86_400_000),
  })
  const ocsp = authority.ocspAnswer(buildOcspRequest(authority.intermediate, authority.root))
  const method = methodFor(publicKey)
  const sign: Signer['sign'] = (message, body) => {
    const sha512 = hash('sha512', message, 'buffer')
    const chains =
      body === undefined
        ? undefined
        : buildHashChains([
            [
              { name: '/message.xml', sha512 },
              ...(body.attachments ?? [body]).map((one, i) => ({
                ...{ name: `/attachment${i + 1}`, sha512: one.sha512 },
              })),
            ],
          ])
    const reference =
      chains === undefined
        ? { uri: '/message.xml' as const, sha512 }
        : { uri: '/sig-hashchainresult.xml' as const, sha512: chains.resultDigest }
    const prepared = prepareSignature({
      signingTime: new Date(),
      certificate,
      intermediates: [],
      ocspResponses: [ocsp],
      reference,
      method,
    })
    const signatures = prepared.finish(signValue(method, privateKey, prepared.toBeSigned))
    if (chains === undefined) return { signatures }
    return { signatures, hashChainResult: chains.result, hashChain: chains.chain(0) }
  }
  return {
    authority,
    sign,
    stamp: async (imprint) => {
      const token = readTimeStampResponse(authority.timeStamp(buildTimeStampRequest({ imprint })))
      return {
        token: addTsaCertificate(token, authority.tsa),
        certificates: [authority.tsa.der, authority.intermediate.der],
        ocspResponses: [ocsp],
      }
    },
    memberSigner: { name: 'DEV/GOV/1234', publicKey, sign: (data) => signValue(method, privateKey, data) },
  }
}

/** A folder for keys and bodies that is removed with the test. */
export function logFolder(t: Test): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-log-'))
  for (const name of ['keys', 'bodies']) mkdirSync(path.join(folder, name), { mode: 0o700 })
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** How many octets the segments below a log's folder have. */
export function segmentOctets(folder: string): number {
  const root = path.join(folder, 'bodies', 'segments')
  const files = existsSync(root) ? readdirSync(root, { recursive: true, withFileTypes: true }) : []
  return files
    .filter((file) => file.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(path.join(parentPath, name)).size, 0)
}

let migrated: Promise<string> | undefined

/** The file of an empty log with this version's schema, made once per test process. */
async function migratedFile(): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-migrated-'))
  // Processes that tests start load this too, and no tap.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'log.db')
  await (await openTestDatabase(`sqlite:${file}`)).close()
  return file
}

/**
 * A new log in the embedded store begins as a copy: to migrate it in its new thread would be two fifths of
 * its start.
 */
export async function openFullLog(options: TestLogOptions): Promise<TestLog> {
  const [, file] = /^sqlite:(\/.*)/.exec(options.databaseUrl) ?? []
  if (file !== undefined && !existsSync(file) && existsSync(path.dirname(file))) {
    migrated ??= migratedFile()
    const empty = await migrated
    if (!existsSync(file)) copyFileSync(empty, file)
  }
  // Who waits for a thread to start wants it for this log.
  if (process.listenerCount('worker') > 0) return openAsItIs(options)
  return openAsItIs({ startThread: startKeptThread, ...options })
}

/** Opens a log that is closed with the test. */
export async function openTestLog(t: Test, options: TestLogOptions): Promise<TestLog> {
  const log = await openFullLog(options)
  t.teardown(() => log.close())
  return log
}

export type TestDatabase = EndedLog & { reconciliation: ReconciliationStore }

/** The log's database with the stores of all that read it. */
export async function openTestDatabase(url: string, o?: { readOnly: true }): Promise<TestDatabase> {
  const log = await openLogDatabase(url, o ?? { migrations: logMigrations(LOG_PARTS) })
  return { ...endedLog(log), reconciliation: createReconciliationStore(log.database) }
}

/** A signed incoming request; `changes` replace fields. */
export async function signedRecord(changes: Partial<RecordInput> = {}): Promise<RecordInput> {
  const message = changes.message ?? Buffer.from(`GET /r1/DEV/persons/${randomUUID()} HTTP/1.1\r\n\r\n`)
  const { sign } = await signer()
  return {
    kind: 'request',
    direction: 'in',
    ids: { id: randomUUID(), requestId: randomUUID() },
    client: CLIENT,
    service: SERVICE,
    peer: PEER,
    time: new Date(),
    outcome: '',
    message,
    body: undefined,
    signature: sign(message, changes.body),
    ...changes,
  }
}

/** Spools a body in pieces. */
export async function spoolBody(
  log: Pick<TestLog, 'spool'>,
  bytes: Buffer,
  pieceSize = 16_384,
): Promise<SpooledBody> {
  const writer = log.spool.begin({ maxBytes: bytes.length })
  for (let at = 0; at < bytes.length; at += pieceSize) await writer.write(bytes.subarray(at, at + pieceSize))
  return writer.end()
}

/** Spools attachments as the one body that joins them. */
export async function spoolAttachments(log: Pick<TestLog, 'spool'>, files: Buffer[]): Promise<SpooledBody> {
  const body = await spoolBody(log, Buffer.concat(files))
  const attachments = files.map((bytes, i) => ({
    ...{ size: bytes.length, sha512: hash('sha512', bytes, 'buffer') },
    headers: [['Content-Disposition', `attachment; filename="secret${i}.pdf"`]] as [string, string][],
  }))
  return { ...body, attachments }
}

/** Waits until the log finds out by itself that it can be used; nobody appends meanwhile. */
export async function usableAgain(log: Pick<TestLog, 'checkUsable'>): Promise<void> {
  await until('a log that can be used', (saw) => {
    try {
      log.checkUsable()
      return true
    } catch (error) {
      return void saw(error)
    }
  })
}

/** Runs the retention job until it can end nothing more. Resolves to the number of contents that ended. */
export async function endAllDue({ retention }: Pick<TestLog, 'retention'>): Promise<number> {
  let ended = await retention.run()
  while ((await retention.counts()).due > 0) ended += await retention.run()
  return ended
}
