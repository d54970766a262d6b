/**
 * One instance that the proxy passes on: fetched, judged, signed again, published. What was accepted last
 * stays until it ends by its own documents; nothing here makes it last longer, and nothing older or unproved
 * takes its place.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { anchorHash as hashOf } from '#core/configuration/anchor.ts'
import { checkListNumber, type HighWaterMark, listMark, raiseMark } from '#core/configuration/high-water.ts'
import { MAX_LIST_LENGTH, verifySuspensionList } from '#core/configuration/suspension-list.ts'
import type { Clock } from '#platform/clock.ts'
import { candidateLocations, type Location } from '#platform/configuration-documents/candidates.ts'
import { withParametersReader } from '#platform/configuration-documents/read-parameters.ts'
import { createTurn } from '#platform/in-turn.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { divideTimeLimit } from '#platform/time-limits.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { ConfigurationAnchor, ConfigurationSource } from '#schemas/global-configuration.ts'
import type { ImportClient } from '../configuration/other-instances/client.ts'
import { contentName, type Fetched, fetchUpstream } from './fetch-upstream.ts'
import { followLog, hasRoot } from './follow-log.ts'
import { endOf } from './judge-upstream.ts'
import { type Kept, type KeptList, keep, namesIn, partFile, readKept } from './kept-upstream.ts'
import { type LeafTree, openLeafTree } from './leaf-tree.ts'
import type { ProxyKeys } from './proxy-keys.ts'
import { createPublished, type Published, SUPERSEDED_KEPT_MS } from './published.ts'
import type { InstanceSettings } from './settings.ts'

export type Attempt = { at: Date | undefined; succeededAt: Date | undefined; fault: Fault | undefined }

export type ProxiedInstance = {
  settings: InstanceSettings
  anchor: { hash: string; instance: string }
  published: Published
  tree: LeafTree
  /** Publishes what was kept, before anything is fetched. */
  restore(): Promise<void>
  /**
   * Fetches the configuration, and signs what is accepted anew. Throws when nothing acceptable was found;
   * what was published stays.
   */
  refresh(): Promise<void>
  /** Fetches the suspension list alone, more often. Throws likewise. */
  refreshSuspensions(): Promise<void>
  state(): {
    attempt: Attempt
    lists: Attempt
    /** When the source's configuration ends, undefined while none was accepted. */
    endsAt: Date | undefined
    index: number | undefined
    versions: number[]
    source: string | undefined
    listNumber: number | undefined
  }
  close(): Promise<void>
}

/** For all sources together. */
const FETCH_MS = 120_000
const LIST_MS = 15_000
/** The greatest difference between the clocks of registry and proxy. */
const AHEAD_MS = 5 * 60_000

/** Throws `malformed_anchor`, `invalid_configuration` or `io_error`. */
export async function openInstance(q: {
  settings: InstanceSettings
  folder: string
  keys: ProxyKeys
  client: Pick<ImportClient, 'get'>
  clock: Clock
  log: Log
}): Promise<ProxiedInstance> {
  const { settings, folder, clock } = q
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const { anchor, anchorHash } = await readAnchorFile(settings.anchorFile)
  const { instance } = anchor
  const warn = (fault: Fault): void =>
    q.log.warn({ err: fault, proxied: settings.name }, 'the configuration that was kept is not used')
  const restored = await readKept(folder, { anchor, anchorHash, warn })
  const tree = await openLeafTree(path.join(folder, 'log'))
  const readAnnounced = createReader()
  const published = createPublished({
    ...{ name: settings.name, folder, keys: q.keys, clock, tree },
    warn: (fault) => q.log.error({ err: fault, proxied: settings.name }, 'no directory can be signed'),
  })
  let { mark, kept, list } = restored
  /** The list on disk. */
  let savedList = list?.text
  // The root has to be that of the leaves, not of levels that a crash left. Damaged leaves are fetched again.
  await tree.rebuild()
  if (mark?.logHead !== undefined && !(await hasRoot(tree, mark.logHead.head))) await tree.truncate(0)
  // Until the first fetch only the certificates may be known, not the addresses.
  let { sources, certificates: learned }: Announcement =
    kept === undefined
      ? { sources: [], certificates: restored.learned }
      : await readAnnounced({ versions: kept.versions, contents: new Map() }, instance, folder)
  let last: string | undefined
  /** Contents of publications that were replaced lately, with when that was. */
  const lately = new Map<string, number>()
  const attempt: Attempt = { at: undefined, succeededAt: undefined, fault: undefined }
  const lists: Attempt = { at: undefined, succeededAt: undefined, fault: undefined }
  const [inTurn, listsInTurn, saving, publishing] = [createTurn(), createTurn(), createTurn(), createTurn()]

  // In turn, and with what is kept when its turn comes: signing takes a moment, and what began before must
  // not end after.
  const publish = (): Promise<void> =>
    publishing(() =>
      published.renew({
        kept,
        list,
        instance,
        validitySeconds: settings.validitySeconds,
        fault: attempt.fault,
      }),
    )

  /** What is accepted counts once it is on disk. Without `accepted` only the list and the marks are new. */
  const save = (accepted?: Kept, contents: ReadonlyMap<string, Buffer> = new Map()): Promise<void> =>
    saving(async () => {
      const next = accepted ?? kept
      for (const [name, since] of lately) if (clock() - since > SUPERSEDED_KEPT_MS) lately.delete(name)
      const newest = next?.versions[0]
      const raised =
        newest === undefined || accepted === undefined
          ? mark
          : raiseMark(mark, newest.directory, { statement: newest.statement, logHead: next?.logHead })
      const [names, listNow] = [new Set(lately.keys()), list]
      await keep(folder, { kept: next, mark: raised, list: listNow, contents, anchorHash, lately: names })
      savedList = listNow?.text
      ;[kept, mark] = [next, { ...raised, suspensions: mark?.suspensions }]
    })

  /** Tries the places in turn; a fault in a document says more than a place that does not answer. */
  async function first<T>(
    withinMs: number,
    act: (location: Location, get: ImportClient['get']) => Promise<T>,
  ) {
    const failures: Fault[] = []
    const nextShare = divideTimeLimit(withinMs)
    for (const location of candidateLocations({ anchor, sources, learned, lastUrl: last })) {
      const signal = nextShare()
      try {
        const found = await act(location, (url, maxBytes) => q.client.get(url, maxBytes, signal))
        last = location.url
        return found
      } catch (cause) {
        failures.push(asFault(cause))
      }
    }
    throw failures.find(({ code }) => code !== 'network_error') ?? failures[0]
  }

  async function accept(fetched: Fetched): Promise<void> {
    const { versions, leaf, logHead } = fetched
    const announcement = await readAnnounced(fetched, instance, folder)
    for (const name of (kept?.versions ?? []).flatMap(namesIn)) lately.set(name, clock())
    await save({ versions, leaf, logHead, learned: announcement.certificates }, fetched.contents)
    ;({ sources, certificates: learned } = announcement)
  }

  async function fetchNow(): Promise<void> {
    const isKept = new Set((kept?.versions ?? []).flatMap(namesIn))
    const fetched = await first(FETCH_MS, async (location, get) => {
      const found = await fetchUpstream({
        ...{ get, location, instance, mark, now: clock() },
        isKept: (part) => isKept.has(contentName(part)),
      })
      if (found.logHead !== undefined)
        await followLog({
          ...{ get, tree, url: found.url, head: found.logHead.head },
          marked: mark?.logHead?.head,
        })
      return found
    })
    await accept(fetched)
  }

  async function fetchList(): Promise<void> {
    if (kept?.versions[0]?.statement?.hasSuspensionList !== true) return
    const found = await first(LIST_MS, async (location, get): Promise<KeptList> => {
      const place = new URL(location.url)
      place.pathname += '-suspensions'
      const { status, body } = await get(place.href, MAX_LIST_LENGTH)
      if (status !== 200)
        throw new Fault('network_error', {
          what: `${place.host} answered ${status} instead of a suspension list`,
        })
      return judgeList(body, location.documentCertificates, { instance, mark, now: clock() })
    })
    if (found.text === list?.text && found.text === savedList) return
    // It takes effect even if the disk is full.
    list = found
    mark = { ...mark, suspensions: listMark(found.list, found.text) }
    await publish()
    await save()
  }

  const noted = async (of: Attempt, act: () => Promise<void>): Promise<void> => {
    of.at = new Date(clock())
    try {
      await act()
      of.succeededAt = new Date(clock())
      of.fault = undefined
    } catch (cause) {
      of.fault = asFault(cause)
      throw cause
    }
  }

  return {
    settings,
    anchor: { hash: anchorHash, instance },
    published,
    tree,
    restore: publish,
    refresh: () =>
      inTurn(() =>
        // What is there is signed anew even if nothing came: its directory may end before the source's.
        noted(attempt, fetchNow).finally(publish),
      ),
    refreshSuspensions: () => listsInTurn(() => noted(lists, fetchList)),
    state: () => ({
      ...{ attempt, lists, source: last, listNumber: list?.list.number },
      endsAt: kept && new Date(endOf(kept.versions)),
      index: kept?.versions[0]?.statement?.index,
      versions: (kept?.versions ?? []).map(({ version }) => version),
    }),
    close: () => tree.close(),
  }
}

async function readAnchorFile(file: string): Promise<{ anchor: ConfigurationAnchor; anchorHash: string }> {
  const xml = await readFile(file).catch((cause: unknown) => {
    throw new Fault('invalid_configuration', { what: `the anchor ${file} cannot be read`, cause })
  })
  return { anchor: await withParametersReader((read) => read('anchor', xml)), anchorHash: hashOf(xml) }
}

type Announcement = { sources: ConfigurationSource[]; certificates: Buffer[] }

/**
 * Reads what the newest shared parameters say of the instance's sources, from which trust goes on when the
 * registry changes its key. Equal parameters are read once.
 */
function createReader() {
  let known: { name: string; announcement: Announcement } | undefined
  return async (
    { versions, contents }: Pick<Fetched, 'versions' | 'contents'>,
    instance: string,
    folder: string,
  ): Promise<Announcement> => {
    const part = versions[0]!.directory.parts.find(
      (one) => one.identifier === 'SHARED-PARAMETERS' && one.instance === instance,
    )!
    const name = contentName(part)
    if (known?.name === name) return known.announcement
    const xml = contents.get(name) ?? (await readFile(partFile(folder, name)))
    const { few } = await withParametersReader((read) => read('shared', xml))
    if (few.instance !== instance)
      throw new Fault('malformed_global_conf', {
        what: `parameters of instance ${few.instance.slice(0, 40)} stand in it`,
      })
    const { sources } = few
    const certificates = sources.flatMap((one) => [
      ...one.internalVerificationCerts,
      ...one.externalVerificationCerts,
    ])
    known = { name, announcement: { sources, certificates: distinct(certificates) } }
    return known.announcement
  }
}

function distinct(certificates: Buffer[]): Buffer[] {
  const byHash = new Map(certificates.map((one) => [createHash('sha256').update(one).digest('hex'), one]))
  return [...byHash.values()]
}

function judgeList(
  body: Buffer,
  certificates: Buffer[],
  q: { instance: string; mark: HighWaterMark | undefined; now: number },
): KeptList {
  const text = body.toString('latin1').trim()
  const list = verifySuspensionList(text, certificates)
  if (list.instance !== q.instance)
    throw new Fault('malformed_global_conf', {
      what: `the suspension list is of ${list.instance.slice(0, 40)}`,
    })
  checkListNumber(q.mark, listMark(list, text))
  if (Date.parse(list.issuedAt) > q.now + AHEAD_MS)
    throw new Fault('malformed_global_conf', { what: 'the suspension list was issued in the future' })
  if (Date.parse(list.expiresAt) <= q.now)
    throw new Fault('suspension_list_outdated', { what: `since ${list.expiresAt}` })
  return { text, list }
}
