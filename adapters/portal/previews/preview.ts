/** An answer about a person that a provider's system keeps for them to see. Everything here was checked. */
import type { PreviewState } from '#schemas/previews.ts'
import type { System } from '../asking/find-systems.ts'
import type { Party } from '../joining/row.ts'

export type Preview = {
  told: System
  number: string
  /** The security server that keeps it, where its system says so: it is asked there. */
  server?: string
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
/**
 * The one-time url that a consumer gets: the subsystem that has the answer stands in it, so that nobody else
 * learns the secret at its end.
 */
export const ASKED = '/previews/asked/:instance/:memberClass/:memberCode/:subsystem/:token'
/** With the security server that keeps it behind it. */
export const ASKED_AT = `${ASKED}/:serverInstance/:serverClass/:serverMember/:serverCode`

export function addressOf(
  page: string,
  { told, number, server }: Pick<Preview, 'told' | 'number' | 'server'>,
): string {
  return `${page}?${new URLSearchParams({ system: told.id, number, ...(server !== undefined && { server }) })}`
}
