/**
 * The statement about a day: how many exchanges match, and which do not, signed by both members. Both sides make it
 * from the same entries, so both make the same octets.
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
  type StatementParty,
} from '#schemas/reconciliation.ts'
import type { Side } from './entry.ts'
import type { FinalVerdict } from './shown.ts'

type StatementWriter = {
  /** In the order of keys. */
  add(verdict: FinalVerdict, of: { asks: Side; requestId: string }): void
  end(head: { day: string; session: string; first: StatementParty; second: StatementParty }): Statement
}

/** Collects verdicts; the statement's size is bounded, its counts are complete. */
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
  let omitted = 0
  const countReason = (name: string): void => {
    reasons[name] = (reasons[name] ?? 0) + 1
  }
  return {
    add(verdict, of) {
      if (verdict.class === 'ignored') return
      counts[counterOf(verdict)]++
      if (verdict.class === 'matched') return
      countReason(`${verdict.class}${'at' in verdict ? `_at_${verdict.at}` : ''}.${verdict.reason}`)
      if (verdict.class === 'unconfirmed') return
      if (findings.length === RECONCILIATION_LIMITS.findings) omitted++
      else findings.push({ ...verdict, ...of })
    },
    end: ({ day, session, first, second }) => ({
      version: 1,
      day,
      session,
      first,
      second,
      counts,
      reasons,
      findings,
      omitted,
    }),
  }
}

function counterOf(verdict: Exclude<FinalVerdict, { class: 'ignored' }>): keyof Statement['counts'] {
  if (verdict.class === 'missing') return verdict.at === 'first' ? 'missingAtFirst' : 'missingAtSecond'
  return verdict.class === 'not_comparable' ? 'notComparable' : verdict.class
}

/**
 * Reads a statement and demands the signatures of `members`, one each, by certificates that the configuration lets sign for
 * them at `at`. Whether its shape is right is for the caller to check. Throws the fault of the first thing that is wrong.
 */
export function readStatement(q: {
  jws: string
  members: string[]
  configurationOf(instance: string): ConfigurationIndex | undefined
  at: Date
}): unknown {
  const { document, signatures } = readSignedJson(Buffer.from(q.jws), STATEMENT_TYPE)
  if (signatures.length !== q.members.length)
    throw new Fault('missing_signature', { what: `${q.members.length} signatures are needed` })
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
        // With one signature left there is nobody else to blame.
        if (!(thrown instanceof Fault) || left.length === 1) throw thrown
        return false
      }
    })
    if (position < 0)
      throw new Fault('missing_signature', { what: `no valid signature of ${idText(member)}` })
    left.splice(position, 1)
  }
  return document
}
