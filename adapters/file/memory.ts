/**
 * What is remembered of files by their names, of so many at most: the one whose turn is longest ago is
 * forgotten first.
 */

export type Memory<Value> = {
  get(name: string): Value | undefined
  set(name: string, value: Value): void
  delete(name: string): void
  readonly size: number
  /** The oldest first. */
  entries(): [name: string, value: Value][]
}

const MOST = 10_000

export function createMemory<Value>(most = MOST): Memory<Value> {
  const known = new Map<string, Value>()
  return {
    get: (name) => known.get(name),
    set: (name, value) => {
      known.delete(name)
      known.set(name, value)
      if (known.size > most) known.delete(known.keys().next().value!)
    },
    delete: (name) => void known.delete(name),
    get size() {
      return known.size
    },
    entries: () => [...known],
  }
}
