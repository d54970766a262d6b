/**
 * Holds the accepted copies in memory and on disk in step: a copy is written whole before it is used, the marks follow,
 * and after a crash between the two the copy itself says how new it is.
 */
import { verifyDirectory } from '#core/configuration/directory.ts'
import { asFault } from '#schemas/fault.ts'
import type { ConfigurationAnchor } from '#schemas/global-configuration.ts'
import type { DurableFiles } from './durable-files.ts'
import { createGenerations } from './generations.ts'
import type { GlobalConfigurationSettings } from './global-configuration.ts'
import { raiseMark } from './high-water.ts'
import type { InstanceCopy, Kind } from './instance-copy.ts'
import { type InstanceMarks, marksBytes, readMarks, writeMarks } from './marks.ts'
import type { ReadParameters } from './read-parameters.ts'
import { restoreCopies } from './restore.ts'
import { type ConfigurationSnapshot, contentVersion, createSnapshot } from './snapshot.ts'
import { type LastPlace, tryLocations } from './try-locations.ts'

export type Holder = {
  snapshot(): ConfigurationSnapshot | undefined
  copies(): InstanceCopy[]
  onChange(listener: (snapshot: ConfigurationSnapshot) => void): () => void
  /** Takes what lies on disk when it stands every check; what does not is left alone and logged. */
  restore(anchor: ConfigurationAnchor, read: ReadParameters): Promise<void>
  refresh(anchor: ConfigurationAnchor, read: ReadParameters): Promise<void>
  /** Before another anchor is installed: certificates learned under the old one are not trusted any more. */
  forget(historyOf: string | undefined): Promise<void>
  /** After another anchor was installed. */
  keepOnlyWhatIsSignedFor(anchor: ConfigurationAnchor): void
}

export async function createHolder(
  q: GlobalConfigurationSettings & { files: DurableFiles },
): Promise<Holder> {
  const generations = await createGenerations(q.directory, q.files)
  const marks = new Map<string, InstanceMarks>(await readMarks(q.directory))
  const places = new Map<string, LastPlace>()
  const listeners = new Set<(snapshot: ConfigurationSnapshot) => void>()
  let persistedMarks = marksBytes(marks)
  let copies: InstanceCopy[] = []
  let snapshot: ConfigurationSnapshot | undefined
  let layout = ''
  let isReusable = true

  const isAllowed = (instance: string): boolean =>
    q.allowedFederations === 'all' || (q.allowedFederations?.includes(instance) ?? false)

  const use = (accepted: InstanceCopy[]): void => {
    copies = accepted.map((copy) => ({
      ...copy,
      parts: copy.parts.map((part) => ({ ...part, content: undefined })),
    }))
    for (const copy of copies) {
      marks.set(copy.instance, {
        mark: raiseMark(marks.get(copy.instance)?.mark, copy.directory, copy.statement),
        learnedCertificates: copy.shared.sources.flatMap((source) => [
          ...source.internalVerificationCerts,
          ...source.externalVerificationCerts,
        ]),
      })
    }
  }

  const publish = (): void => {
    const before = snapshot?.version
    snapshot = createSnapshot(copies, layout, q.clock)
    if (snapshot.version === before) return
    for (const { instance, index } of copies) {
      if (index.warnings.length > 0)
        q.log.warn({ instance, warnings: index.warnings }, 'global configuration')
    }
    for (const listener of listeners) {
      try {
        listener(snapshot)
      } catch (cause) {
        q.log.error({ err: asFault(cause) }, 'a listener to the global configuration failed')
      }
    }
  }

  const persistMarks = async (): Promise<void> => {
    const bytes = marksBytes(marks)
    if (bytes.equals(persistedMarks)) return
    await writeMarks(q.directory, marks, q.files)
    persistedMarks = bytes
  }

  const fetch = async (
    anchor: ConfigurationAnchor,
    kind: Kind,
    read: ReadParameters,
  ): Promise<InstanceCopy> => {
    const { instance } = anchor
    const copy = copies.find((known) => known.instance === instance)
    const last = places.get(instance)
    const mark = marks.get(instance)?.mark
    const found = await tryLocations({ ...q, anchor, kind, mark, copy, isReusable, last, read })
    places.set(instance, found.last)
    return found.copy
  }

  const federatedAnchors = (own: InstanceCopy): ConfigurationAnchor[] =>
    (own.privateParameters?.anchors ?? []).filter(
      ({ instance }) => instance !== own.instance && isAllowed(instance),
    )

  const heldFederated = (own: InstanceCopy): InstanceCopy[] =>
    federatedAnchors(own).flatMap(
      (anchor) => copies.find((known) => known.instance === anchor.instance) ?? [],
    )

  const fetchFederated = async (own: InstanceCopy, read: ReadParameters): Promise<InstanceCopy[]> => {
    const results = await Promise.all(
      federatedAnchors(own).map((anchor) =>
        fetch(anchor, 'federated', read).catch(() =>
          // Logged already. The last copy serves until it expires; content that must be written again cannot.
          isReusable ? copies.find((known) => known.instance === anchor.instance) : undefined,
        ),
      ),
    )
    return results.filter((copy) => copy !== undefined)
  }

  const install = async (accepted: InstanceCopy[]): Promise<void> => {
    if (!isReusable || isDifferent(accepted, copies)) {
      isReusable = false
      layout = await generations.save(accepted)
      isReusable = true
    }
    use(accepted)
    publish()
    await persistMarks()
  }

  return {
    snapshot: () => snapshot,
    copies: () => copies,
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    restore: async (anchor, read) => {
      try {
        const stored = await generations.load()
        if (stored === undefined) return
        use(await restoreCopies({ stored: stored.copies, anchor, marks, isAllowed, read }))
        layout = stored.folder
        publish()
      } catch (cause) {
        copies = []
        q.log.warn({ err: asFault(cause) }, 'the global configuration on disk is not used')
      }
    },
    refresh: async (anchor, read) => {
      const own = await fetch(anchor, 'own', read).catch((cause: unknown) => {
        // A federated copy may have expired meanwhile.
        if (copies.length > 0) publish()
        throw cause
      })
      // What our own registry says now, a revocation say, does not wait for another instance that answers slowly.
      const others = heldFederated(own)
      if (isReusable && others.length > 0) await install([own, ...others])
      await install([own, ...(await fetchFederated(own, read))])
    },
    forget: async (historyOf) => {
      for (const [instance, { mark }] of marks) {
        if (instance === historyOf) marks.delete(instance)
        else marks.set(instance, { mark, learnedCertificates: [] })
      }
      places.clear()
      await persistMarks()
    },
    keepOnlyWhatIsSignedFor: (anchor) => {
      const own = copies[0]
      if (own?.instance === anchor.instance && isSignedFor(own, anchor)) return
      copies = []
      snapshot = undefined
    },
  }
}

function isSignedFor(copy: InstanceCopy, anchor: ConfigurationAnchor): boolean {
  try {
    verifyDirectory(
      copy.directory,
      anchor.sources.flatMap((source) => source.verificationCerts),
    )
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
