/**
 * Writes the next entry of each history whose document changed, begins those of newcomers, and ends those of who left. Guarantees that a
 * history only grows: an identifier that was ended stays so, and whoever comes again gets a new one beside it.
 */
import { hash } from 'node:crypto'
import type { LastEntry } from '#core/did/did-entry.ts'
import { writeDidEntry } from '#core/did/did-entry.ts'
import { webName } from '#core/did/web-name.ts'
import type { Clock } from '#platform/clock.ts'
import type { IdentityKeys } from '../../configuration/identity-keys/identity-keys.ts'
import type { DidSubjectRow } from '../../register/identity-tables.ts'
import { againPath, documentOf, factsOf, pathOf, type Subject, webDid } from './documents.ts'
import type { FactsStore, Own } from './facts-store.ts'
import type { IdentityStore, NewEntry } from './store.ts'

type Rooms = {
  facts: Pick<FactsStore, 'subjects' | 'mark' | 'collect'>
  store: Pick<IdentityStore, 'subjects' | 'add'>
  keys: Pick<IdentityKeys, 'updateKey'>
  own: Own
  publicUrl: string
  clock: Clock
}

const AT_ONCE = 50

type Update = {
  run(): Promise<void>
  /** Whether something happened since the last run of this node. */
  isDue(): Promise<boolean>
}

export function createUpdate(rooms: Rooms): Update {
  const { facts, store, own, publicUrl, clock } = rooms
  let last = { mark: '', request: 0 }

  async function run(): Promise<void> {
    const now = clock()
    const mark = await facts.mark()
    const request = await facts.collect(last.request, new Date(now).toISOString())
    const subjects = (await facts.subjects(own, now)) ?? []
    const rows = new Map((await store.subjects()).map((row) => [row.path, row]))
    const entries: NewEntry[] = []
    const wanted = new Set<string>()
    for (const subject of subjects) {
      const path = pathFor(subject, rows)
      wanted.add(path)
      const row = rows.get(path)
      if (row?.facts !== factsOf(subject, publicUrl)) entries.push(nextEntry(rooms, subject, path, row))
    }
    for (const row of rows.values())
      if (row.ended_at === null && !wanted.has(row.path)) entries.push(lastEntry(rooms, row))
    const before = new Map([...rows.values()].map(({ path, entries: count }) => [path, Number(count)]))
    for (let at = 0; at < entries.length; at += AT_ONCE)
      await store.add(entries.slice(at, at + AT_ONCE), before)
    last = { mark, request }
  }

  return { run, isDue: async () => (await facts.mark()) !== last.mark }
}

/** The path of the subject's living history: the first one that was not ended. */
function pathFor({ segments }: Subject, rows: ReadonlyMap<string, DidSubjectRow>): string {
  const path = pathOf(segments)
  for (let times = 1; ; times++) {
    const one = times === 1 ? path : againPath(path, times)
    if ((rows.get(one)?.ended_at ?? null) === null) return one
  }
}

function nextEntry(rooms: Rooms, subject: Subject, path: string, row: DidSubjectRow | undefined): NewEntry {
  const { publicUrl } = rooms
  const didOf = (scid: string): string => `did:webvh:${scid}:${nameAt(publicUrl, path)}`
  const aliases = [webDid(publicUrl, subject.segments)]
  return entryOf(rooms, {
    ...{ path, row, kind: subject.kind, id: subject.id, isLast: false },
    facts: factsOf(subject, publicUrl),
    state: (scid) => documentOf(subject, { did: didOf(scid), aliases, publicUrl }),
  })
}

/** An empty document: nobody holds keys for it any more. */
function lastEntry(rooms: Rooms, row: DidSubjectRow): NewEntry {
  const { path, kind, subject: id, did } = row
  const state = () => ({ '@context': ['https://www.w3.org/ns/did/v1'], id: did })
  return entryOf(rooms, { path, row, kind, id, facts: '', isLast: true, state })
}

type Wanted = Pick<DidSubjectRow, 'path' | 'kind' | 'facts'> & {
  id: string
  row: DidSubjectRow | undefined
  isLast: boolean
  state: Parameters<typeof writeDidEntry>[0]['state']
}

function entryOf({ keys, publicUrl, clock }: Rooms, wanted: Wanted): NewEntry {
  const { path, row, isLast, state } = wanted
  const number = Number(row?.entries ?? 0) + 1
  const now = new Date(clock())
  const last: LastEntry | undefined = row && {
    ...{ scid: row.scid, versionId: row.version_id, versionTime: row.version_time },
  }
  const { line, scid, versionId, versionTime } = writeDidEntry(
    {
      ...{ state, at: now, key: keys.updateKey(path, number) },
      nextKey: isLast ? undefined : keys.updateKey(path, number + 1),
    },
    last,
  )
  const at = now.toISOString()
  const subject: DidSubjectRow = {
    ...{ path, kind: wanted.kind, subject: wanted.id, scid, facts: wanted.facts },
    did: `did:webvh:${scid}:${nameAt(publicUrl, path)}`,
    ...{ version_id: versionId, version_time: versionTime, entries: number, ended_at: isLast ? at : null },
  }
  return { subject, line, sha256: hash('sha256', line, 'hex'), at }
}

/** The segments of a path are written for a DID already. */
function nameAt(publicUrl: string, path: string): string {
  return [webName(publicUrl, []), ...path.split('/').filter((segment) => segment !== '')].join(':')
}
