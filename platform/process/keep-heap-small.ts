/**
 * The option of V8 for how a server's heap grows. It is set here and not on the command line: as long as it
 * is set, Node refuses the compiled code of its own modules that it contains, and compiles them again, which
 * takes longer.
 */
import { setFlagsFromString } from 'node:v8'

/**
 * By how many percent a heap may grow between full collections, as measured in docs/measured/exchanges.md. To
 * collect a small one less often costs 20 MB and saves a quarter of its processor time under load.
 */
const GROWTH = { large: 60, small: 150 } as const

export type HeapKind = keyof typeof GROWTH

/** Call it when the start is over. */
export function keepHeapSmall(kind: HeapKind): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH[kind]}`)
}
