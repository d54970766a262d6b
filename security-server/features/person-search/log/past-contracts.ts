/**
 * Finds contracts that the registry no longer lists, by the version that a record names. Contents that were
 * in force are kept for ever.
 */
import type { ContractContent } from '#schemas/contract.ts'

/** How many versions without a result are remembered, so that they are not looked for again each time. */
const MOST_MISSING = 10_000

/**
 * Returns a finder for one run of the index. It reads all contents once, when a version is first asked for
 * that the registry no longer lists, and frees them after the run. `missing` is passed from run to run.
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

/** When one version has two contents, neither is used, because it is not known which one a record meant. */
function byVersion(all: ContractContent[]): Map<string, ContractContent | undefined> {
  const known = new Map<string, ContractContent | undefined>()
  for (const content of all) {
    const version = `${content.contract}/${content.version}`
    known.set(version, known.has(version) ? undefined : content)
  }
  return known
}
