/**
 * Writes the next entry of each history whose document changed, begins those of newcomers, and ends those of
 * who left. Guarantees that a history only grows: an identifier that was ended stays so, and whoever comes
 * again gets a new one beside it. No entry is of a time to come. After a register was restored from a backup,
 * the newest entries of a history may be lost: it is left as it is, and a new one begun. A key that was
 * replaced signs one more entry of each history, which announces the new one; a history whose key is lost is
 * left likewise.
 */
import { hash } from 'node:crypto'
import type { LastEntry } from '#core/did/did-entry.ts'
import { earliestAfter, writeDidEntry } from '#core/did/did-entry.ts'
import { webName } from '#core/did/web-name.ts'
import type { Clock } from '#platform/clock.ts'
import type { HistoryKeys } from '../../configuration/identity-keys/identity-keys.ts'
import type { DidSubjectRow } from '../../register/identity-tables.ts'
import { againPath, documentOf, factsOf, pathOf, type Subject, webDid } from './documents.ts'
import type { FactsStore, Own } from './facts-store.ts'
import type { IdentityStore, NewEntry } from './store.ts'

type Rooms = {
  facts: Pick<FactsStore, 'subjects' | 'mark' | 'collect' | 'restoredAt'>
  store: Pick<IdentityStore, 'subjects' | 'add' | 'leave'>
  keys: Pick<HistoryKeys, 'newest' | 'entryKey' | 'isLost'>
  /** Read anew each time: keys are replaced, and stop being accepted. */
  own(): Promise<Own>
  url: string
  clock: Clock
}

const AT_ONCE = 50

type Update = {
  run(): Promise<void>
  /** Whether something happened since the last run of this node. */
  isDue(): Promise<boolean>
}

export function createUpdate(rooms: Rooms): Update {
  const { facts, store, url, clock, keys } = rooms
  let last = { mark: '', request: 0, key: 0, own: '' }
  /**
   * When the first of the entries can be written that this node left undone, since the ones before them are
   * of a time to come.
   */
  let waitsUntil = Number.POSITIVE_INFINITY

  async function run(): Promise<void> {
    const now = clock()
    const mark = await facts.mark()
    const request = await facts.collect(last.request)
    const own = await rooms.own()
    const subjects = (await facts.subjects(own, now)) ?? []
    const rows = new Map((await store.subjects()).map((row) => [row.path, row]))
    const entries: NewEntry[] = []
    const wanted = new Set<string>()
    let waits = Number.POSITIVE_INFINITY
    // A clock was set back, or two changes fall into one second: an entry of a time to come would be refused
    // by whoever reads it.
    const mayWrite = (row: DidSubjectRow | undefined): boolean => {
      const earliest = row === undefined ? 0 : earliestAfter(row.version_time)
      if (earliest > now) waits = Math.min(waits, earliest)
      return earliest <= now
    }
    const restoredAt = await facts.restoredAt()
    const left: string[] = []
    const newest = await keys.newest()
    const lost = new Set<number>()
    for (let of = 1; of < newest; of++) if (await keys.isLost(of)) lost.add(of)
    const isLost = (row: DidSubjectRow): boolean => lost.has(Number(row.next_key))
    for (const subject of subjects) {
      const path = pathFor(subject, rows)
      wanted.add(path)
      const row = rows.get(path)
      const isNew = row?.facts === factsOf(subject, url) && Number(row.next_key) === newest
      if (isNew || !mayWrite(row)) continue
      if (row === undefined || (Date.parse(row.version_time) >= restoredAt && !isLost(row)))
        entries.push(await nextEntry(rooms, now, { subject, path, row, newest }))
      else {
        left.push(path)
        const known = new Map(rows).set(path, { ...row, ended_at: new Date(now).toISOString() })
        const next = pathFor(subject, known)
        entries.push(await nextEntry(rooms, now, { subject, path: next, row: undefined, newest }))
      }
    }
    for (const row of rows.values())
      if (row.ended_at === null && !wanted.has(row.path) && mayWrite(row)) {
        if (isLost(row)) left.push(row.path)
        else entries.push(await lastEntry(rooms, now, row))
      }
    const before = new Map([...rows.values()].map(({ path, entries: count }) => [path, Number(count)]))
    await store.leave(left, new Date(now).toISOString())
    for (let at = 0; at < entries.length; at += AT_ONCE)
      await store.add(entries.slice(at, at + AT_ONCE), before)
    last = { mark, request, key: newest, own: namesOf(own) }
    waitsUntil = waits
  }

  return {
    run,
    isDue: async () =>
      clock() >= waitsUntil ||
      (await facts.mark()) !== last.mark ||
      (last.key !== 0 && ((await keys.newest()) !== last.key || namesOf(await rooms.own()) !== last.own)),
  }
}

function namesOf({ keys }: Own): string {
  return keys.map(({ name }) => name).join()
}

/** The path of the subject's living history: the first one that was not ended. */
function pathFor({ segments }: Subject, rows: ReadonlyMap<string, DidSubjectRow>): string {
  const path = pathOf(segments)
  for (let times = 1; ; times++) {
    const one = times === 1 ? path : againPath(path, times)
    if ((rows.get(one)?.ended_at ?? null) === null) return one
  }
}

function nextEntry(
  rooms: Rooms,
  now: number,
  {
    subject,
    path,
    row,
    newest,
  }: { subject: Subject; path: string; row: DidSubjectRow | undefined; newest: number },
): Promise<NewEntry> {
  const { url } = rooms
  // Whoever has a DID keeps it: only the first entry computes one.
  const didOf = (scid: string): string => row?.did ?? newDid(url, path, scid)
  const aliases = [webDid(url, subject.segments)]
  return entryOf(rooms, now, {
    ...{ path, row, kind: subject.kind, id: subject.id, nextKey: newest },
    facts: factsOf(subject, url),
    state: (scid) => documentOf(subject, { did: didOf(scid), aliases, url }),
  })
}

/** An empty document: nobody holds keys for it any more. */
function lastEntry(rooms: Rooms, now: number, row: DidSubjectRow): Promise<NewEntry> {
  const { path, kind, subject: id, did } = row
  const state = () => ({ '@context': ['https://www.w3.org/ns/did/v1'], id: did })
  return entryOf(rooms, now, { path, row, kind, id, facts: '', nextKey: undefined, state })
}

type Wanted = Pick<DidSubjectRow, 'path' | 'kind' | 'facts'> & {
  id: string
  row: DidSubjectRow | undefined
  /** Which key signs the entry after this one; undefined: none follows. */
  nextKey: number | undefined
  state: Parameters<typeof writeDidEntry>[0]['state']
}

async function entryOf({ keys, url }: Rooms, now: number, wanted: Wanted): Promise<NewEntry> {
  const { path, row, nextKey, state } = wanted
  const number = Number(row?.entries ?? 0) + 1
  const last: LastEntry | undefined = row && {
    ...{ scid: row.scid, versionId: row.version_id, versionTime: row.version_time },
  }
  const { line, scid, versionId, versionTime } = writeDidEntry(
    {
      ...{ state, at: new Date(now) },
      // As the entry before announced it.
      key: await keys.entryKey(row === undefined ? nextKey! : Number(row.next_key), path, number),
      nextKey: nextKey === undefined ? undefined : await keys.entryKey(nextKey, path, number + 1),
    },
    last,
  )
  const at = new Date(now).toISOString()
  const subject: DidSubjectRow = {
    ...{ path, kind: wanted.kind, subject: wanted.id, scid, facts: wanted.facts },
    did: row?.did ?? newDid(url, path, scid),
    ...{ version_id: versionId, version_time: versionTime, entries: number },
    ...{ ended_at: nextKey === undefined ? at : null, next_key: nextKey ?? Number(row!.next_key) },
  }
  return { subject, line, sha256: hash('sha256', line, 'hex'), at }
}

/** The segments of a path are written for a DID already. */
function newDid(url: string, path: string, scid: string): string {
  const name = [webName(url, []), ...path.split('/').filter((segment) => segment !== '')].join(':')
  return `did:webvh:${scid}:${name}`
}
