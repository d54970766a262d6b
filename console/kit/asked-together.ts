/**
 * Things of which a page shows many by their ids: all of them are asked for together, and again after an act.
 */
import { useEffect, useState } from 'preact/hooks'
import { type Api, ApiFault } from './api.ts'
import { useConsole, useMay } from './context.ts'

type Asked<T> = {
  known: Map<string, T>
  /** After how many acts an id was asked for last. */
  askedAt: Map<string, number>
  waiting: Set<string>
  listeners: Set<() => void>
}

/** As many as the API takes, in an address that is not too long. */
const MOST = 100
const LONGEST = 4000

/**
 * `operation` takes ids and answers with what it knows of them; only an id for which `has` holds is asked
 * for. `pageOf`: further parameters of an operation that answers by page.
 */
export function askedTogether<T extends { id: string }>(
  operation: string,
  has: (id: string) => boolean,
  pageOf: (ids: string[]) => Record<string, string> = () => ({}),
) {
  const askedBy = new WeakMap<Api, Asked<T>>()

  function asked(api: Api): Asked<T> {
    const kept = askedBy.get(api)
    if (kept !== undefined) return kept
    const made = {
      known: new Map<string, T>(),
      askedAt: new Map<string, number>(),
      waiting: new Set<string>(),
      listeners: new Set<() => void>(),
    }
    askedBy.set(api, made)
    return made
  }

  /** Whoever gets no answer goes on to see ids, and asks again after the next act. */
  function askAll(api: Api, { known, askedAt, waiting, listeners }: Asked<T>): void {
    const ids = [...waiting]
    waiting.clear()
    for (const some of portions(ids)) {
      api.call<T[]>(operation, { query: { id: some, ...pageOf(some) } }).then(
        ({ data }) => {
          for (const one of data) known.set(one.id, one)
          for (const tell of [...listeners]) tell()
        },
        (cause: unknown) => {
          if (!(cause instanceof ApiFault)) throw cause
          for (const id of some) askedAt.delete(id)
        },
      )
    }
  }

  /** Has these ids asked for, and tells what is known of one by now. */
  function useAll(ids: readonly string[]): (id: string) => T | undefined {
    const { api, changes } = useConsole()
    const may = useMay(operation)
    const [, look] = useState(0)
    const wanted = ids.filter(has)
    useEffect(() => {
      if (!may || wanted.length === 0) return
      const all = asked(api)
      const tell = (): void => look((before) => before + 1)
      all.listeners.add(tell)
      for (const id of wanted)
        if ((all.askedAt.get(id) ?? -1) < changes) {
          all.askedAt.set(id, changes)
          if (all.waiting.size === 0) setTimeout(() => askAll(api, all))
          all.waiting.add(id)
        }
      return () => void all.listeners.delete(tell)
    }, [wanted.join(' '), changes])
    return (id) => asked(api).known.get(id)
  }

  return {
    /**
     * What is known of an id by now. Also undefined for what is not asked for, and what nothing is known of.
     */
    useKnown(): (id: string) => T | undefined {
      const { api } = useConsole()
      const { known } = asked(api)
      return (id) => known.get(id)
    },
    useAll,
    /** As `useAll`, of one. */
    useOne: (id: string): T | undefined => useAll([id])(id),
  }
}

function portions(ids: string[]): string[][] {
  const all: string[][] = []
  let length = 0
  for (const id of ids) {
    length += encodeURIComponent(id).length + 4
    const last = all.at(-1)
    if (last === undefined || last.length === MOST || length > LONGEST) {
      all.push([id])
      length = encodeURIComponent(id).length + 4
    } else last.push(id)
  }
  return all
}
