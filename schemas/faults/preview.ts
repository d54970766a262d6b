/** Faults of calls whose answer the person sees first. */
import type { FaultEntry } from './entry.ts'

export const previewFaults = {
  preview_required: {
    given: 'after',
    status: 403,
    blame: 'client',
    text: 'The person whom the call is about sees the answer first, and nothing of it was given',
    remedy:
      'Lead the person to the address that is named here, and repeat the same call with the reference in Preview-Reference when they have released the answer',
  },
  preview_waiting: {
    status: 503,
    blame: 'server',
    text: 'The person whom the call is about has not decided yet, and nothing was carried out',
    remedy: 'Repeat the same call with the same reference later',
  },
  preview_stopped: {
    given: 'either',
    status: 403,
    blame: 'client',
    text: 'The person whom the call is about has seen the answer and stopped it, and nothing of it was given',
    remedy: 'Ask the person; the same call without a reference shows them the answer anew',
  },
  preview_void: {
    status: 403,
    blame: 'client',
    text: 'The reference in Preview-Reference serves no such call: its time is over, it was used, or it is of another call; nothing was carried out',
    remedy:
      'Send the call without a reference: the person sees the answer anew. Two calls in SOAP are the same when they differ in the header alone, also in the namespaces that they declare',
  },
  preview_elsewhere: {
    status: 403,
    blame: 'client',
    text: 'Another security server of the provider keeps the answer that this reference names, and nothing was carried out',
    remedy:
      'Repeat the same call with the same reference, and name the security server that is named here in X-Road-Security-Server',
  },
  preview_impossible: {
    given: 'either',
    status: 403,
    blame: 'server',
    text: 'The service contract lets the person see the answer first, and this one cannot be shown; nothing of it was given',
    remedy: 'The parties of the contract have to look at what is named here',
  },
  preview_unknown: {
    status: 503,
    blame: 'server',
    text: 'What the person decided could not be found out, and nothing was carried out',
    remedy:
      "Try again; the operator of the provider's security server has to look at its database and at its health",
  },
} satisfies Record<string, FaultEntry>
