/**
 * Makes the resource limits of threads effective for the young generation. The command line sets its size for
 * the main thread (scripts/concordat), and in V8 an option takes precedence over resource limits: otherwise
 * each thread would get the main thread's size.
 */
import { setFlagsFromString } from 'node:v8'

/**
 * Call it before starting a thread. The main thread keeps its size: V8 reads the options when it creates a
 * heap.
 */
export function letThreadsHaveOwnNursery(): void {
  // In V8 zero means "not set".
  setFlagsFromString('--min-semi-space-size=0')
  setFlagsFromString('--max-semi-space-size=0')
}
