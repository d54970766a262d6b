/**
 * Takes a configuration from disk only after the checks that it passed when it was fetched. Its expiry is
 * checked on each use.
 */
import { parseDirectory } from '#core/configuration/directory.ts'
import { verifyDirectory } from '#core/configuration/directory-verify.ts'
import { checkPublicationTime, checkStatementIndex } from '#core/configuration/high-water.ts'
import { headOf } from '#core/configuration/log-head.ts'
import { verifyStatement } from '#core/configuration/statement.ts'
import { certificatesOf, documentCertificatesFor } from '#platform/configuration-documents/candidates.ts'
import type { ReadParameters } from '#platform/configuration-documents/read-parameters.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConfigurationAnchor } from '#schemas/global-configuration.ts'
import type { StoredCopy } from './generations.ts'
import { assembleCopy, checkHash, type InstanceCopy, type Kind, wantedParts } from './instance-copy.ts'
import type { InstanceMarks, Marks } from './marks.ts'

/**
 * Returns the copies that may be used, the own instance first. Throws when the own instance's copy fails a
 * check.
 */
export async function restoreCopies(q: {
  stored: StoredCopy[]
  anchor: ConfigurationAnchor
  marks: Marks
  isAllowed(instance: string): boolean
  read: ReadParameters
}): Promise<InstanceCopy[]> {
  const [storedOwn, ...others] = q.stored
  if (storedOwn?.instance !== q.anchor.instance) {
    throw new Fault('malformed_global_conf', { what: 'it is of another instance than the anchor' })
  }
  const own = await restoreCopy(storedOwn, q.anchor, q.marks.get(storedOwn.instance), 'own', q.read)
  const copies = [own]
  for (const stored of others) {
    const anchor = own.privateParameters?.anchors.find(({ instance }) => instance === stored.instance)
    if (anchor === undefined || !q.isAllowed(stored.instance)) continue
    const copy = await restoreCopy(stored, anchor, q.marks.get(stored.instance), 'federated', q.read).catch(
      () => undefined,
    )
    if (copy !== undefined) copies.push(copy)
  }
  return copies
}

async function restoreCopy(
  stored: StoredCopy,
  anchor: ConfigurationAnchor,
  marks: InstanceMarks | undefined,
  kind: Kind,
  read: ReadParameters,
): Promise<InstanceCopy> {
  const { instance, directoryBytes, statementText, contents } = stored
  const learned = marks?.learnedCertificates ?? []
  const certificates = documentCertificatesFor(anchor, learned)
  const directory = parseDirectory(directoryBytes)
  verifyDirectory(directory, [...certificatesOf(anchor), ...learned])
  const statement = statementText === undefined ? undefined : verifyStatement(statementText, certificates)
  checkPublicationTime(marks?.mark, directory, statement)
  checkStatementIndex(marks?.mark, statement)
  const parts = wantedParts(directory, instance, kind).map(({ part, fileName }) => {
    const content = contents.get(part.identifier)
    if (content === undefined)
      throw new Fault('malformed_global_conf', { what: `${part.identifier} is missing` })
    checkHash(part, content)
    return { part, fileName, content }
  })
  const logHead = statement === undefined ? undefined : headOf(statement, certificates)
  const signed = { directory, directoryBytes, statement, statementText, logHead }
  return assembleCopy({ instance, url: undefined, signed, parts, previous: undefined, read })
}
