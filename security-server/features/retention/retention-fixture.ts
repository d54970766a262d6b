/** Logs with exchanges of some days ago, for the tests of retention. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import {
  logFolder,
  logOptions,
  openTestLog,
  SERVICE,
  signedRecord,
  signer,
  spoolBody,
  type TestLog,
  type TestLogOptions,
} from '../../message-log/fixture.ts'

export const DAY = 24 * 60 * 60 * 1000
export const ORDER = { mode: 'LEAF_ONLY', case: '7/2026', reason: 'a court says so' } as const

export async function freshLog(t: Test, url?: string, changes: Partial<TestLogOptions> = {}) {
  const { stamp, memberSigner } = await signer()
  const options = { ...logOptions(logFolder(t), url), stamp, signer: memberSigner, ...changes }
  return { log: await openTestLog(t, options), options }
}

/**
 * Logs a request of some days ago and its reply, both with bodies. Returns their indexes and the message id.
 */
export async function exchange(
  log: TestLog,
  q: {
    daysAgo?: number
    service?: typeof SERVICE
    marked?: string
    large?: boolean
    keepDays?: number
  } = {},
): Promise<{ id: string; request: number; reply: number }> {
  const time = new Date(Date.now() - (q.daysAgo ?? 0) * DAY)
  const ids = { id: randomUUID(), requestId: randomUUID() }
  const content = `${q.marked ?? ''}${randomBytes(16).toString('hex')}`
  const ofContract = q.keepDays === undefined ? {} : { keepDays: q.keepDays, contract: 'c0ffee/2' }
  const common = { time, ids, service: q.service ?? SERVICE, ...ofContract }
  const size = q.large === true ? 200_000 : 1000
  const body = await spoolBody(log, Buffer.from(content.repeat(Math.ceil(size / content.length))))
  const extra = { method: 'GET', userId: `${q.marked ?? ''}user` }
  const message = Buffer.from(`GET /r1/${content} HTTP/1.1\r\n\r\n`)
  const request = await log.append(await signedRecord({ ...common, body, message, extra }))
  const answer = { kind: 'reply', direction: 'out', outcome: 'ok', answers: request.index } as const
  const reply = await log.append(
    await signedRecord({ ...common, ...answer, body: await spoolBody(log, body.bytes ?? message) }),
  )
  return { id: ids.id, request: request.index, reply: reply.index }
}

export const settings = { keepDays: 30, atEnd: 'PROOF_KEPT', archive: 'NONE', applyToExisting: true } as const
