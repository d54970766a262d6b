/**
 * What the wallet of a person is asked where they agree with it; or why this portal cannot ask it, as the
 * page says.
 */
import { questionFor } from '#core/consent/ask-attested.ts'
import type { Session } from '../login/sessions.ts'
import type { Rooms } from '../routing/section.ts'
import type { Demand } from './consent.ts'

/** Without a question it is asked for the code alone. */
export type WalletAsking = {
  wallet: NonNullable<Rooms['wallet']>
  question?: ReturnType<typeof questionFor>
}

/** `cannot` is the name of a text. */
export function askingFor(
  { attributes }: Demand['rule'],
  { acting }: Pick<Session, 'acting'>,
  { wallet, settings }: Pick<Rooms, 'wallet' | 'settings'>,
): WalletAsking | { cannot: string } {
  if (wallet === undefined) return { cannot: 'asked.wallet' }
  if (attributes === undefined) return { wallet }
  // It would attest what is so of whoever acts.
  if (acting !== undefined) return { cannot: 'asked.attested.self' }
  const question = questionFor(attributes, settings.wallets?.credentials ?? [])
  return question === undefined ? { cannot: 'asked.attested.unknown' } : { wallet, question }
}
