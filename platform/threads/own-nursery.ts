/**
 * Lets threads have the nursery that they are given. The command line sets that of the main thread (scripts/concordat), and V8 lets
 * an option go before what a thread's resource limits say: each thread would have the main thread's 16 MB.
 */
import { setFlagsFromString } from 'node:v8'

/** Call before a thread is started. The main thread keeps its own: V8 reads the options when a heap is made. */
export function letThreadsHaveOwnNursery(): void {
  // Zero is V8's word for "not set".
  setFlagsFromString('--min-semi-space-size=0')
  setFlagsFromString('--max-semi-space-size=0')
}
