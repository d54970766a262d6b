/** Faults of rooms of events and of subscriptions to them. */
import type { FaultEntry } from './entry.ts'

export const subscriptionFaults = {
  event_type_closed: {
    status: 409,
    blame: 'client',
    text: 'The event type takes no more events',
    remedy: 'Ask the operators of the server that has the room',
  },
  event_type_full: {
    status: 503,
    blame: 'server',
    text: 'The event type keeps as many events as it may, and this one was not taken',
    remedy:
      'Publish it again later, with the same bytes; events go when their days are over, which the operators of the server can shorten',
  },
  subscription_halted: {
    status: 409,
    blame: 'client',
    text: 'The subscription gives out nothing',
    remedy:
      'Ask for its state; what lapsed or ended is deleted and made anew, what is stopped goes on when the operators of the publisher want it',
  },
} satisfies Record<string, FaultEntry>
