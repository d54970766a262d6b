/**
 * Keeps the configuration from going back: stores how new the last accepted one was, by X-Road's signed time
 * and by our statement's index. The marks survive restarts; only an explicit command of the operator deletes
 * them.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConfigurationStatement, SuspensionList } from '#schemas/global-configuration.ts'
import type { Directory } from './directory.ts'
import { publicationTime } from './directory-parts.ts'
import type { SignedHead } from './log-head.ts'

export type HighWaterMark = {
  /**
   * Milliseconds since 1970 of the newest publication; absent when the locations of the source contain no
   * time.
   */
  publishedAt?: number | undefined
  /** The newest statement; once there was one, every publication must have one. */
  statement?: { index: number; parts: string } | undefined
  /** The newest log head of the registry that came with an accepted statement. */
  logHead?: SignedHead | undefined
  /** The newest suspension list. */
  suspensions?: { number: number; digest: string } | undefined
}

/** Each node of an X-Road central server publishes by its own clock. */
const TOLERANCE_MS = 120_000

/**
 * When a directory was published: the earliest time of its parts. Where there is a statement the locations in
 * it count: those of the directory may be of a configuration proxy, which could name a time far ahead and so
 * refuse all later ones.
 */
function publishedAt(
  directory: Directory,
  statement: ConfigurationStatement | undefined,
): number | undefined {
  const locations = directory.parts.map(({ identifier, location }) => {
    const stated = statement?.parts[`V${directory.version}/${identifier}`]?.location
    return stated !== undefined && location.endsWith(stated) ? stated : location
  })
  const times = locations.map(publicationTime)
  return times.some((time) => time === undefined) ? undefined : Math.min(...(times as number[]))
}

/** The index of a statement and a digest of its content: equal indexes must mean equal content. */
function statementMark(statement: ConfigurationStatement): NonNullable<HighWaterMark['statement']> {
  const hashes = Object.entries(statement.parts).map(([name, part]) => [name, part.sha512])
  const { graceUntil } = statement
  const content = { ...Object.fromEntries(hashes), ...(graceUntil !== undefined && { graceUntil }) }
  const parts = createHash('sha256').update(canonicalJson(content)).digest('hex')
  return { index: statement.index, parts }
}

/** Throws `global_conf_rollback` when the directory is older than the mark allows. */
export function checkPublicationTime(
  mark: HighWaterMark | undefined,
  directory: Directory,
  statement: ConfigurationStatement | undefined,
): void {
  if (mark?.publishedAt === undefined) return
  const time = publishedAt(directory, statement)
  if (time === undefined) throw rollback('its locations hold no time, earlier ones did')
  if (time < mark.publishedAt - TOLERANCE_MS) {
    const [its, newest] = [time, mark.publishedAt].map((ms) => new Date(ms).toISOString())
    throw rollback(`it was published at ${its}, one of ${newest} was seen before`)
  }
}

/**
 * Throws `global_conf_rollback` when the statement is missing or older, or when it has the same index but
 * other content.
 */
export function checkStatementIndex(
  mark: HighWaterMark | undefined,
  statement: ConfigurationStatement | undefined,
): void {
  const seen = mark?.statement
  if (seen === undefined) return
  if (statement === undefined) throw rollback('it comes without a statement, earlier ones had one')
  const { index, parts } = statementMark(statement)
  if (index < seen.index) throw rollback(`its statement has index ${index}, ${seen.index} was seen before`)
  if (index === seen.index && parts !== seen.parts) {
    throw rollback(`two statements with different content have the index ${index}`)
  }
}

export function listMark(
  { number }: SuspensionList,
  text: string,
): NonNullable<HighWaterMark['suspensions']> {
  return { number, digest: createHash('sha256').update(text).digest('hex') }
}

/**
 * Throws `global_conf_rollback` when the suspension list is older, or has the same number but other content.
 */
export function checkListNumber(
  mark: HighWaterMark | undefined,
  { number, digest }: NonNullable<HighWaterMark['suspensions']>,
): void {
  const seen = mark?.suspensions
  if (seen === undefined) return
  if (number < seen.number)
    throw rollback(`its suspension list has number ${number}, ${seen.number} was seen before`)
  if (number === seen.number && digest !== seen.digest)
    throw rollback(`two suspension lists have the number ${number}`)
}

/** The mark after a publication was accepted; never lower than before. */
export function raiseMark(
  mark: HighWaterMark | undefined,
  directory: Directory,
  { statement, logHead }: { statement: ConfigurationStatement | undefined; logHead: SignedHead | undefined },
): HighWaterMark {
  const time = publishedAt(directory, statement)
  const times = [mark?.publishedAt, time].filter((value) => value !== undefined)
  const isNewer = statement !== undefined && statement.index >= (mark?.statement?.index ?? 0)
  return {
    publishedAt: times.length === 0 ? undefined : Math.max(...times),
    statement: isNewer ? statementMark(statement) : mark?.statement,
    logHead: isNewer ? (logHead ?? mark?.logHead) : mark?.logHead,
    suspensions: mark?.suspensions,
  }
}

function rollback(what: string): Fault {
  return new Fault('global_conf_rollback', { what })
}
