/** Names for ids of members, subsystems and contracts. All that a page shows are asked for together, and again after an act. */
import { useEffect, useState } from 'preact/hooks'
import { type Api, ApiFault } from './api.ts'
import { useConsole, useMay } from './context.ts'

/** For a contract `name` is its title, and its parties are named beside it; a subsystem has the name of its member, too. */
export type Name = {
  id: string
  name: string
  memberName?: string
  provider?: string
  consumers?: string[]
  moreConsumers?: number
  globalGroup?: string
}

type Names = {
  known: Map<string, Name>
  /** After how many acts an id was asked for last. */
  askedAt: Map<string, number>
  waiting: Set<string>
  listeners: Set<() => void>
}

/** As many as the API takes, in an address that is not too long. */
const MOST = 100
const LONGEST = 4000
const CLIENT = /^[^:/\s]+(?::[^:/]+){2,3}$/
const CONTRACT = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const namesOf = new WeakMap<Api, Names>()

/** The name of this id, as soon as it is known. Also undefined for what no name is asked for, and what has none. */
export function useNames(): (id: string) => Name | undefined {
  const { api } = useConsole()
  const { known } = store(api)
  return (id) => known.get(id)
}

/** As `useNames`, and has this id asked for. */
export function useName(id: string): Name | undefined {
  const { api, changes } = useConsole()
  const may = useMay('getNames')
  const [, look] = useState(0)
  useEffect(() => {
    if (!may || !(CLIENT.test(id) || CONTRACT.test(id))) return
    const names = store(api)
    const tell = (): void => look((before) => before + 1)
    names.listeners.add(tell)
    if ((names.askedAt.get(id) ?? -1) < changes) {
      names.askedAt.set(id, changes)
      if (names.waiting.size === 0) setTimeout(() => askAll(api, names))
      names.waiting.add(id)
    }
    return () => void names.listeners.delete(tell)
  }, [id, changes])
  return useNames()(id)
}

function store(api: Api): Names {
  const kept = namesOf.get(api)
  if (kept !== undefined) return kept
  const made = {
    known: new Map(),
    askedAt: new Map(),
    waiting: new Set<string>(),
    listeners: new Set<() => void>(),
  }
  namesOf.set(api, made)
  return made
}

/** Whoever gets no answer goes on to see ids, and asks again after the next act. */
function askAll(api: Api, names: Names): void {
  const ids = [...names.waiting]
  names.waiting.clear()
  for (const some of portions(ids)) {
    api.call<Name[]>('getNames', { query: { id: some } }).then(
      ({ data }) => {
        for (const one of data) names.known.set(one.id, one)
        for (const tell of [...names.listeners]) tell()
      },
      (cause: unknown) => {
        if (!(cause instanceof ApiFault)) throw cause
        for (const id of some) names.askedAt.delete(id)
      },
    )
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
