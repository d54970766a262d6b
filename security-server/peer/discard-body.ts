/** Guarantees that a spooled body whose message never reached the log leaves no file behind. */
import type { Body } from './message.ts'

/** Runs `work`; when it fails, removes the body and lets the failure go on. */
export async function discardOnFailure<T>(body: Body | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    await body?.discard()
    throw cause
  }
}
