/**
 * How many jobs of a node run at once, and how soon another node takes over what a dead one had begun. Each row of the kinds with places
 * waits for a machine of somebody else, and there may be thousands: they leave places, so that a silent mail server or webhook
 * never holds up the suspension list or a publication.
 */
import { NOTIFY_CONTRACT } from './features/contracts/notify.ts'
import { SEND_MAIL } from './features/mail/tell-store.ts'
import { NOTIFY_MANDATE } from './features/mandates/notices.ts'
import { NOTIFY } from './features/requests/notify.ts'

/** Eight for these, and seven for the recurring ones that ask machines of others too: five remain for what only this registry does. */
export const CONCURRENCY = 20
/** A node that died while it published: another one publishes within 30 s, also when a queue lost the job for 10 s more. */
export const LEASE_SECONDS = 15
export const PLACES = { [SEND_MAIL]: 2, [NOTIFY]: 2, [NOTIFY_CONTRACT]: 2, [NOTIFY_MANDATE]: 2 }
