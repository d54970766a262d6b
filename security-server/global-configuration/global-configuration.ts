/**
 * The registry's signed configuration: fetched, verified and stored. The last accepted configuration is
 * current until it expires, never an older or unverified one. Jobs call `refresh()`; there is no timer here.
 */
import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { anchorHash } from '#core/configuration/anchor.ts'
import { hasPassed } from '#platform/clock.ts'
import {
  type ReadParameters,
  withParametersReader,
} from '#platform/configuration-documents/read-parameters.ts'
import { createTurn } from '#platform/in-turn.ts'
import { onNewest } from '#platform/shared-files/on-newest.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { ConfigurationAnchor } from '#schemas/global-configuration.ts'
import { kept, say } from '#schemas/said.ts'
import { type DurableFiles, durableFiles } from './durable-files.ts'
import { createHolder, type Holder, type HolderSettings } from './holder.ts'
import { createRegistryLog, type RegistryLog } from './registry-log.ts'
import { SHARED_MARKS_FILE } from './shared-marks.ts'
import type { ConfigurationSnapshot } from './snapshot.ts'
import { type AnchorSummary, type ConfigurationState, describeState } from './state.ts'

export type { ConfigurationSnapshot } from './snapshot.ts'

/** Of nodes that share their marks at one moment. */

export type GlobalConfiguration = {
  /**
   * Resolves when the configuration on disk has been verified and was taken or rejected; until then there is
   * no current one. Throws `io_error` or `malformed_anchor` when the installed anchor cannot be read.
   */
  restored(): Promise<void>
  /**
   * The current configuration. Throws `anchor_file_not_found` before set-up, `global_conf_outdated` without a
   * valid copy, and `suspension_list_outdated` when the instance has a suspension list and ours has expired.
   */
  current(): ConfigurationSnapshot
  /**
   * As `current`, and longer where the registry published a grace: for an exchange under a contract that
   * grants so many ms, or with `ANY_GRACE` before its contract is known. Who uses that has to ask `overdue`
   * of the snapshot once it is.
   */
  currentWithin(graceMs: number): ConfigurationSnapshot
  /**
   * Fetches what is published at the time of the call or later; callers share a fetch that has not begun.
   * Throws when no acceptable configuration was found. Also waits for the other instances, two minutes at
   * most; `state()` shows their results.
   */
  refresh(): Promise<void>
  /**
   * As `refresh`, for the job: other instances are fetched in the background and do not delay the own one.
   */
  refreshOwn(): Promise<void>
  /**
   * Fetches only the suspension list, more often than the configuration. Throws when no acceptable list was
   * found.
   */
  refreshSuspensions(): Promise<void>
  /**
   * From now on these certificates (named by `certificateIn`) are refused: connections and verdicts that rest
   * on them end. Replaces those of the call before.
   */
  obeyRevocations(certificates: ReadonlySet<string>): void
  /**
   * Accepts a peer's header `x-concordat-configuration-head`. A configuration newer than ours is fetched at
   * once; a contradiction is kept as a proof. Costs nothing when the peer has the same head.
   */
  hear(head: string | undefined): void
  /** Calls `listener` when the content has changed. Returns a function that removes it. */
  onChange(listener: (snapshot: ConfigurationSnapshot) => void): () => void
  state(): ConfigurationState
  /**
   * When the newest configuration of the own instance ends or ended (ms), by its signature; undefined while
   * there is none.
   */
  signedUntil(): number | undefined
  /**
   * The registry's log for everybody. Undefined where it has none, or where nothing was fetched since the
   * start. Throws `network_error` or `malformed_global_conf`.
   */
  registryLog(): Promise<RegistryLog | undefined>
  /** Reads an anchor file, so that people can compare its hash before they install it. */
  readAnchor(xml: Buffer): Promise<AnchorSummary>
  /**
   * Installs an anchor durably. A copy that its certificates did not sign is dropped, so call `refresh()`
   * next. `forgetHistory` accepts an older configuration, after the registry was restored from a backup.
   */
  installAnchor(xml: Buffer, o?: { forgetHistory?: boolean | undefined }): Promise<AnchorSummary>
  /**
   * With several nodes: takes over an anchor, or an order to forget a history, that another node has put into
   * the folder.
   */
  follow(): Promise<void>
  /** With several nodes: tells the others the marks of this one, when they are higher. */
  shareMarks(): Promise<void>
}

/** `directory` also contains the anchor. */
type GlobalConfigurationSettings = Omit<HolderSettings, 'files'> & {
  files?: DurableFiles | undefined
  /** Writes a file of this folder on all nodes of the server; undefined for a server that is one node. */
  share?: ((name: string, bytes: Buffer) => Promise<void>) | undefined
}

const ANCHOR_FILE = 'anchor.xml'
/** Hints of peers cause at most one fetch in this time. */
const HINTS_APART_MS = 10_000

/**
 * Opens the room. The anchor and the last copy are read from disk and verified in the background: see
 * `restored`.
 */
export async function createGlobalConfiguration(
  q: GlobalConfigurationSettings,
): Promise<GlobalConfiguration> {
  const files = q.files ?? durableFiles
  const readRegistryLog = createRegistryLog(q.client)
  await mkdir(q.directory, { recursive: true })
  const anchorFile = path.join(q.directory, ANCHOR_FILE)
  const holder = await createHolder({ ...q, files })
  let anchor: Installed | undefined
  const restoring = withParametersReader(async (read) => {
    const installed = await readInstalled(anchorFile, read)
    if (installed !== undefined) await holder.restore(installed.anchor, read)
    anchor = installed
  })

  const attempt: ConfigurationState['attempt'] = {
    lastAttempt: undefined,
    lastSuccess: undefined,
    lastError: undefined,
  }
  let next: Promise<Refreshed> | undefined
  const inTurn = createTurn()
  inTurn(() => restoring).catch(() => undefined)
  const refresh = async (): Promise<Refreshed> => {
    attempt.lastAttempt = new Date(q.clock())
    try {
      if (anchor === undefined) throw new Fault('anchor_file_not_found')
      const { anchor: trusted } = anchor
      const refreshed = await withParametersReader((read) => holder.refresh(trusted, read))
      attempt.lastSuccess = new Date(q.clock())
      attempt.lastError = undefined
      return refreshed
    } catch (cause) {
      const { code, message, detail } = asFault(cause)
      attempt.lastError = { code, message: kept(message), detail, at: new Date(q.clock()) }
      throw cause
    }
  }
  // A fetch that has begun may have read what was published before this call, so it serves only those who
  // called before.
  const refreshOnce = (): Promise<Refreshed> => {
    next ??= inTurn(() => {
      next = undefined
      return refresh()
    })
    return next
  }
  const take = async (
    installed: Installed,
    withHistory: boolean,
    keep?: () => Promise<void>,
  ): Promise<void> => {
    await holder.forget(installed.anchor, { withHistory })
    await keep?.()
    anchor = installed
    holder.keepOnlyWhatIsSignedFor(installed.anchor)
  }
  let lastHint = Number.NEGATIVE_INFINITY
  const currentWithin = (grantedMs: number): ConfigurationSnapshot => {
    const snapshot = holder.snapshot()
    // A registry that signed two histories was not merely away: what it said last may be the wrong one.
    const isForked = holder.registry.state().fork?.kind === 'contradiction'
    const graceMs = isForked ? 0 : grantedMs
    if (anchor === undefined) throw new Fault('anchor_file_not_found')
    if (snapshot === undefined)
      throw new Fault('global_conf_outdated', { what: say`no copy has been accepted yet` })
    const fault = outdated(snapshot, { graceMs, now: holder.now() })
    if (fault !== undefined) throw fault
    return snapshot.within(graceMs)
  }
  return {
    restored: () => restoring,
    current: () => currentWithin(0),
    currentWithin,
    refresh: async () => {
      q.client.afresh?.()
      const { others } = await refreshOnce()
      await others
    },
    refreshOwn: async () => {
      await refreshOnce()
    },
    // Not in the same queue as the configuration: fetching a large configuration slowly must not delay a
    // suspension.
    refreshSuspensions: async () => {
      await restoring
      if (anchor === undefined) throw new Fault('anchor_file_not_found')
      await holder.refreshSuspensions(anchor.anchor)
    },
    obeyRevocations: holder.obeyRevocations,
    hear: (head) => {
      if (!holder.hear(head) || !hasPassed(q.clock(), lastHint, HINTS_APART_MS)) return
      lastHint = q.clock()
      q.client.afresh?.()
      refreshOnce().catch((cause: unknown) =>
        q.log.warn({ err: asFault(cause) }, 'a peer knows a newer configuration, which cannot be fetched'),
      )
    },
    onChange: holder.onChange,
    state: () =>
      describeState({
        anchor: anchor?.summary,
        attempt,
        copies: holder.copies(),
        federatedMissing: holder.federatedMissing(),
        listOf: holder.listOf,
        registry: holder.registry.state(),
        now: holder.now(),
      }),
    signedUntil: () => holder.copies()[0]?.expiresAt.getTime(),
    registryLog: async () => {
      const [own] = holder.copies()
      if (own?.url === undefined || own.statement === undefined || own.logHead === undefined) return undefined
      const { url, statement, logHead } = own
      return readRegistryLog({ url, statement, head: logHead })
    },
    readAnchor: async (xml) => summaryOf(await readAnchor(xml), xml),
    installAnchor: (xml, o) =>
      inTurn(async () => {
        const parsed = await readAnchor(xml)
        const summary = summaryOf(parsed, xml)
        if (summary.hash !== anchor?.summary.hash || o?.forgetHistory === true) {
          const withHistory = o?.forgetHistory === true
          // A crash from here on leaves what the next start, or another node, takes over as `follow` does.
          await onNewest(async () => {
            if (q.share !== undefined && withHistory)
              await q.share(SHARED_MARKS_FILE, await holder.sharedMarks.toShareWithout(parsed.instance))
            await q.share?.(ANCHOR_FILE, xml)
          })
          await take({ anchor: parsed, summary }, withHistory, () => files.replace(anchorFile, xml))
        }
        q.log.info(
          { anchor: summary, forgetHistory: o?.forgetHistory === true },
          'configuration anchor installed',
        )
        return summary
      }),
    follow: () =>
      inTurn(async () => {
        const installed = await withParametersReader((read) => readInstalled(anchorFile, read))
        const mustForget = await holder.sharedMarks.mustForget()
        if (installed === undefined) return
        if (installed.summary.hash === anchor?.summary.hash && !mustForget) return holder.sharedMarks.follow()
        await take(installed, mustForget)
        q.log.info(
          { anchor: installed.summary, forgetHistory: mustForget },
          'configuration anchor of another node',
        )
      }),
    shareMarks: () =>
      onNewest(async () => {
        const bytes = await holder.sharedMarks.toShare()
        if (bytes !== undefined) await q.share?.(SHARED_MARKS_FILE, bytes)
      }),
  }
}

/**
 * The fault of a configuration, or list, that has ended for who is granted so much grace; undefined while it
 * has not.
 */
function outdated(
  { expiresAt, suspensionsUntil, instance, graceMsOf }: ConfigurationSnapshot,
  { graceMs, now }: { graceMs: number; now: number },
): Fault | undefined {
  const latest = now - Math.min(graceMs, graceMsOf(instance))
  if (expiresAt.getTime() <= latest)
    return new Fault('global_conf_outdated', { what: say`since ${expiresAt.toISOString()}` })
  if (suspensionsUntil === undefined || suspensionsUntil.getTime() > latest) return undefined
  const since =
    suspensionsUntil.getTime() === 0 ? say`none came yet` : say`since ${suspensionsUntil.toISOString()}`
  return new Fault('suspension_list_outdated', { what: since })
}

type Refreshed = Awaited<ReturnType<Holder['refresh']>>
type Installed = { anchor: ConfigurationAnchor; summary: AnchorSummary }

function readAnchor(xml: Buffer): Promise<ConfigurationAnchor> {
  return withParametersReader((read) => read('anchor', xml))
}

async function readInstalled(file: string, read: ReadParameters): Promise<Installed | undefined> {
  let xml: Buffer
  try {
    xml = await readFile(file)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw new Fault('io_error', { what: file, cause })
  }
  const anchor = await read('anchor', xml)
  return { anchor, summary: summaryOf(anchor, xml) }
}

function summaryOf(anchor: ConfigurationAnchor, xml: Buffer): AnchorSummary {
  const { instance, generatedAt, sources } = anchor
  const addresses = [...new Set(sources.map(({ downloadUrl }) => downloadUrl))]
  return { hash: anchorHash(xml), instance, generatedAt, addresses }
}
