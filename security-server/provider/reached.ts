/** How far a request has come: what a refusal can say of it is what the step that was reached has given. */
import type { Verified } from '../peer/verify-message.ts'
import type { Consented } from './check-consent.ts'
import type { AllowedRequest } from './check-contract.ts'
import type { Previewed } from './check-preview.ts'
import type { Visit } from './identify-peer.ts'
import type { Intent } from './log-intent.ts'
import type { Met, Received } from './receive.ts'

export type Reached =
  | { step: 'nothing' }
  | Met
  | { step: 'received'; asked: Received }
  | { step: 'verified'; asked: Verified<Received> }
  | { step: 'allowed'; asked: AllowedRequest & Consented & Previewed }
  /** Durable: from here on the provider's system may have been called. */
  | { step: 'intent'; asked: Intent }

/** The peer's stay with us, once it is identified. */
export function visitOf(reached: Reached): Visit | undefined {
  if (reached.step === 'nothing') return undefined
  return 'visit' in reached ? reached.visit : reached.asked.visit
}
