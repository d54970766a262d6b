/**
 * The statement about a day, signed by both members: how many exchanges match, and which do not. Both sides
 * make it from the same entries, so both get the same octets.
 */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { checkSigner } from '#core/signature/check-signer.ts'
import { readSignedJson } from '#core/signature/signed-json.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseMemberId } from '#schemas/identifiers.ts'
import {
  RECONCILIATION_LIMITS,
  STATEMENT_TYPE,
  type Statement,
  type StatementFinding,
} from '#schemas/reconciliation.ts'
import { say } from '#schemas/said.ts'
import type { Side } from './entry.ts'
import type { FinalVerdict } from './shown.ts'

type StatementWriter = {
  /** Adds a verdict; verdicts must come in the order of keys. */
  add(verdict: FinalVerdict, of: { asks: Side; requestId: string }): void
  end(head: Pick<Statement, 'version' | 'day' | 'session' | 'first' | 'second'>): Statement
}

/** Collects verdicts. The number of findings is bounded; the counts are complete. */
export function createStatement(): StatementWriter {
  const counts: Statement['counts'] = {
    matched: 0,
    missingAtFirst: 0,
    missingAtSecond: 0,
    differing: 0,
    notComparable: 0,
    unconfirmed: 0,
  }
  const reasons: Record<string, number> = {}
  const findings: StatementFinding[] = []
  const fetched = { given: 0, confirmed: 0 }
  let omitted = 0
  const countReason = (name: string): void => {
    reasons[name] = (reasons[name] ?? 0) + 1
  }
  return {
    add(verdict, of) {
      if (verdict.class === 'ignored') return
      counts[counterOf(verdict)]++
      if (verdict.class === 'matched') {
        if (verdict.state === 'given' || verdict.state === 'confirmed') fetched[verdict.state]++
        return
      }
      countReason(`${verdict.class}${'at' in verdict ? `_at_${verdict.at}` : ''}.${verdict.reason}`)
      if (verdict.class === 'unconfirmed') return
      if (findings.length === RECONCILIATION_LIMITS.findings) omitted++
      else findings.push({ ...verdict, ...of })
    },
    end: ({ version, day, session, first, second }) => ({
      version,
      day,
      session,
      first,
      second,
      counts,
      reasons,
      findings,
      omitted,
      ...(version >= 3 && { fetched }),
    }),
  }
}

function counterOf(verdict: Exclude<FinalVerdict, { class: 'ignored' }>): keyof Statement['counts'] {
  if (verdict.class === 'missing') return verdict.at === 'first' ? 'missingAtFirst' : 'missingAtSecond'
  return verdict.class === 'not_comparable' ? 'notComparable' : verdict.class
}

/**
 * Reads a statement and requires exactly the signatures of `members`, one each, with certificates that the
 * configuration allows to sign for them at `at`. The caller checks the document's shape. Throws
 * `missing_signature`, `unknown_member`, or the fault of the first check that fails.
 */
export function readStatement(q: {
  jws: string
  members: string[]
  configurationOf(instance: string): ConfigurationIndex | undefined
  at: Date
}): unknown {
  const { document, signatures } = readSignedJson(Buffer.from(q.jws), STATEMENT_TYPE)
  if (signatures.length !== q.members.length)
    throw new Fault('missing_signature', {
      what: say`it needs one signature of each of ${q.members.length} members`,
    })
  const left = [...signatures]
  for (const name of q.members) {
    const member = parseMemberId(name)
    const configuration = q.configurationOf(member.instance)
    if (configuration === undefined) throw new Fault('unknown_member', { what: idText(member) })
    const position = left.findIndex((signature) => {
      try {
        checkSigner({ signature, configuration, at: q.at, member })
        return true
      } catch (thrown) {
        // If only one signature is left, its fault is the reason.
        if (!(thrown instanceof Fault) || left.length === 1) throw thrown
        return false
      }
    })
    if (position < 0)
      throw new Fault('missing_signature', {
        what: say`the statement has no valid signature of ${idText(member)}`,
      })
    left.splice(position, 1)
  }
  return document
}
