/**
 * Faults of one-way messages; the first two are also the outcomes of deliveries that ended without being
 * consumed.
 */
import type { FaultEntry } from './entry.ts'

export const deliveryFaults = {
  delivery_expired: {
    status: 409,
    blame: 'client',
    text: 'The message expired before the receiving system had it',
    remedy: 'Hand over a new event with a later expirytime if it still matters',
  },
  delivery_key_missing: {
    status: 503,
    blame: 'server',
    text: 'A key of one-way messages is not on this node, and nothing was taken over',
    remedy:
      'Operators copy the key that /health/ready names into delivery-keys, or give it up with rotate-delivery-key; docs/deliveries.md says how',
  },
  delivery_discarded: {
    status: 409,
    blame: 'client',
    text: 'An operator discarded the message',
    remedy: 'The audit log of the server that discarded it says who and why',
  },
  inbox_full: {
    status: 503,
    blame: 'server',
    text: 'As many events of this sender, or of all, wait in the inbox as it keeps, and this one was not taken',
    remedy:
      'It is sent again after the time in Retry-After; events are taken when the receiving system has consumed some',
  },
  outbox_full: {
    status: 503,
    blame: 'server',
    text: 'As many messages of this subsystem wait in the outbox as its server keeps, to this receiver or to all, and this one was not taken over',
    remedy:
      'Hand it over again after the time in Retry-After; messages are taken when some were delivered, or operators discarded dead letters',
  },
  inbox_not_asked: {
    status: 503,
    blame: 'server',
    text: 'The server of the inbox could not be asked whether it takes messages of the publisher',
    remedy: 'Try again when it can be reached from the server of the publisher',
  },
  inbox_refuses: {
    status: 409,
    blame: 'client',
    text: 'The inbox would not take messages of the publisher',
    remedy:
      'Make the inbox, and give the publishing subsystem the right to POST / and GET /receipts of it, with the contract that its instance wants',
  },
  event_id_reused: {
    status: 409,
    blame: 'client',
    text: 'Another event with the same source and id was sent to this inbox, or published in this room, before',
    remedy: 'Give each event an id of its own; send an event again with exactly the same bytes',
  },
  lease_lost: {
    status: 409,
    blame: 'client',
    text: 'The event is no longer out under this lease',
    remedy: 'Fetch again: an event that was not acknowledged is given out anew',
  },
} satisfies Record<string, FaultEntry>
