/**
 * Keeps the accepted copies in memory and on disk consistent. A copy is written completely before it is used,
 * then the marks. After a crash between the two writes the copy itself shows how new it is.
 */
import { isDeepStrictEqual } from 'node:util'
import { verifyDirectory } from '#core/configuration/directory-verify.ts'
import type { Clock } from '#platform/clock.ts'
import {
  certificatesOf,
  documentCertificatesFor,
  type Shuffle,
  shuffled,
} from '#platform/configuration-documents/candidates.ts'
import {
  type ReadParameters,
  withParametersReader,
} from '#platform/configuration-documents/read-parameters.ts'
import { createPlaces, createTurn } from '#platform/in-turn.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { createSingleFlight, within } from '#platform/time-limits.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { ConfigurationAnchor } from '#schemas/global-configuration.ts'
import type { ConfigurationClient } from './client.ts'
import { createCurrentSnapshot } from './current-snapshot.ts'
import type { DurableFiles } from './durable-files.ts'
import { createGenerations } from './generations.ts'
import { type InstanceCopy, type Kind, withoutContents } from './instance-copy.ts'
import { createKeptMarks } from './kept-marks.ts'
import { createKeptSuspensionLists, type KeptSuspensionList } from './kept-suspension-lists.ts'
import { createPassedTime } from './passed-time.ts'
import { createListRefresh, LIST_WITHIN_MS } from './refresh-lists.ts'
import { createRegistryView, type OwnView, type RegistryView } from './registry-view.ts'
import { restoreCopies } from './restore.ts'
import { type ConfigurationSnapshot, contentVersion } from './snapshot.ts'
import { type LastPlace, tryLocations } from './try-locations.ts'

/**
 * The bound for one federated instance, all its locations together; its suspension list has its own bound.
 */
const FEDERATED_WITHIN_MS = 60_000
/**
 * How many configurations of other instances are parsed at a time, each on its own thread with bounds on time
 * and memory.
 */
const FEDERATED_READERS = 3
const FEDERATED_LIMITS = { timeMs: 30_000, oldGenerationMb: 1024 }

export type Holder = {
  snapshot(): ConfigurationSnapshot | undefined
  /** See `PassedTime`. */
  now: Clock
  copies(): InstanceCopy[]
  /** Allowed instances of which no configuration has been accepted. */
  federatedMissing(): string[]
  onChange(listener: (snapshot: ConfigurationSnapshot) => void): () => void
  /**
   * Takes the configuration on disk into use when it passes every check. Otherwise it leaves the files alone
   * and logs why.
   */
  restore(anchor: ConfigurationAnchor, read: ReadParameters): Promise<void>
  /**
   * Takes our own registry's configuration into use. Other instances are fetched in the background; `others`
   * resolves when each has succeeded or failed.
   */
  refresh(anchor: ConfigurationAnchor, read: ReadParameters): Promise<{ others: Promise<unknown> }>
  /**
   * Fetches the suspension list of every instance that has one. Throws when the list of the own instance
   * could not be fetched.
   */
  refreshSuspensions(anchor: ConfigurationAnchor): Promise<void>
  listOf(instance: string): KeptSuspensionList | undefined
  obeyRevocations(certificates: ReadonlySet<string>): void
  registry: Pick<RegistryView, 'state'>
  /** Takes a log head from a peer; true when it shows a newer configuration than ours. */
  hear(head: string | undefined): boolean
  /**
   * To be called before another anchor is installed: of what was learned under the old one only
   * `learnedUnder` counts.
   */
  forget(anchor: ConfigurationAnchor, o: { withHistory: boolean }): Promise<void>
  /** The marks for other nodes, as `kept-marks.ts` says. */
  sharedMarks: Pick<
    Awaited<ReturnType<typeof createKeptMarks>>,
    'toShare' | 'toShareWithout' | 'mustForget' | 'follow'
  >
  /** To be called after another anchor was installed. */
  keepOnlyWhatIsSignedFor(anchor: ConfigurationAnchor): void
}

export type HolderSettings = {
  /** The folder of copies and marks. */
  directory: string
  clock: Clock
  log: Log
  client: ConfigurationClient
  /**
   * Other instances to fetch through the anchors in the private parameters; none by default, as in X-Road.
   */
  allowedFederations?: string[] | 'all' | undefined
  /** Only for tests. */
  federatedWithinMs?: number | undefined
  files: DurableFiles
  shuffle?: Shuffle | undefined
}

export async function createHolder(q: HolderSettings): Promise<Holder> {
  const generations = await createGenerations(q.directory, q.files)
  const lists = createKeptSuspensionLists(q)
  const view = createRegistryView(q)
  const marks = await createKeptMarks(q)
  const time = createPassedTime({ ...q, marks })
  const current = createCurrentSnapshot({ ...q, clock: time.now, listOf: lists.of })
  const places = new Map<string, LastPlace>()
  let copies: InstanceCopy[] = []
  let layout = ''
  let isReusable = true
  /** Counts changes of trust: a fetch that began before the last change is not used. */
  let era = 0
  let trusted: ConfigurationAnchor | undefined

  const isAllowed = (instance: string): boolean =>
    q.allowedFederations === 'all' || (q.allowedFederations?.includes(instance) ?? false)

  const use = (accepted: InstanceCopy[]): void => {
    copies = accepted.map((copy) => ({ ...copy, parts: withoutContents(copy.parts) }))
    marks.raise(copies)
  }

  const publish = (): void => current.renew(copies, layout)
  const raiseListMarks = (): void => marks.raiseByLists(lists.of)
  const listRefresh = createListRefresh({
    ...{ lists, shuffle: q.shuffle, log: q.log, raiseMarks: raiseListMarks },
    markOf: (instance) => marks.of(instance)?.mark,
    learnedOf: marks.learnedOf,
    lastUrl: ({ url, instance }) => url ?? places.get(instance)?.url,
    obey: async () => {
      if (copies.length > 0) publish()
      await marks.persist()
    },
  })

  const fetch = async (
    anchor: ConfigurationAnchor,
    kind: Kind,
    read: ReadParameters,
    withinMs?: number,
  ): Promise<InstanceCopy> => {
    const { instance } = anchor
    const copy = copies.find((known) => known.instance === instance)
    const last = places.get(instance)
    const mark = marks.of(instance)?.mark
    const onFork = kind === 'own' ? view.report : undefined
    const known = { kind, mark, copy, isReusable, last, learned: marks.learnedOf(instance) }
    const found = await tryLocations({ ...q, ...known, anchor, read, onFork, withinMs })
    places.set(instance, found.last)
    return found.copy
  }

  const federatedAnchors = (own: InstanceCopy): ConfigurationAnchor[] =>
    (own.privateParameters?.anchors ?? []).filter(
      ({ instance }) => instance !== own.instance && isAllowed(instance),
    )

  /** The held copies of the instances that our configuration names, with `newer` for its older copy. */
  const federatedOf = (own: InstanceCopy, newer?: InstanceCopy): InstanceCopy[] =>
    federatedAnchors(own).flatMap(({ instance }) =>
      newer?.instance === instance ? newer : (copies.find((known) => known.instance === instance) ?? []),
    )

  const installing = createTurn()
  const install = async (accepted: InstanceCopy[]): Promise<void> => {
    if (!isReusable && !accepted.every(isWhole))
      throw new Fault('io_error', { what: 'the last copy was not written: all of it is fetched again' })
    if (!isReusable || isDifferent(accepted, copies)) {
      isReusable = false
      layout = await generations.save(accepted)
      isReusable = true
    }
    use(accepted)
    raiseListMarks()
    publish()
    await marks.persist()
  }

  /** Takes another instance's fetched configuration into use, unless its anchor has changed meanwhile. */
  const installOther = (copy: InstanceCopy, anchor: ConfigurationAnchor, begun: number): Promise<void> =>
    installing(async () => {
      const own = copies[0]
      if (own === undefined || era !== begun) return
      if (!federatedAnchors(own).some((one) => isDeepStrictEqual(one, anchor))) return
      // Its unchanged parts are on disk only as long as its last copy is held.
      if (!isWhole(copy) && !copies.some(({ instance }) => instance === copy.instance)) return
      await install([own, ...federatedOf(own, copy)])
    })

  const withinMs = q.federatedWithinMs ?? FEDERATED_WITHIN_MS
  const oneFetchEach = createSingleFlight(withinMs)
  const readFederated = createFederatedReading()
  const follow = (anchor: ConfigurationAnchor): Promise<void> =>
    oneFetchEach(anchor.instance, async (signal) => {
      const begun = era
      try {
        const copy = await readFederated(signal, (read) => fetch(anchor, 'federated', read, withinMs))
        await listRefresh.beforeUse(copy, anchor, LIST_WITHIN_MS)
        await installOther(copy, anchor, begun)
      } catch (cause) {
        // The last copy is used until it expires.
        q.log.warn(
          { err: asFault(cause), instance: anchor.instance },
          'no newer configuration of an instance',
        )
      }
    })

  const ownView = (): OwnView | undefined => {
    const [own] = copies
    const marked = own === undefined ? undefined : marks.of(own.instance)
    if (marked?.mark.logHead === undefined || trusted === undefined) return undefined
    return {
      newest: marked.mark.logHead,
      certificates: documentCertificatesFor(trusted, marked.learnedCertificates),
    }
  }

  const anchorOf = (own: ConfigurationAnchor, instance: string): ConfigurationAnchor | undefined =>
    instance === own.instance
      ? own
      : federatedAnchors(copies[0]!).find((anchor) => anchor.instance === instance)

  return {
    listOf: lists.of,
    registry: view,
    hear: (head) =>
      // Called for each message; nearly all peers have the same head.
      head !== undefined && head !== copies[0]?.logHead?.text && view.hear(head, ownView()),
    refreshSuspensions: async (anchor) => {
      const [own, ...others] = copies
      // Another instance that answers slowly must not delay the list of our own registry.
      for (const copy of others) void listRefresh.obeyedOfOther(copy, () => anchorOf(anchor, copy.instance))
      if (own !== undefined) await listRefresh.obeyed(own, anchor)
    },
    ...{ now: time.now, snapshot: current.get, onChange: current.onChange, obeyRevocations: current.revoke },
    copies: () => copies,
    federatedMissing: () => missingOf(copies.slice(0, 1).flatMap(federatedAnchors), copies),
    restore: async (anchor, read) => {
      try {
        const stored = await generations.load()
        if (stored === undefined) return
        trusted = anchor
        marks.learnUnder(anchor)
        use(await restoreCopies({ stored: stored.copies, anchor, marks: marks.onDisk(), isAllowed, read }))
        time.restore(copies[0])
        for (const { instance } of copies) {
          const { mark, learnedCertificates } = marks.onDisk().get(instance) ?? marks.of(instance)!
          const its = anchorOf(anchor, instance) ?? anchor
          await lists.restore(instance, documentCertificatesFor(its, learnedCertificates), mark)
        }
        raiseListMarks()
        layout = stored.folder
        publish()
      } catch (cause) {
        copies = []
        q.log.warn({ err: asFault(cause) }, 'the global configuration on disk is not used')
      }
    },
    refresh: async (anchor, read) => {
      trusted = anchor
      marks.learnUnder(anchor)
      const own = await fetch(anchor, 'own', read).catch(async (cause: unknown) => {
        // A federated copy may have expired meanwhile.
        if (copies.length > 0) publish()
        await time.note()
        throw cause
      })
      await listRefresh.beforeUse(own, anchor)
      time.begin(own, marks.of(own.instance)?.mark.statement?.index)
      // Our own registry's news, for example a revocation, does not wait for an instance that answers slowly.
      // After a failed write the files on disk are not reused: other instances come back when they were
      // fetched again.
      await installing(() => install([own, ...(isReusable ? federatedOf(own) : [])]))
      // In random order, so that a slow instance is not always the first.
      const others = Promise.all(shuffled(federatedAnchors(own)).map(follow))
      const held = ownView()
      if (held !== undefined && own.url !== undefined) await view.settle(held, own.url)
      return { others }
    },
    forget: (anchor, { withHistory }) =>
      installing(async () => {
        era += 1
        marks.forget(anchor, { withHistory })
        await marks.follow()
        lists.forget()
        if (withHistory) await view.forget()
        places.clear()
        await marks.persist()
      }),
    sharedMarks: marks,
    keepOnlyWhatIsSignedFor: (anchor) => {
      const own = copies[0]
      if (own?.instance === anchor.instance && isSignedFor(own, anchor)) return
      copies = []
      current.drop()
    },
  }
}

/**
 * Runs each federated fetch with a parser thread of its own that ends with it: our own configuration does not
 * wait for another instance's.
 */
function createFederatedReading() {
  const { run: inPlace } = createPlaces(FEDERATED_READERS)
  return <T>(signal: AbortSignal, act: (read: ReadParameters) => Promise<T>): Promise<T> =>
    withParametersReader((read) => {
      const readInPlace: ReadParameters = (kind, xml) =>
        inPlace(async () => {
          signal.throwIfAborted()
          return await read(kind, xml)
        })
      return within(signal, act(readInPlace))
    }, FEDERATED_LIMITS)
}

/** The instances of which there is an anchor and no copy. */
function missingOf(anchors: ConfigurationAnchor[], copies: InstanceCopy[]): string[] {
  return anchors
    .map(({ instance }) => instance)
    .filter((instance) => !copies.some((copy) => copy.instance === instance))
}

/** Whether all parts have their content, so that nothing is needed from disk. */
function isWhole({ parts }: InstanceCopy): boolean {
  return parts.every(({ content }) => content !== undefined)
}

function isSignedFor(copy: InstanceCopy, anchor: ConfigurationAnchor): boolean {
  try {
    verifyDirectory(copy.directory, certificatesOf(anchor))
    return true
  } catch {
    return false
  }
}

function isDifferent(fetched: InstanceCopy[], held: InstanceCopy[]): boolean {
  return (
    contentVersion(fetched) !== contentVersion(held) ||
    fetched.some(
      (copy, at) =>
        !copy.directoryBytes.equals(held[at]?.directoryBytes ?? Buffer.alloc(0)) ||
        copy.statementText !== held[at]?.statementText,
    )
  )
}
