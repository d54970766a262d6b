/**
 * Asks security servers for the certificates that they show by TLS. Guarantees that only addresses of the verified configuration
 * are called, a bounded number of servers at a time and within one time for all, and that only what fits a published hash is kept.
 */
import { createHash, randomInt } from 'node:crypto'
import { asFault } from '#schemas/fault.ts'
import type { ImportClient } from '../../configuration/other-instances/client.ts'
import { checkAddress } from '../../servers/rules.ts'
import type { Finding } from './notes.ts'
import type { Plan } from './plan.ts'

const AT_ONCE = 16
/** One call ends within this and a time-out; who cares for the rest calls again. */
const BUDGET_MS = 30_000

type Collected = {
  found: { sha256: string; der: Buffer }[]
  /** Servers that showed nothing that fits. */
  failed: Finding[]
  /** Servers that were not reached in this call's time. */
  left: number
}

export async function collectCertificates(
  missing: Plan['missing'],
  client: Pick<ImportClient, 'shownCertificate'>,
): Promise<Collected> {
  const byServer = Map.groupBy(missing, ({ server }) => server)
  const waiting = shuffled([...byServer.entries()])
  const collected: Collected = { found: [], failed: [], left: 0 }
  const until = performance.now() + BUDGET_MS
  const worker = async (): Promise<void> => {
    while (performance.now() < until) {
      const next = waiting.pop()
      if (next === undefined) return
      const [server, wanted] = next
      try {
        const der = await client.shownCertificate(checkAddress(wanted[0]!.address))
        const sha256 = createHash('sha256').update(der).digest('hex')
        if (wanted.some((one) => one.sha256 === sha256)) collected.found.push({ sha256, der })
        else
          collected.failed.push({ what: server, why: 'it shows a certificate that is not registered for it' })
      } catch (thrown) {
        collected.failed.push({ what: server, why: asFault(thrown).message })
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return { ...collected, left: waiting.length }
}

/** So that those who do not answer do not stand in the way at every call. */
function shuffled<T>(items: T[]): T[] {
  const left = [...items]
  const result: T[] = []
  while (left.length > 0) result.push(...left.splice(randomInt(left.length), 1))
  return result
}
