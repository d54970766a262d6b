/** Whether a statement and a directory are of one publication. */
import type { ConfigurationStatement } from '#schemas/global-configuration.ts'
import { DIGEST_URI } from '#schemas/wire.ts'
import type { Directory } from './directory.ts'

/**
 * Whether the statement lists exactly the parts of the directory, for the directory's version. A
 * configuration proxy may serve them below a folder of its own: what decides is the content, by its hash.
 */
export function statesParts(
  statement: ConfigurationStatement,
  directory: Directory,
  instance: string,
): boolean {
  const prefix = `V${directory.version}/`
  const stated = Object.keys(statement.parts).filter((name) => name.startsWith(prefix))
  const own = directory.parts.filter((part) => part.instance === instance)
  return (
    stated.length === own.length &&
    own.every((part) => {
      const entry: ConfigurationStatement['parts'][string] | undefined =
        statement.parts[prefix + part.identifier]
      return (
        entry !== undefined &&
        part.location.endsWith(entry.location) &&
        part.hashAlgorithm === DIGEST_URI['SHA-512'] &&
        entry.sha512 === part.hash.toString('base64')
      )
    })
  )
}
