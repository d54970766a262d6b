/**
 * Asks security servers for the certificates that they present over TLS. Guarantees that it contacts only
 * addresses of the verified configuration, several at the same time and within a total time, and returns only
 * certificates whose hash was published.
 */
import { createHash, randomInt } from 'node:crypto'
import { asFault } from '#schemas/fault.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { ImportClient } from '../../configuration/other-instances/client.ts'
import { checkAddress } from '../../servers/rules.ts'
import type { Finding } from './notes.ts'
import type { Plan } from './plan.ts'

const AT_ONCE = 16
/** Milliseconds for one call, plus one time-out; the caller calls again for the rest. */
const BUDGET_MS = 30_000

type Collected = {
  found: { sha256: string; der: Buffer }[]
  /** Servers that presented no certificate with a published hash. */
  failed: Finding[]
  /** The number of servers that were not contacted within the time of this call. */
  left: Whole
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

/** In random order, so that unresponsive servers do not block the others at every call. */
function shuffled<T>(items: T[]): T[] {
  const left = [...items]
  const result: T[] = []
  while (left.length > 0) result.push(...left.splice(randomInt(left.length), 1))
  return result
}
