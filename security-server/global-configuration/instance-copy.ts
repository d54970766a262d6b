/**
 * One instance's verified configuration: the signed documents, the parameters, and the look-ups over them.
 */
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { writeInstanceProfiles } from '#core/certificate/instance-profiles.ts'
import { type ConfigurationIndex, indexPacked } from '#core/configuration/configuration-index.ts'
import type { Directory } from '#core/configuration/directory.ts'
import type { DirectoryPart } from '#core/configuration/directory-parts.ts'
import type { SignedHead } from '#core/configuration/log-head.ts'
import { parseMonitoringParameters } from '#core/configuration/monitoring-parameters.ts'
import type { PackedShared } from '#core/configuration/pack-shared.ts'
import { digestOfUri } from '#core/configuration/signature-method.ts'
import type { ReadParameters } from '#platform/configuration-documents/read-parameters.ts'
import { Fault } from '#schemas/fault.ts'
import {
  type ConfigurationStatement,
  MONITORING_PART,
  type PrivateParameters,
} from '#schemas/global-configuration.ts'
import { type ClientId, idText } from '#schemas/identifiers.ts'

/** The documents that a source signed: the directory and, if it offers one, the statement. */
export type Signed = {
  directory: Directory
  directoryBytes: Buffer
  statement: ConfigurationStatement | undefined
  statementText: string | undefined
  /** The verified log head in the statement. */
  logHead: SignedHead | undefined
}

export type CopiedPart = {
  part: DirectoryPart
  /** The name in X-Road's layout on disk. */
  fileName: string
  /** Undefined when it is already on disk, or equal to that of the previous copy. */
  content: Buffer | undefined
}

export type InstanceCopy = Signed & {
  instance: string
  /** The location from which it was fetched; undefined for a copy read from disk. */
  url: string | undefined
  /** The directory's expiry, or the statement's when that is earlier. */
  expiresAt: Date
  parts: CopiedPart[]
  packed: PackedShared
  privateParameters: PrivateParameters | undefined
  index: ConfigurationIndex
}

/** Decides which parts are needed: all of the own instance, only the shared ones of a federated instance. */
export type Kind = 'own' | 'federated'

const SHARED = 'SHARED-PARAMETERS'
const PRIVATE = 'PRIVATE-PARAMETERS'
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]*\.[A-Za-z0-9]{1,8}$/

/**
 * The parts to take, with the file names that X-Road gives them. Parts of other instances are ignored. Throws
 * `malformed_global_conf`.
 */
export function wantedParts(
  directory: Directory,
  instance: string,
  kind: Kind,
): { part: DirectoryPart; fileName: string }[] {
  const own = directory.parts.filter((part) => part.instance === instance)
  const wanted = own
    .filter((part) => kind === 'own' || part.identifier === SHARED)
    .map((part) => ({ part, fileName: fileNameOf(part) }))
  for (const identifier of kind === 'own' ? [SHARED, PRIVATE] : [SHARED]) {
    if (!wanted.some(({ part }) => part.identifier === identifier)) {
      throw malformed(`${identifier} of instance ${instance.slice(0, 40)} is not listed`)
    }
  }
  if (new Set(wanted.map(({ fileName }) => fileName)).size !== wanted.length) {
    throw malformed('two parts have one file name')
  }
  return wanted
}

function fileNameOf(part: DirectoryPart): string {
  if (part.identifier === SHARED) return 'shared-params.xml'
  if (part.identifier === PRIVATE) return 'private-params.xml'
  const name = part.fileName ?? part.location.slice(part.location.lastIndexOf('/') + 1)
  if (!FILE_NAME.test(name) || name.endsWith('.metadata'))
    throw malformed(`${part.identifier} has no plain file name`)
  return name
}

/** The document with the instance's own certificate profiles; undefined when it has none. */
export function profilesFile({
  instance,
  statement,
}: Pick<InstanceCopy, 'instance' | 'statement'>): Buffer | undefined {
  const profiles = statement?.certificateProfiles ?? []
  return profiles.length === 0 ? undefined : writeInstanceProfiles({ instance, profiles })
}

/**
 * The parts without their contents. The memory of the contents is freed at once: a garbage collection would
 * come some configurations later.
 */
export function withoutContents(parts: CopiedPart[]): CopiedPart[] {
  return parts.map(({ content, ...part }) => {
    // Not when the content shares its ArrayBuffer with other data.
    if (content?.buffer instanceof ArrayBuffer && content.byteLength === content.buffer.byteLength)
      content.buffer.transfer(0)
    return { ...part, content: undefined }
  })
}

/** Throws `invalid_global_conf_signature` unless the content has the signed hash. */
export function checkHash(part: DirectoryPart, content: Buffer): void {
  const hash = createHash(digestOfUri(part.hashAlgorithm)).update(content).digest()
  if (!hash.equals(part.hash)) {
    throw new Fault('invalid_global_conf_signature', {
      what: `${part.identifier} does not have the signed hash`,
    })
  }
}

/** The part of `copy` that has the same content as `part` and therefore need not be fetched. */
export function samePart(copy: InstanceCopy | undefined, part: DirectoryPart): CopiedPart | undefined {
  return copy?.parts.find(
    (other) =>
      other.part.identifier === part.identifier &&
      other.part.instance === part.instance &&
      other.part.hashAlgorithm === part.hashAlgorithm &&
      other.part.hash.equals(part.hash),
  )
}

/**
 * Makes a copy from its parts. Parameters of parts without content are reused from `previous`. Throws
 * `malformed_global_conf` when parameters belong to another instance.
 */
export async function assembleCopy(q: {
  instance: string
  url: string | undefined
  signed: Signed
  parts: CopiedPart[]
  previous: InstanceCopy | undefined
  read: ReadParameters
}): Promise<InstanceCopy> {
  const contentOf = (identifier: string): Buffer | undefined =>
    q.parts.find(({ part }) => part.identifier === identifier)?.content
  const hasPrivate = q.parts.some(({ part }) => part.identifier === PRIVATE)
  const [sharedXml, privateXml] = [contentOf(SHARED), contentOf(PRIVATE)]
  const monitoring = q.parts.find(({ part }) => part.identifier === MONITORING_PART)
  const monitoringClient =
    monitoring !== undefined && monitoring.content === undefined
      ? known(q.previous).index.monitoringClient
      : await monitoringClientIn(monitoring?.content)
  const packed = sharedXml === undefined ? known(q.previous).packed : await q.read('shared', sharedXml)
  const privateParameters = !hasPrivate
    ? undefined
    : privateXml === undefined
      ? known(q.previous).privateParameters
      : await q.read('private', privateXml)
  // With many approved CAs indexing blocks the event loop for long, so pending exchanges run first. The first
  // wait ends in the turn that brought the parameters; only after the second one have sockets been served.
  await setImmediate()
  await setImmediate()
  for (const parameters of [packed.few, privateParameters]) {
    if (parameters !== undefined && parameters.instance !== q.instance) {
      throw malformed(`parameters of instance ${parameters.instance.slice(0, 40)} stand in it`)
    }
  }
  const { directory, statement } = q.signed
  const expires = [
    directory.expireDate.getTime(),
    ...(statement === undefined ? [] : [Date.parse(statement.expireDate)]),
  ]
  const profiles = statement?.certificateProfiles
  const isSame =
    sharedXml === undefined &&
    privateXml === undefined &&
    sameClient(monitoringClient, q.previous?.index.monitoringClient) &&
    canonicalJson(profiles ?? []) === canonicalJson(known(q.previous).statement?.certificateProfiles ?? [])
  return {
    ...q.signed,
    instance: q.instance,
    url: q.url,
    expiresAt: new Date(Math.min(...expires)),
    parts: q.parts,
    packed,
    privateParameters,
    index: isSame
      ? known(q.previous).index
      : indexPacked(packed, privateParameters, profiles, monitoringClient),
  }
}

/**
 * Nobody, where there is no such part. Nobody too where it cannot be read: exchanges do not depend on it, and
 * a right that is not understood is not given.
 */
async function monitoringClientIn(content: Buffer | undefined): Promise<ClientId | undefined> {
  if (content === undefined) return undefined
  return parseMonitoringParameters(content).catch(() => undefined)
}

function sameClient(one: ClientId | undefined, other: ClientId | undefined): boolean {
  return (one && idText(one)) === (other && idText(other))
}

function known(previous: InstanceCopy | undefined): InstanceCopy {
  if (previous === undefined) throw new Error('a part without content needs a previous copy')
  return previous
}

function malformed(what: string): Fault {
  return new Fault('malformed_global_conf', { what })
}
