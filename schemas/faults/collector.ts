/** What collectors of OpenTelemetry say to what a server tells them. */
import type { FaultEntry } from './entry.ts'

export const collectorFaults = {
  audit_stream_refused: {
    status: 502,
    blame: 'server',
    text: 'The collector of the audit log did not take its records',
    remedy: 'Check its address, the credentials and its own log; the records wait and are sent again',
  },
  telemetry_refused: {
    status: 502,
    blame: 'server',
    text: 'The collector of metrics and traces did not take what was sent',
    remedy:
      'Check its address, the credentials and its own log. Exchanges go on; metrics are sent again with newer figures, traces wait until there are too many',
  },
} satisfies Record<string, FaultEntry>
