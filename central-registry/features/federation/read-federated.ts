/**
 * Reads what another instance publishes and verifies it before anything is stored: the directory's signature
 * by a key of the anchor or one that the instance itself announced, its expiry, the hash of the shared
 * parameters. If there is a statement of our kind, its index must never fall.
 */
import { verifyStatement } from '#core/configuration/statement.ts'
import { unpackShared } from '#core/configuration/unpack-shared.ts'
import { isOfProxy } from '#platform/configuration-documents/candidates.ts'
import { withParametersReader } from '#platform/configuration-documents/read-parameters.ts'
import { divideTimeLimit } from '#platform/time-limits.ts'
import { Fault } from '#schemas/fault.ts'
import type {
  ConfigurationAnchor,
  ConfigurationStatement,
  RegistrationService,
  SharedParameters,
} from '#schemas/global-configuration.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { ImportClient } from '../../configuration/other-instances/client.ts'
import {
  checkHash,
  findDirectory,
  getOk,
  MAX_SHARED_BYTES,
  partOf,
  verifiedDirectory,
} from '../../configuration/other-instances/read-source.ts'

type Federated = {
  url: string
  version: Whole
  expiresAt: Date
  /** The index of our kind of statement; undefined for X-Road's central server. */
  index: number | undefined
  registration: RegistrationService | undefined
  shared: Buffer
  /** Undefined when the shared parameters have not changed. */
  parameters: SharedParameters | undefined
  /** DER of the certificates that the instance announces for its sources. */
  learned: Buffer[]
}

type Known = { learned: Buffer[]; index: number | undefined; shared: Buffer | undefined }

const MAX_STATEMENT_BYTES = 1024 * 1024
const MOST_SOURCES = 8

/**
 * Reads from the first of the anchor's addresses that works, all within `withinMs`. Throws the fault of the
 * first source that answered wrongly, or else that of the first unreachable one.
 */
export async function readFederated(
  anchor: ConfigurationAnchor,
  known: Known,
  q: { client: Pick<ImportClient, 'get'>; now: Date; withinMs?: number | undefined },
): Promise<Federated> {
  const failures: unknown[] = []
  const nextShare = divideTimeLimit(q.withinMs)
  for (const { downloadUrl, verificationCerts } of anchor.sources.slice(0, MOST_SOURCES)) {
    const signal = nextShare()
    const get: ImportClient['get'] = (url, maxBytes) => q.client.get(url, maxBytes, signal)
    const certificates = [...verificationCerts, ...known.learned]
    // A proxy's own key signs no statement.
    const signers = isOfProxy(downloadUrl) && known.learned.length > 0 ? known.learned : certificates
    try {
      return await readFrom(downloadUrl, { certificates, signers }, { ...q, client: { get }, anchor, known })
    } catch (cause) {
      failures.push(cause)
    }
  }
  // A wrong answer is more informative than an unreachable source.
  throw failures.find((one) => !(one instanceof Fault) || one.code !== 'network_error') ?? failures[0]
}

async function readFrom(
  downloadUrl: string,
  { certificates, signers }: { certificates: Buffer[]; signers: Buffer[] },
  q: { client: Pick<ImportClient, 'get'>; now: Date; anchor: ConfigurationAnchor; known: Known },
): Promise<Federated> {
  const { instance } = q.anchor
  const { url, body } = await findDirectory(downloadUrl, q.client)
  const directory = verifiedDirectory(body, certificates, q.now)
  const part = partOf(directory, 'SHARED-PARAMETERS', instance)
  const statement = await statementAt(url, signers, q)
  const at = new URL(part.location, url)
  if (at.origin !== new URL(url).origin)
    throw new Fault('malformed_global_conf', { what: 'a location leads to another host' })
  const held = q.known.shared
  const isHeld = held !== undefined && hasHash(part, held)
  const shared = isHeld ? held : await getOk(q.client, at.href, MAX_SHARED_BYTES)
  if (!isHeld) checkHash(part, shared)
  const parameters = isHeld ? undefined : await readParameters(shared, instance)
  const ends = [
    directory.expireDate.getTime(),
    ...(statement === undefined ? [] : [Date.parse(statement.expireDate)]),
  ]
  return {
    ...{ url: downloadUrl, version: directory.version, expiresAt: new Date(Math.min(...ends)) },
    ...{ index: statement?.index, registration: statement?.registration, shared, parameters },
    learned: parameters === undefined ? q.known.learned : announcedBy(parameters),
  }
}

function hasHash(part: Parameters<typeof checkHash>[0], content: Buffer): boolean {
  try {
    checkHash(part, content)
    return true
  } catch {
    return false
  }
}

/**
 * Parses shared parameters in a separate thread. Throws `malformed_global_conf` when they are of another
 * instance.
 */
export async function readParameters(shared: Buffer, instance: string): Promise<SharedParameters> {
  const parameters = unpackShared(await withParametersReader((read) => read('shared', shared)))
  if (parameters.instance !== instance)
    throw new Fault('malformed_global_conf', {
      what: `parameters of instance ${parameters.instance.slice(0, 40)} stand in it`,
    })
  return parameters
}

function announcedBy(parameters: SharedParameters): Buffer[] {
  return parameters.sources.flatMap(({ internalVerificationCerts, externalVerificationCerts }) => [
    ...internalVerificationCerts,
    ...externalVerificationCerts,
  ])
}

async function statementAt(
  directoryUrl: string,
  certificates: Buffer[],
  q: { client: Pick<ImportClient, 'get'>; now: Date; anchor: ConfigurationAnchor; known: Known },
): Promise<ConfigurationStatement | undefined> {
  const url = new URL(directoryUrl)
  url.pathname += '-statement'
  const { status, body } = await q.client.get(url.href, MAX_STATEMENT_BYTES)
  const { index: last } = q.known
  if (status === 404) {
    if (last === undefined) return undefined
    throw new Fault('global_conf_rollback', { what: 'the instance offers its signed statement no more' })
  }
  if (status !== 200)
    throw new Fault('network_error', { what: `${url.host} answered HTTP ${status} instead of a statement` })
  const statement = verifyStatement(body.toString('latin1').trim(), certificates)
  if (statement.instance !== q.anchor.instance)
    throw new Fault('malformed_global_conf', { what: 'the statement is about another instance' })
  if (Date.parse(statement.expireDate) <= q.now.getTime())
    throw new Fault('global_conf_outdated', { what: 'its statement has expired' })
  if (last !== undefined && statement.index < last)
    throw new Fault('global_conf_rollback', { what: `index ${statement.index} after ${last}` })
  return statement
}
