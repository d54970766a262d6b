/**
 * How many jobs of a node run at once. Each row of these kinds waits for a machine of somebody else, and there may be thousands: they
 * leave places, so that a silent mail server or webhook never holds up the suspension list or a publication.
 */
import { NOTIFY_CONTRACT } from '../contracts/notify.ts'
import { SEND_MAIL } from '../mail/tell-store.ts'
import { NOTIFY_MANDATE } from '../mandates/notices.ts'
import { NOTIFY } from '../requests/notify.ts'

/** Eight for these, and seven for the recurring ones that ask machines of others too: five remain for what only this registry does. */
export const CONCURRENCY = 20
export const PLACES = { [SEND_MAIL]: 2, [NOTIFY]: 2, [NOTIFY_CONTRACT]: 2, [NOTIFY_MANDATE]: 2 }
