/**
 * Fetches one instance's configuration from one location and checks all of it before anything is kept
 * (pr-gconf): signature, expiry, version, no going back, our statement and its place in the registry's log,
 * then each part against its signed hash.
 */
import { parseDirectory } from '#core/configuration/directory.ts'
import { verifyDirectory } from '#core/configuration/directory-verify.ts'
import {
  checkPublicationTime,
  checkStatementIndex,
  type HighWaterMark,
} from '#core/configuration/high-water.ts'
import { headOf, type SignedHead } from '#core/configuration/log-head.ts'
import { verifyStatement } from '#core/configuration/statement.ts'
import { statesParts } from '#core/configuration/states-parts.ts'
import type { Location } from '#platform/configuration-documents/candidates.ts'
import type { ReadParameters } from '#platform/configuration-documents/read-parameters.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { ConfigurationStatement } from '#schemas/global-configuration.ts'
import type { ConfigurationClient } from './client.ts'
import { checkInLog } from './fetch-log-proof.ts'
import {
  assembleCopy,
  type CopiedPart,
  checkHash,
  type InstanceCopy,
  type Kind,
  type Signed,
  samePart,
  wantedParts,
} from './instance-copy.ts'

type FetchQuestion = {
  client: ConfigurationClient
  location: Location
  instance: string
  kind: Kind
  now: Date
  mark: HighWaterMark | undefined
  /** The last copy: its unchanged parts are not fetched again. */
  previous: InstanceCopy | undefined
  /** The version that this location offered lately; it is tried first. */
  version?: number | undefined
  read: ReadParameters
  /** Called with a log head that does not follow from the known one; its statement is refused. */
  onFork?: ((fault: Fault, known: SignedHead | undefined, shown: SignedHead) => Promise<void>) | undefined
}

const NEWEST_VERSION = 6
const OLDEST_VERSION = 2
const NOT_FOUND = 404
const MOST_AGAIN = 3
const MAX_SIGNED_BYTES = 1024 * 1024
const MAX_SHARED_BYTES = 64 * 1024 * 1024
const MAX_OTHER_BYTES = 16 * 1024 * 1024

/** Returns the configuration at the location; throws the first fault that it finds in it. */
export async function fetchConfiguration(q: FetchQuestion): Promise<InstanceCopy> {
  const found = await findDirectory(q)
  let signed = await readSigned(q, found)
  // A publication between our two requests pairs a new document with an old one; while much is decided there
  // are several in a row.
  for (let again = 0; again < MOST_AGAIN && !belongTogether(signed, q); again++) {
    q.client.afresh?.()
    signed = await readSigned(q, { url: found.url, body: await getSigned(q, found.url) })
  }
  if (!belongTogether(signed, q)) throw malformed('directory and statement do not list the same parts')
  const parts: CopiedPart[] = []
  for (const { part, fileName } of wantedParts(signed.directory, q.instance, q.kind)) {
    const isKept = samePart(q.previous, part) !== undefined
    const content = isKept ? undefined : await fetchPart(q.client, found.url, part.location, part.identifier)
    if (content !== undefined) checkHash(part, content)
    parts.push({ part, fileName, content })
  }
  return assembleCopy({ ...q, url: q.location.url, signed, parts })
}

type Found = { url: string; body: Buffer }

/** Asks for the newest version first and goes down while the answer is 404, as X-Road's client does. */
async function findDirectory(q: FetchQuestion): Promise<Found> {
  const all = Array.from({ length: NEWEST_VERSION - OLDEST_VERSION + 1 }, (_, back) => NEWEST_VERSION - back)
  const versions = q.version === undefined ? all : [q.version, ...all]
  const isFixed = new URL(q.location.url).searchParams.has('version')
  for (const url of isFixed
    ? [q.location.url]
    : versions.map((version) => versioned(q.location.url, version))) {
    const { status, body } = await q.client.get(url, MAX_SIGNED_BYTES)
    if (status !== NOT_FOUND) return { url, body: okBody(url, status, body) }
  }
  throw new Fault('network_error', {
    what: `${new URL(q.location.url).host} has no configuration at this address`,
  })
}

/** Checks everything that the signature covers, in X-Road's order, then that it does not go back. */
async function readSigned(q: FetchQuestion, { url, body }: Found): Promise<Signed> {
  const directory = parseDirectory(body)
  verifyDirectory(directory, q.location.certificates)
  if (directory.expireDate <= q.now)
    throw outdated(`the directory expired at ${directory.expireDate.toISOString()}`)
  const asked = new URL(url).searchParams.get('version')
  if (asked !== null && Number(asked) !== directory.version) {
    throw malformed(`version ${asked} was asked for, version ${directory.version} was given`)
  }
  wantedParts(directory, q.instance, q.kind)
  const { statement, statementText } = await fetchStatement(q, url)
  checkPublicationTime(q.mark, directory, statement)
  checkStatementIndex(q.mark, statement)
  const logHead = statement === undefined ? undefined : await checkLog(q, url, statement)
  return { directory, directoryBytes: body, statement, statementText, logHead }
}

async function checkLog(
  q: FetchQuestion,
  url: string,
  statement: ConfigurationStatement,
): Promise<SignedHead | undefined> {
  const certificates = q.location.documentCertificates
  try {
    return await checkInLog({ ...q, url, statement, certificates })
  } catch (cause) {
    const fault = asFault(cause)
    if (fault.code === 'registry_fork' || fault.code === 'invalid_proof')
      await q.onFork?.(fault, q.mark?.logHead, headOf(statement, certificates)!)
    throw cause
  }
}

async function fetchStatement(
  q: FetchQuestion,
  directoryUrl: string,
): Promise<Pick<Signed, 'statement' | 'statementText'>> {
  const url = new URL(directoryUrl)
  url.pathname += '-statement'
  const { status, body } = await q.client.get(url.href, MAX_SIGNED_BYTES)
  // X-Road's central server has no statement.
  if (status === NOT_FOUND) return { statement: undefined, statementText: undefined }
  const statementText = okBody(url.href, status, body).toString('latin1').trim()
  const statement = verifyStatement(statementText, q.location.documentCertificates)
  if (statement.instance !== q.instance) {
    throw malformed(`the statement is about instance ${statement.instance.slice(0, 40)}`)
  }
  if (Date.parse(statement.expireDate) <= q.now.getTime()) throw outdated('the statement has expired')
  return { statement, statementText }
}

/** Without a statement there is nothing to compare. */
function belongTogether({ directory, statement }: Signed, q: FetchQuestion): boolean {
  return statement === undefined || statesParts(statement, directory, q.instance)
}

async function fetchPart(
  client: ConfigurationClient,
  directoryUrl: string,
  location: string,
  identifier: string,
): Promise<Buffer> {
  const url = new URL(location, directoryUrl)
  if (url.origin !== new URL(directoryUrl).origin) throw malformed('a location leads to another host')
  const limit = identifier === 'SHARED-PARAMETERS' ? MAX_SHARED_BYTES : MAX_OTHER_BYTES
  const { status, body } = await client.get(url.href, limit)
  return okBody(url.href, status, body)
}

async function getSigned(q: FetchQuestion, url: string): Promise<Buffer> {
  const { status, body } = await q.client.get(url, MAX_SIGNED_BYTES)
  return okBody(url, status, body)
}

function okBody(url: string, status: number, body: Buffer): Buffer {
  if (status !== 200)
    throw new Fault('network_error', { what: `${new URL(url).host} answered HTTP ${status}` })
  return body
}

function versioned(url: string, version: number): string {
  const result = new URL(url)
  result.searchParams.set('version', String(version))
  return result.href
}

function malformed(what: string): Fault {
  return new Fault('malformed_global_conf', { what })
}

function outdated(what: string): Fault {
  return new Fault('global_conf_outdated', { what })
}
