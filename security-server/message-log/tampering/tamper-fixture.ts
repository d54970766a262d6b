/** A finished log for tampering, and its verification on copies. */
import { createPublicKey, randomBytes } from 'node:crypto'
import { copyFileSync } from 'node:fs'
import path from 'node:path'
import { type Kysely, sql } from 'kysely'
import type { Test } from 'tap'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { openLogSource } from '../../features/verification/checks/open-source.ts'
import type { LogReport, Trust } from '../../features/verification/checks/source.ts'
import { verifyLog } from '../../features/verification/checks/verify-log.ts'
import type { InclusionEvidence } from '../../reading/evidence/prove-inclusion.ts'
import { logFolder, logOptions, openTestLog, signedRecord, signer, spoolBody } from '../fixture.ts'
import { encodePeaks } from '../hot-store.ts'
import { readLogKeys } from '../keys/log-keys.ts'

const RECORDS = 100

type World = {
  folder: string
  /** The file of the embedded store. */
  file: string
  url: string
  trust: Trust
  proofs: InclusionEvidence[]
  /** Records of which only the leaf is left. */
  erased: number[]
  checkpoints: string[]
}

/** In a file that bodies share, and in one of its own. */
const BODY_BYTES: Record<number, number> = { 5: 70_000, 15: 1_100_000 }

/**
 * A log of 100 messages with shared and single signatures, time-stamps, an erasure, a key rotation,
 * checkpoints and tiles.
 */
export async function buildLog(t: Test, url?: string): Promise<World> {
  const folder = logFolder(t)
  const { stamp, memberSigner, authority } = await signer()
  const options = { ...logOptions(folder, url), stamp, signer: memberSigner }
  const log = await openTestLog(t, options)
  const checkpoints: string[] = []
  const indexes: number[] = []
  let shared = (await signedRecord()).signature
  for (let n = 0; n < RECORDS; n++) {
    const extra: Record<string, string> =
      n % 3 === 0 ? { userId: `EE${n % 9}`, representedParty: 'COM/7' } : {}
    const record = await signedRecord({ message: Buffer.from(`message ${n}`), extra })
    if (n % 4 === 0) shared = record.signature
    // A refusal may have a signature that does not cover its message: it is stored as it came.
    const isShared = n % 4 !== 0 && n % 10 !== 5
    const kind = isShared ? 'refusal' : 'request'
    const body = n % 10 === 5 ? await spoolBody(log, randomBytes(BODY_BYTES[n] ?? 64)) : undefined
    const signature = body === undefined ? shared : (await signer()).sign(record.message!, body)
    const { index } = await log.append({ ...record, kind, body, signature })
    indexes.push(index)
    if (n === 30) await log.rotateLogKey()
    if (n % 40 === 20) await log.timeStampNow()
    if (n % 25 === 24) checkpoints.push((await log.checkpointNow()) as string)
  }
  await log.append(await signedRecord({ kind: 'reply', direction: 'out', answers: indexes[4]! }))
  await log.retention.erase({ index: indexes[7]!, mode: 'LEAF_ONLY', case: '1', reason: 'a test' })
  for (let n = 0; n < 160; n++)
    await log.append({ ...(await signedRecord({ kind: 'refusal' })), signature: shared })
  await log.timeStampNow()
  await log.maintain()
  checkpoints.push((await log.checkpointNow()) as string)
  const proofs = await Promise.all(indexes.map((index) => log.proof(index)))
  await log.close()
  const logKey = createPublicKey(readLogKeys(options.keyFolder).checkpointKey).export({
    type: 'spki',
    format: 'der',
  })
  const trust: Trust = { logKey, memberKeys: [memberSigner], tsaCertificates: [authority.tsa] }
  const file = path.join(folder, 'log.db')
  return { folder, file, url: options.databaseUrl, trust, proofs, checkpoints, erased: [indexes[7]!] }
}

export async function verify(world: World, databaseUrl = world.url, trust = world.trust): Promise<LogReport> {
  const opened = await openLogSource({
    databaseUrl,
    keyFolder: path.join(world.folder, 'keys'),
    bodyFolder: path.join(world.folder, 'bodies'),
  })
  try {
    return await verifyLog(opened.source, trust)
  } finally {
    await opened.close()
  }
}

/** Verifies a copy of the log that an insider has changed, in SQL and with all rights. */
export async function tampered(
  world: World,
  act: (kysely: Kysely<unknown>) => Promise<unknown>,
  trust?: Trust,
): Promise<LogReport> {
  const copy = await copyOf(world)
  const database = await openDatabase(copy)
  await act(database.kysely)
  await database.close()
  return verify(world, copy, trust)
}

async function copyOf({ folder, url }: World): Promise<string> {
  const name = `copy_${randomBytes(4).toString('hex')}`
  if (url.startsWith('sqlite:')) {
    copyFileSync(url.slice('sqlite:'.length), path.join(folder, name))
    return `sqlite:${path.join(folder, name)}`
  }
  const at = new URL(url)
  const original = at.pathname.slice(1)
  at.pathname = '/postgres'
  const server = await openDatabase(at.href)
  await sql.raw(`create database ${name} template ${original}`).execute(server.kysely)
  await server.close()
  at.pathname = `/${name}`
  return at.href
}

/** Writes the head that an insider would write so that it fits the rows. */
export async function rewriteHead(insider: Kysely<unknown>): Promise<void> {
  const range = createCompactRange()
  const { rows } = await sql<{ leaf: Buffer }>`select leaf from record order by idx`.execute(insider)
  for (const { leaf } of rows) range.append(Buffer.from(leaf))
  await sql`update tree_head set size = ${range.size}, peaks = ${encodePeaks(range.peaks)}`.execute(insider)
}
