/** A finished log for tampering with, and its verification on copies. */
import { createPublicKey, randomBytes } from 'node:crypto'
import { copyFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Test } from 'tap'
import type { InclusionEvidence } from './evidence/prove-inclusion.ts'
import { logFolder, logOptions, openTestLog, signedRecord, signer, spoolBody } from './fixture.ts'
import { readLogKeys } from './keys/log-keys.ts'
import { openLogSource } from './verify/open-source.ts'
import type { LogReport, Trust } from './verify/source.ts'
import { verifyLog } from './verify/verify-log.ts'

export const RECORDS = 100

export type World = {
  folder: string
  file: string
  trust: Trust
  proofs: InclusionEvidence[]
  checkpoints: string[]
}

/** A log of 100 messages with shared and single signatures, stamps, an erasure, a rotation, checkpoints, tiles. */
export async function buildLog(t: Test): Promise<World> {
  const folder = logFolder(t)
  const { stamp, memberSigner, authority } = await signer()
  const options = { ...logOptions(folder), stamp, signer: memberSigner }
  const log = await openTestLog(t, options)
  const checkpoints: string[] = []
  const indexes: number[] = []
  let shared = (await signedRecord()).signature
  for (let n = 0; n < RECORDS; n++) {
    const record = await signedRecord({ message: Buffer.from(`message ${n}`) })
    if (n % 4 === 0) shared = record.signature
    // A refusal may carry a signature that does not cover its message: it is kept as it came.
    const isShared = n % 4 !== 0 && n % 10 !== 5
    const kind = isShared ? 'refusal' : 'request'
    const body = n % 10 === 5 ? await spoolBody(log, randomBytes(n === 5 ? 70_000 : 64)) : undefined
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
  return { folder, file: path.join(folder, 'log.db'), trust, proofs, checkpoints }
}

export async function verify(world: World, file = world.file, trust = world.trust): Promise<LogReport> {
  const opened = await openLogSource({
    databaseUrl: `sqlite:${file}`,
    keyFolder: path.join(world.folder, 'keys'),
    bodyFolder: path.join(world.folder, 'bodies'),
  })
  try {
    return await verifyLog(opened.source, trust)
  } finally {
    await opened.close()
  }
}

/** Verifies a copy of the log on which an insider has worked. */
export async function tampered(
  world: World,
  act: (database: DatabaseSync) => void,
  trust?: Trust,
): Promise<LogReport> {
  const file = path.join(world.folder, `copy-${randomBytes(4).toString('hex')}.db`)
  copyFileSync(world.file, file)
  const database = new DatabaseSync(file)
  act(database)
  database.close()
  return verify(world, file, trust)
}
