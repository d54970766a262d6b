/**
 * What the proxy publishes of one instance: directories that its own key signs, and everything else as the
 * registry signed it. A directory never lasts longer than what it lists; afterwards nothing is published, and
 * the answer says why.
 */
import { stat } from 'node:fs/promises'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { prepareDirectory } from '#core/configuration/directory-write.ts'
import { type LogEntry, writeLogProof } from '#core/configuration/log-head.ts'
import { signatureUriFor } from '#core/configuration/signature-method.ts'
import { publicHalf, type SigningKey, signDerWith } from '#core/signature/signing-key.ts'
import type { Clock } from '#platform/clock.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { contentName } from './fetch-upstream.ts'
import { MOST_ENTRIES } from './follow-log.ts'
import { endOf, type Version } from './judge-upstream.ts'
import { type Kept, type KeptList, partFile } from './kept-upstream.ts'
import type { LeafTree } from './leaf-tree.ts'
import type { ProxyKeys } from './proxy-keys.ts'

export type Published = {
  /** Signs what is kept anew. Never throws: what cannot be signed is not published, and `state` says why. */
  renew(q: Renewal): Promise<void>
  /** Without a version the oldest one, as in X-Road. Throws `not_found` or `global_conf_outdated`. */
  directory(version: string | undefined): Buffer
  statement(version: string | undefined): string
  suspensions(): string
  /** The file of a part, by its path below the instance's. Throws `not_found`. */
  part(location: string): Promise<{ file: string; size: number }>
  /** As of a registry. Throws `not_found`. */
  proof(size: number, from: number): Promise<string>
  entries(from: number): Promise<string>
  state(): { until: Date | undefined; signedBy: Buffer | undefined; why: string | undefined }
}

type Renewal = {
  kept: Kept | undefined
  list: KeptList | undefined
  instance: string
  validitySeconds: number
  /** Why the last attempt to fetch failed. */
  fault: Fault | undefined
}

type Current = {
  expiresAt: number
  certificate: Buffer
  versions: Map<number, { directory: Buffer; statement: string | undefined }>
}

/** A server that read a directory just before it was replaced can still fetch its parts. */
export const SUPERSEDED_KEPT_MS = 600_000
/** Servers ask for the proof of the head that they just got. */
const LEAVES_KEPT = 64

export function createPublished(q: {
  name: string
  folder: string
  keys: Pick<ProxyKeys, 'signer'>
  clock: Clock
  tree: LeafTree
  /** Called when nothing new can be signed, each time for another reason. */
  warn(fault: Fault): void
}): Published {
  const { clock } = q
  let current: Current | undefined
  let list: KeptList | undefined
  let hasList = false
  let why = 'nothing was fetched yet'
  let warned: string | undefined
  /** So many leaves are under a head that the registry signed. */
  let proved = 0
  /** The content of each location, and when its publication was replaced. */
  const contents = new Map<string, { name: string; since: number | undefined }>()
  const leaves = new Map<number, LogEntry>()

  function inForce(): Current {
    if (current !== undefined && clock() < current.expiresAt) return current
    throw new Fault('global_conf_outdated', { what: why })
  }

  function versionOf(text: string | undefined) {
    const { versions } = inForce()
    const found = versions.get(Number(text ?? Math.min(...versions.keys())))
    if (found !== undefined) return found
    throw new Fault('not_found', { what: `versions ${[...versions.keys()].sort().join(', ')} are offered` })
  }

  function place(versions: Version[], instance: string): void {
    const now = clock()
    for (const [location, held] of contents) {
      held.since ??= now
      if (now - held.since > SUPERSEDED_KEPT_MS) contents.delete(location)
    }
    for (const part of versions.flatMap(({ directory }) => directory.parts))
      if (part.instance === instance)
        contents.set(part.location, { name: contentName(part), since: undefined })
  }

  async function sign(
    { directory, version }: Version,
    o: { signer: { certificate: Buffer; key: SigningKey }; expiresAt: number; instance: string },
  ): Promise<Buffer> {
    const { certificate, key } = o.signer
    const { toBeSigned, finish } = prepareDirectory({
      expireDate: new Date(o.expiresAt),
      version,
      parts: directory.parts
        .filter((part) => part.instance === o.instance)
        .map((part) => ({ ...part, location: `/${q.name}${part.location}` })),
      verificationCert: certificate,
      algorithmId: signatureUriFor(publicHalf(key)),
    })
    return finish(await signDerWith(key, 'sha512', toBeSigned))
  }

  async function renewed({ kept, instance, validitySeconds, fault }: Renewal): Promise<void> {
    const reason = fault === undefined ? '' : `; the last attempt to fetch a newer one: ${fault.message}`
    if (kept === undefined)
      throw new Fault('global_conf_outdated', { what: `nothing was accepted yet${reason}` })
    const end = endOf(kept.versions)
    if (end <= clock())
      throw new Fault('global_conf_outdated', {
        what: `the source's configuration ended at ${new Date(end).toISOString()}${reason}`,
      })
    const signer = await q.keys.signer()
    if (signer === undefined)
      throw new Fault('cannot_sign', {
        what: `${q.name} has no signing key: concordat configuration-proxy add-key`,
      })
    const expiresAt = Math.min(clock() + validitySeconds * 1000, end)
    const versions: Current['versions'] = new Map()
    for (const one of kept.versions) {
      const directory = await sign(one, { signer, expiresAt, instance })
      versions.set(one.version, { directory, statement: one.statementText })
    }
    place(kept.versions, instance)
    if (kept.logHead !== undefined && kept.leaf !== undefined) {
      proved = kept.logHead.head.size
      leaves.set(proved, kept.leaf)
      const [oldest] = leaves.keys()
      if (leaves.size > LEAVES_KEPT) leaves.delete(oldest!)
    }
    // A directory says its end in whole seconds.
    current = { versions, certificate: signer.certificate, expiresAt: Math.floor(expiresAt / 1000) * 1000 }
    hasList = kept.versions[0]?.statement?.hasSuspensionList === true
    why = `the last directory ended at ${new Date(current.expiresAt).toISOString()}`
  }

  return {
    async renew(o) {
      list = o.list
      try {
        await renewed(o)
        warned = undefined
      } catch (cause) {
        // What was signed before holds until its own end.
        const fault = asFault(cause)
        why = String(fault.what ?? fault.message)
        if (fault.code === 'global_conf_outdated' || warned === why) return
        warned = why
        q.warn(fault)
      }
    },
    directory: (version) => versionOf(version).directory,
    statement: (version) => {
      const { statement } = versionOf(version)
      if (statement === undefined) throw new Fault('not_found', { what: 'the source offers no statement' })
      return statement
    },
    suspensions: () => {
      if (!hasList) throw new Fault('not_found', { what: 'the source offers no suspension list' })
      if (list === undefined) throw new Fault('suspension_list_outdated', { what: 'none came yet' })
      if (Date.parse(list.list.expiresAt) <= clock())
        throw new Fault('suspension_list_outdated', { what: `since ${list.list.expiresAt}` })
      return list.text
    },
    async part(location) {
      const held = contents.get(location)
      if (held === undefined) throw new Fault('not_found')
      const file = partFile(q.folder, held.name)
      return { file, size: (await stat(file)).size }
    },
    async proof(size, from) {
      const leaf = leaves.get(size)
      if (leaf === undefined || from > size)
        throw new Fault('not_found', { what: `there is no proof from ${from} to ${size} here` })
      if ((await q.tree.size()) < size)
        throw new Fault('service_unavailable', { what: 'the log is fetched again' })
      return writeLogProof({ ...leaf, ...(await q.tree.proofs(size, from)) })
    },
    async entries(from) {
      // Those that no head has proved yet are not passed on.
      const size = Math.min(proved, await q.tree.size())
      const found = await q.tree.leaves(from, Math.min(MOST_ENTRIES, size - from))
      // What stands in an entry is asked of the registry; the hash is enough for proofs.
      const entries = found.map((leaf) => ({ form: null, content: null, leaf: leaf.toString('base64') }))
      return canonicalJson({ size, entries })
    },
    state: () => {
      const isCurrent = current !== undefined && clock() < current.expiresAt
      return {
        until: isCurrent ? new Date(current!.expiresAt) : undefined,
        signedBy: isCurrent ? current!.certificate : undefined,
        why: isCurrent ? undefined : why,
      }
    },
  }
}
