/** Faults of certificates that renew themselves. */
import type { FaultEntry } from './entry.ts'

export const renewalFaults = {
  acme_failed: {
    status: 502,
    blame: 'server',
    text: 'The ACME server of a CA did not give a certificate',
    remedy: 'It is tried again by itself; if it persists ask the operator of the CA',
  },
  acme_refused: {
    status: 502,
    blame: 'server',
    text: 'The ACME server of a CA refuses',
    remedy:
      'Look at what it says, at the settings acme and at the way from the CA to the challenges of this server',
  },
} satisfies Record<string, FaultEntry>
