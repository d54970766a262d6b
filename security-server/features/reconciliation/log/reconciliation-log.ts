/** The log as reconciliation reads it: who spoke with whom on a day, and what is logged about one pair of members. */
import type { Stretch } from '#core/reconciliation/assemble.ts'
import type { MessageLog } from '../../../message-log/message-log.ts'
import type { ReconciliationMethods } from './part.ts'
import { type MemberPair, memberPart, STRETCH } from './read-records.ts'

/** Two members, ids in text form, and the server by which they spoke, '' where no record names it. */
type SpokenPair = { client: string; service: string; peer: string }

export type ReconciliationLog = {
  /** Members of clients and services in records written between two ISO times. */
  pairs(q: { from: string; to: string }): Promise<SpokenPair[]>
  /** Of the most secret record of a pair written between two ISO times; 0: all may see them. */
  secrecy(q: { from: string; to: string; pair: MemberPair }): Promise<number>
  /** The records of a pair written between two ISO times and those beside them, in order, a stretch at a time. */
  read(q: { from: string; to: string; pair: MemberPair }): AsyncGenerator<Stretch>
}

export function reconciliationLog({
  parts,
  maintain,
}: Pick<MessageLog<ReconciliationMethods>, 'parts' | 'maintain'>): ReconciliationLog {
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
    async *read({ from, to, pair }) {
      // The index has to hold every record first: what it lacks would look as if it had been taken away.
      await maintain()
      const range = await parts.rangeBetween({ from, to })
      if (range === undefined) return
      for (let first = range.first; first <= range.last; first += STRETCH) {
        yield await parts.readRecords({ pair, first, last: range.last })
      }
    },
  }
}
