/** By which certificates documents are judged. */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { Clock } from '#platform/clock.ts'
import { approvedCas } from '../configuration/assemble.ts'
import { instanceOf } from '../members/instance.ts'
import type { MemberStore } from '../members/store.ts'
import { indexApproved } from '../trust/approved.ts'
import type { TrustStore } from '../trust/store.ts'

/** From where it is told what is approved. */
export type ApprovedRooms = {
  members: Pick<MemberStore, 'parameters'>
  trust: TrustStore
  ocspFreshnessSeconds: number
}

/** What every intake of signed documents stands on. */
export type DocumentRooms = ApprovedRooms & { clock: Clock }

/** The approved CAs as servers will know them, read anew for each document: a CA withdrawn counts no more. */
export async function approvedNow(rooms: ApprovedRooms): Promise<ConfigurationIndex> {
  const { trust } = rooms
  return indexApproved({
    instance: await instanceOf(rooms.members),
    approvedCas: approvedCas({
      services: await trust.services(),
      authorities: await trust.authorities(),
      responders: await trust.responders(),
    }),
    profiles: await trust.profiles(),
    ocspFreshnessSeconds: rooms.ocspFreshnessSeconds,
  })
}
