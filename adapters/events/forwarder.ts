/**
 * Forwards the events of one entry of the settings, from a subject or topic to an inbox or the other way
 * round, as long as it is open.
 */
import type { Finding } from '#platform/health/create-health.ts'

export type Forwarder = {
  finding(): Finding
  /** Ends what is under way; what cannot end goes back to where it came from. */
  stop(): Promise<void>
}
