/** Reads the approved CAs by which the registry verifies signed documents. */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { Clock } from '#platform/clock.ts'
import { approvedCas } from '../configuration/assemble.ts'
import { instanceOf } from '../members/instance.ts'
import type { MemberStore } from '../members/store.ts'
import { indexApproved } from '../trust/approved.ts'
import type { TrustStore } from '../trust/store.ts'

/** The stores from which the approved CAs are read. */
export type ApprovedRooms = {
  members: Pick<MemberStore, 'parameters'>
  trust: TrustStore
  ocspFreshnessSeconds: number
}

/** What every intake of signed documents needs. */
export type DocumentRooms = ApprovedRooms & { clock: Clock }

/**
 * The approved CAs as the next publication will name them. They are read anew for each document, so that a
 * withdrawn CA is no longer accepted.
 */
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
