/**
 * The addresses of this section's pages. A consent has its number from the system that keeps it, so both name
 * it.
 */
import type { Consent, Offered } from './consent.ts'

export const LIST = '/consents'
export const ONE = '/consents/one'
export const RECEIPT = '/consents/receipt'
export const PAPER = '/consents/paper'
export const PROOF = '/consents/proof'
export const WITHDRAW = '/consents/withdraw'
/**
 * The one-time url that a provider's server gives to a consumer: the subsystem that asks stands in it, so
 * that nobody else learns the secret at its end.
 */
export const ASKED = '/consents/asked/:instance/:memberClass/:memberCode/:subsystem/:token'
/** With the security server that keeps the request behind it. No query: none outlasts a login. */
export const ASKED_AT = `${ASKED}/:serverInstance/:serverClass/:serverMember/:serverCode`

/**
 * What contracts ask people to agree to, and one of these, which the person may give before an office asks.
 */
export const POSSIBLE = '/consents/possible'
export const UNASKED = '/consents/give'

/**
 * A wallet is asked: how far it is, where that of this device sends the person, and where the number of
 * another is typed.
 */
export const WALLET_WAIT = '/consents/wallet/wait'
export const WALLET_BACK = '/consents/wallet/back'
export const WALLET_NUMBER = '/consents/wallet/number'

export function addressOf(
  page: string,
  { told, number, server }: Pick<Consent, 'told' | 'number' | 'server'>,
): string {
  return `${page}?${new URLSearchParams({ system: told.id, number, ...(server !== undefined && { server }) })}`
}

export function addressOfOffer({ client, demand }: Offered): string {
  const { provider, contract } = demand
  return `${UNASKED}?${new URLSearchParams({ system: provider.id, contract: contract.id, client: client.id })}`
}
