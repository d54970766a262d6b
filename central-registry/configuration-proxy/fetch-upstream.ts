/**
 * Fetches everything that a source publishes of an instance and verifies it as a security server would,
 * before anything is kept: each version, its parts by their hashes, and the place of the statement in the
 * registry's transparency log.
 */
import type { DirectoryPart } from '#core/configuration/directory-parts.ts'
import type { HighWaterMark } from '#core/configuration/high-water.ts'
import {
  checkLogGrew,
  checkNoContradiction,
  checkStatementInLog,
  headOf,
  type LogEntry,
  MAX_PROOF_LENGTH,
  readLogProof,
  type SignedHead,
} from '#core/configuration/log-head.ts'
import type { Location } from '#platform/configuration-documents/candidates.ts'
import { Fault } from '#schemas/fault.ts'
import { checkHash } from '../configuration/other-instances/read-source.ts'
import {
  areOfOnePublication,
  endOf,
  type Get,
  judgeVersion,
  type Signed,
  type Version,
} from './judge-upstream.ts'

export type Fetched = {
  /** The newest version first. */
  versions: Version[]
  url: string
  logHead: SignedHead | undefined
  /** The newest leaf under that head. */
  leaf: LogEntry | undefined
  /** Contents that were not kept yet, by the hex of their hash. */
  contents: Map<string, Buffer>
}

const VERSIONS = [6, 5, 4, 3, 2]
const NOT_FOUND = 404
const MOST_AGAIN = 3
const MAX_SIGNED_BYTES = 1024 * 1024
const MAX_SHARED_BYTES = 64 * 1024 * 1024
const MAX_OTHER_BYTES = 16 * 1024 * 1024
/** Of all parts in all versions. */
const MAX_TOTAL_BYTES = 256 * 1024 * 1024
const MOST_PARTS = 256

type Question = {
  get: Get
  location: Location
  instance: string
  now: number
  mark: HighWaterMark | undefined
  isKept(part: DirectoryPart): boolean
}

/** Throws the first fault that it finds. */
export async function fetchUpstream(q: Question): Promise<Fetched> {
  let found = await fetchVersions(q)
  // The source published between two of our requests; while much is decided there it does so several times in
  // a row.
  for (let again = 0; again < MOST_AGAIN && !areOfOnePublication(found.versions, q.instance); again++)
    found = await fetchVersions(q)
  const { versions, url } = found
  if (!areOfOnePublication(versions, q.instance))
    throw new Fault('malformed_global_conf', { what: 'directory and statement do not list the same parts' })
  const end = endOf(versions)
  if (end <= q.now)
    throw new Fault('global_conf_outdated', {
      what: `what it publishes ended at ${new Date(end).toISOString()}`,
    })
  const log = await checkLog(q, url, versions)
  const contents = new Map<string, Buffer>()
  let left = MAX_TOTAL_BYTES
  if (versions.flatMap(({ directory }) => directory.parts).length > MOST_PARTS)
    throw new Fault('malformed_global_conf', { what: `it lists more than ${MOST_PARTS} parts` })
  for (const { directory } of versions)
    for (const part of directory.parts) {
      const name = contentName(part)
      if (part.instance !== q.instance || q.isKept(part) || contents.has(name)) continue
      const content = await fetchPart(q.get, url, part, left)
      left -= content.length
      checkHash(part, content)
      contents.set(name, content)
    }
  return { versions, url, contents, ...log }
}

/** Under which a content is kept: the hex of its hash. */
export function contentName({ hash }: Pick<DirectoryPart, 'hash'>): string {
  return hash.toString('hex')
}

async function fetchVersions(q: Question): Promise<{ versions: Version[]; url: string }> {
  const fixed = new URL(q.location.url).searchParams.get('version')
  const versions: Version[] = []
  let url = q.location.url
  for (const version of fixed === null ? VERSIONS : [Number(fixed)]) {
    const at = versioned(q.location.url, version)
    const { status, body } = await q.get(at.href, MAX_SIGNED_BYTES)
    if (status === NOT_FOUND) continue
    const directoryBytes = okBody(at, status, body)
    const signed: Signed = { version, directoryBytes, statementText: await statementAt(q, at) }
    versions.push(judgeVersion(signed, { ...q, isNewest: versions.length === 0 }))
    if (versions.length === 1) url = at.href
  }
  if (versions.length > 0) return { versions, url }
  throw new Fault('network_error', {
    what: `${new URL(q.location.url).host} has no configuration at this address`,
  })
}

async function statementAt({ get }: Question, directory: URL): Promise<string | undefined> {
  const at = new URL(directory)
  at.pathname += '-statement'
  const { status, body } = await get(at.href, MAX_SIGNED_BYTES)
  return status === NOT_FOUND ? undefined : okBody(at, status, body).toString('latin1').trim()
}

/** As `security-server/global-configuration/fetch-log-proof.ts` does for a security server. */
async function checkLog(
  q: Question,
  url: string,
  versions: Version[],
): Promise<Pick<Fetched, 'logHead' | 'leaf'>> {
  const known = q.mark?.logHead
  const { statement } = versions[0]!
  const found = statement && headOf(statement, q.location.documentCertificates)
  if (statement === undefined || found === undefined) {
    if (known === undefined) return { logHead: undefined, leaf: undefined }
    throw rollback('its statement names no log, earlier ones did')
  }
  if (known !== undefined) checkNoContradiction(known.head, found.head)
  if (known !== undefined && known.head.size > found.head.size)
    throw rollback(`its log has ${found.head.size} leaves, ${known.head.size} were seen before`)
  const place = new URL(url)
  place.pathname += '-log-proof'
  place.search = `?size=${found.head.size}&from=${known?.head.size ?? 0}`
  const { status, body } = await q.get(place.href, MAX_PROOF_LENGTH)
  if (status === NOT_FOUND)
    throw new Fault('invalid_proof', { what: `${place.host} has no proof of the head that it shows` })
  const proof = readLogProof(okBody(place, status, body))
  // The leaf names the parts of all versions.
  for (const one of versions) checkStatementInLog(one.statement!, found.head, proof)
  if (known !== undefined) checkLogGrew(known.head, found.head, proof.consistency)
  return { logHead: found, leaf: { form: proof.form, content: proof.content } }
}

async function fetchPart(get: Get, directoryUrl: string, part: DirectoryPart, left: number): Promise<Buffer> {
  const at = new URL(part.location, directoryUrl)
  if (at.origin !== new URL(directoryUrl).origin)
    throw new Fault('malformed_global_conf', { what: 'a location leads to another host' })
  const limit = part.identifier === 'SHARED-PARAMETERS' ? MAX_SHARED_BYTES : MAX_OTHER_BYTES
  const { status, body } = await get(at.href, Math.min(limit, left))
  return okBody(at, status, body)
}

function okBody(at: URL, status: number, body: Buffer): Buffer {
  if (status !== 200) throw new Fault('network_error', { what: `${at.host} answered HTTP ${status}` })
  return body
}

function versioned(url: string, version: number): URL {
  const result = new URL(url)
  result.searchParams.set('version', String(version))
  return result
}

function rollback(what: string): Fault {
  return new Fault('global_conf_rollback', { what })
}
