/** One way between a subject or topic and an inbox, in either direction, as long as it is open. */
import type { Finding } from '#platform/health/create-health.ts'

export type Way = {
  finding(): Finding
  /** Ends what is under way; what cannot end goes back to where it came from. */
  stop(): Promise<void>
}
