/** Contracts that the registry lists no more, found by the version that a record names: what was in force is kept for ever. */
import type { ContractContent } from '#schemas/contract.ts'

/** Versions that were not found, so that they are not looked for all the time. */
const MOST_MISSING = 10_000

/**
 * Gives what finds them, for one run: all are read when a version is asked for that is not listed, which old records name, and let
 * go of after the run. `missing` is kept from run to run.
 */
export function findPastContracts(
  read: () => Promise<ContractContent[]>,
  missing: Set<string>,
): (version: string) => Promise<ContractContent | undefined> {
  let known: Map<string, ContractContent | undefined> | undefined
  return async (version) => {
    if (missing.has(version)) return undefined
    known ??= byVersion(await read())
    const found = known.get(version)
    if (found !== undefined) return found
    if (missing.size >= MOST_MISSING) missing.clear()
    missing.add(version)
    return undefined
  }
}

/** Of two contents of one version nobody can tell which a record meant. */
function byVersion(all: ContractContent[]): Map<string, ContractContent | undefined> {
  const known = new Map<string, ContractContent | undefined>()
  for (const content of all) {
    const version = `${content.contract}/${content.version}`
    known.set(version, known.has(version) ? undefined : content)
  }
  return known
}
