/** An answer about a person that a provider's system keeps for them to see. Everything here was checked. */
import type { PreviewState } from '#schemas/previews.ts'
import type { System } from '../asking/find-systems.ts'
import type { Party } from '../joining/row.ts'

export type Preview = {
  told: System
  number: string
  state: PreviewState
  client: Party
  contract: { title: string }
  purpose: string
  legalBasis: string
  askedAt: string
  validUntil: string
  decidedAt?: string
  givenAt?: string
  /** While it waits. */
  answer?: { status: number; contentType: string; bytes: Buffer; digest: string }
}

export const LIST = '/previews'
export const ONE = '/previews/one'
export const FILE = '/previews/answer'
/** The one-time url that a consumer gets: the subsystem that has the answer stands in it, so that nobody else learns the secret at its end. */
export const ASKED = '/previews/asked/:instance/:memberClass/:memberCode/:subsystem/:token'

export function addressOf(page: string, { told, number }: Pick<Preview, 'told' | 'number'>): string {
  return `${page}?${new URLSearchParams({ system: told.id, number })}`
}
