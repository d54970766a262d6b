/**
 * Gives back what only the start of a process needed, 25 to 30 MB of a security server: V8 by itself looks at it when the heap has
 * grown by as much again, and keeps the memory. Its collector has no other door than this flag.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (how: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void

/** Collects the whole heap, as V8 does before it would give up: 0.1 s, for once. */
export function collectOnce(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as Collect | undefined
  setFlagsFromString('--no-expose-gc')
  collect?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}
