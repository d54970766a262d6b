/**
 * Time that is itself what a test is about, such as a slow partner or a certificate that ends. For all else
 * tests wait with `until.ts`.
 */
import { setTimeout as pause } from 'node:timers/promises'

/** Sleeps for `ms`; `_what` says what lasts so long. */
export async function takeTime(_what: string, ms: number): Promise<void> {
  await pause(Math.max(0, ms))
}
