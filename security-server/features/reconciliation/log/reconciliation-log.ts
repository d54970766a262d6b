/**
 * The log for reconciliation: which members exchanged messages on a day, and the records of one pair of
 * members.
 */
import { buffer } from 'node:stream/consumers'
import type { Stretch } from '#core/reconciliation/assemble.ts'
import { answeredOf, HEAD, MAX_ANSWER, mayBeAnswer } from '#core/reconciliation/fetched.ts'
import { Fault } from '#schemas/fault.ts'
import { openBody } from '../../../message-log/bodies/spool.ts'
import type { MessageLog } from '../../../message-log/message-log.ts'
import type { ReconciliationMethods } from './part.ts'
import { type MemberPair, memberPart, type ReadRecord, STRETCH } from './read-records.ts'

/**
 * The members of client and service (identifiers as text), and the other server. `peer` is empty if the
 * record names no server.
 */
type SpokenPair = { client: string; service: string; peer: string }

export type ReconciliationLog = {
  /** The pairs with records between two ISO times. */
  pairs(q: { from: string; to: string }): Promise<SpokenPair[]>
  /** The secrecy of the pair's most secret record between two ISO times. 0: all readers may see them. */
  secrecy(q: { from: string; to: string; pair: MemberPair }): Promise<number>
  /**
   * The pair's records between two ISO times, with erased and bare records of the same range, in order, one
   * stretch at a time.
   */
  read(q: { from: string; to: string; pair: MemberPair; version: number }): AsyncGenerator<Stretch>
}

export function reconciliationLog({
  parts,
  maintain,
  bodies,
}: Pick<MessageLog<ReconciliationMethods>, 'parts' | 'maintain' | 'bodies'>): ReconciliationLog {
  return {
    async pairs(q) {
      await maintain()
      const pairs = new Map<string, SpokenPair>()
      for (const { client, service, peer } of await parts.partners(q)) {
        if (client === '' || service === '') continue
        const pair = { client: memberPart(client), service: memberPart(service), peer }
        pairs.set(JSON.stringify(pair), pair)
      }
      return [...pairs.values()]
    },
    async secrecy({ from, to, pair }) {
      await maintain()
      const rows = await parts.secretPartners({ from, to })
      const of = rows.filter(({ client, service }) => {
        const members = [memberPart(client), memberPart(service)]
        return members.includes(pair.own) && members.includes(pair.peer)
      })
      return Math.max(0, ...of.map(({ secrecy }) => Number(secrecy)))
    },
    async *read({ from, to, pair, version }) {
      // Every record must be indexed first: a record that the index lacks would look as if it had been
      // removed.
      await maintain()
      const range = await parts.rangeBetween({ from, to })
      if (range === undefined) return
      for (let first = range.first; first <= range.last; first += STRETCH) {
        const stretch = await parts.readRecords({ pair, version, first, last: range.last })
        for (const record of stretch.records) await readFile(record, bodies)
        yield stretch
      }
    },
  }
}

/**
 * Of a body in a file: the answer of a room, where it is one. A file that cannot be read says nothing; the
 * exchange has its digest.
 */
async function readFile(
  record: ReadRecord,
  bodies: Pick<MessageLog<ReconciliationMethods>, 'bodies'>['bodies'],
): Promise<void> {
  const { bodyFile } = record
  if (bodyFile === undefined) return
  delete record.bodyFile
  if (bodyFile.size > MAX_ANSWER) return
  try {
    const head = await buffer(openBody(bodies, bodyFile, { start: 0, size: HEAD }))
    if (mayBeAnswer(bodyFile.message, head))
      record.answered = answeredOf(await buffer(openBody(bodies, bodyFile)))
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause
    record.isUnread = true
  }
}
