/** Verifies the record of a presentation from itself and trusted issuers alone. */

import { verifyRecord } from '#core/presentation/record.ts'
import { Refused } from '#core/presentation/refused.ts'
import { readTrustedIssuers } from '#core/presentation/trusted-issuers.ts'
import { REFUSALS } from '#schemas/presentation.ts'
import type { Report } from './report.ts'

/** `content`: the record; `issuers`: the JSON of the trusted issuers. Throws `invalid_input` for malformed issuers. */
export function verifyPresentation(q: { file: string; content: Buffer; issuers: unknown }): Report {
  const issuers = readTrustedIssuers(q.issuers)
  try {
    const { verdict, asked } = verifyRecord(q.content.toString('utf8'), issuers)
    const passed = verdict.outcome === 'accepted'
    const facts = {
      file: q.file,
      verdict: passed ? 'TOTAL-PASSED' : 'TOTAL-FAILED',
      clientId: asked.clientId,
    }
    const words = verdict.outcome === 'accepted' ? issuedBy(verdict.credentials) : REFUSALS[verdict.reason]
    return {
      ...{ kind: 'presentation', passed, facts: { ...facts, presentation: verdict } },
      text: `${facts.verdict}\n${words}\nAsked by ${asked.clientId} at ${asked.issuedAt.toISOString()}\n`,
    }
  } catch (thrown) {
    if (!(thrown instanceof Refused)) throw thrown
    const facts = { file: q.file, verdict: 'TOTAL-FAILED', reason: thrown.reason }
    return { kind: 'presentation', passed: false, facts, text: `TOTAL-FAILED\n${thrown.message}\n` }
  }
}

function issuedBy(credentials: { type: string; issuer: string }[]): string {
  return credentials.map(({ type, issuer }) => `${type}, issued by ${issuer}`).join('\n')
}
