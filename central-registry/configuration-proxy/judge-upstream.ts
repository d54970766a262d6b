/**
 * What a source publishes in all its versions, judged before anything of it is passed on: signatures, end, no
 * going back, our statement for each version, one publication for all. Also judges what the proxy itself
 * kept, after a restart.
 */
import { type Directory, parseDirectory } from '#core/configuration/directory.ts'
import { verifyDirectory } from '#core/configuration/directory-verify.ts'
import {
  checkPublicationTime,
  checkStatementIndex,
  type HighWaterMark,
} from '#core/configuration/high-water.ts'
import { verifyStatement } from '#core/configuration/statement.ts'
import { statesParts } from '#core/configuration/states-parts.ts'
import type { Location } from '#platform/configuration-documents/candidates.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConfigurationStatement } from '#schemas/global-configuration.ts'

export type Get = (url: string, maxBytes: number) => Promise<{ status: number; body: Buffer }>

/** One version as it came; X-Road's central server has no statement. */
export type Signed = { version: number; directoryBytes: Buffer; statementText: string | undefined }

export type Version = Signed & { directory: Directory; statement: ConfigurationStatement | undefined }

const SHARED = 'SHARED-PARAMETERS'

/** Whether the versions are of one publication. If not, the source published between two requests. */
export function areOfOnePublication(versions: Version[], instance: string): boolean {
  const newest = versions[0]?.statement
  return versions.every(
    ({ directory, statement }) =>
      statement?.index === newest?.index &&
      statement?.logHead === newest?.logHead &&
      (statement === undefined || statesParts(statement, directory, instance)),
  )
}

/**
 * The marks are of the newest version, whose statement names other parts than those of the others: these must
 * have the same index. Throws `malformed_global_conf`, `invalid_global_conf_signature` or
 * `global_conf_rollback`.
 */
export function judgeVersion(
  signed: Signed,
  q: { location: Location; instance: string; mark: HighWaterMark | undefined; isNewest: boolean },
): Version {
  const directory = parseDirectory(signed.directoryBytes)
  verifyDirectory(directory, q.location.certificates)
  if (directory.version !== signed.version)
    throw malformed(`version ${signed.version} was asked for, version ${directory.version} was given`)
  const names = directory.parts.filter((part) => part.instance === q.instance).map((part) => part.identifier)
  if (!names.includes(SHARED)) throw malformed(`${SHARED} of instance ${q.instance} is not listed`)
  const text = signed.statementText
  const statement = text === undefined ? undefined : verifyStatement(text, q.location.documentCertificates)
  if (statement !== undefined && statement.instance !== q.instance)
    throw malformed(`the statement is about instance ${statement.instance.slice(0, 40)}`)
  checkPublicationTime(q.mark, directory, statement)
  if (q.isNewest) checkStatementIndex(q.mark, statement)
  return { ...signed, directory, statement }
}

/** When all of it ends (ms): the earliest end of any of its documents. */
export function endOf(versions: Version[]): number {
  return Math.min(
    ...versions.flatMap(({ directory, statement }) => [
      directory.expireDate.getTime(),
      ...(statement === undefined ? [] : [Date.parse(statement.expireDate)]),
    ]),
  )
}

function malformed(what: string): Fault {
  return new Fault('malformed_global_conf', { what })
}
